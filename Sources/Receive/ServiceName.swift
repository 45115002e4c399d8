/// Where the label `service_name` comes from.
public enum ServiceName {
    /// The label's name.
    public static let label = "service_name"
    /// Value for streams that no field names.
    public static let unknown = "unknown_service"
    /// Labels that supply it, first present wins; the reference's list.
    public static let standardFields = [
        "service", "app", "application", "app_name", "name", "app_kubernetes_io_name", "container", "container_name",
        "k8s_container_name", "component", "workload", "job", "k8s_job_name",
    ]
}
