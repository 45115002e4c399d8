public import Model

/// What the configuration says about incoming entries.
public struct ReceiveOptions: Sendable {
    /// Numbers and actions for everything from outside.
    public var limits = Limits()
    /// Top-level fields of our own push format's JSON lines that become stream labels.
    public var labelFields = ["app", "level", "env", "service"]
    /// Labels that supply `service_name`, first present wins; empty turns the label off.
    public var serviceNameFields = ServiceName.standardFields
    /// Whether streams without `service_name` get one.
    public var discoverServiceName = true
    /// Whether entries get `detected_level` metadata.
    public var discoverLevels = true
    /// Stream labels that become metadata of each entry.
    public var highCardinality = FieldName.highCardinality
    /// Metadata names that the trace filter indexes: rows with one are `RowFlags.traced`.
    public var indexed = FieldName.indexed
    /// Resource attributes of OpenTelemetry records that become stream labels; the others become metadata.
    public var resourceLabels = ReceiveOptions.standardResourceLabels
    /// What is taken out of lines before they are stored.
    public var scrub = ScrubOptions()
    /// Age beyond which entries are refused when `limits.maxAgeSeconds` is nil.
    public var retentionSeconds = 30 * 86400

    public init() {}

    /// The attributes that say what runs where, as the reference has them.
    public static let standardResourceLabels = [
        "service.name", "service.namespace", "service.instance.id", "deployment.environment",
        "deployment.environment.name", "cloud.region", "cloud.availability_zone", "k8s.cluster.name",
        "k8s.namespace.name", "k8s.pod.name", "k8s.container.name", "container.name", "k8s.replicaset.name",
        "k8s.deployment.name", "k8s.statefulset.name", "k8s.daemonset.name", "k8s.cronjob.name", "k8s.job.name",
    ]

    /// Age in seconds of the oldest acceptable entry.
    public var maxAgeSeconds: Int { limits.maxAgeSeconds ?? retentionSeconds }
}
