import Bytes

/// Where the label `service_name` comes from.
public enum ServiceName {
    /// The label's name.
    public static let label = "service_name"
    static let labelBytes = [UInt8](label.utf8)
    /// Value for streams that no field names.
    public static let unknown = "unknown_service"
    /// Labels that supply it, first present wins; the reference's list.
    public static let standardFields = [
        "service", "app", "application", "app_name", "name", "app_kubernetes_io_name", "container", "container_name",
        "k8s_container_name", "component", "workload", "job", "k8s_job_name",
    ]

    /// Gives `labels` a service name from the first of `fields` among them.
    static func add(to labels: inout PairBuffer, fields: NameList) {
        guard labels.find(labelBytes.span) == nil else { return }
        for index in 0..<fields.count {
            guard let at = fields.withName(index, { labels.find($0) }) else { continue }
            let value = [UInt8](labels.bytes[labels.pairs[at].value])
            labels.set(name: labelBytes.span, value: value.span)
            return
        }
        labels.set(name: labelBytes.span, value: [UInt8](unknown.utf8).span)
    }
}
