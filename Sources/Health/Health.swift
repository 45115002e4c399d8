// Health: whether the services around an application and this machine are well, sampled by timers and kept as history,
// and the alerts that follow from it. Probes talk to services over plain sockets on threads of their own. It
// bytes; it must know no HTTP routes, no store and no settings: what it keeps it hands out as bytes.

/// How a service is. `unknown` is one that nobody asked to look at; it does not count.
public enum HealthStatus: String, Sendable, Hashable, CaseIterable {
    case healthy, degraded, unhealthy, unavailable, unknown

    /// Of all checks together: any unhealthy one makes the whole unhealthy, any degraded or unavailable one degraded.
    public static func overall(_ statuses: some Sequence<HealthStatus>) -> HealthStatus {
        var worst = HealthStatus.healthy
        for status in statuses {
            switch status {
            case .unhealthy: return .unhealthy
            case .degraded, .unavailable: worst = .degraded
            case .healthy, .unknown: break
            }
        }
        return worst
    }
}

/// A fact that a check found out beside its status.
public enum HealthDetail: Sendable, Hashable {
    case null
    case number(Double)
    case text(String)
    /// JSON as an application reported it, already checked.
    case json([UInt8])
}

/// What a look at a service gave.
public struct HealthCheck: Sendable {
    public var status: HealthStatus
    public var message: String
    public var latencyMilliseconds: Double?
    public var thresholdMilliseconds: Double?
    /// When it was looked at, and since when the status has been this one; nanoseconds since 1970.
    public var checkedAt: Int64?
    public var since: Int64?
    public var details: [(name: String, value: HealthDetail)]

    public init(
        _ status: HealthStatus, _ message: String, latencyMilliseconds: Double? = nil,
        details: [(name: String, value: HealthDetail)] = []
    ) {
        self.status = status
        self.message = message
        self.latencyMilliseconds = latencyMilliseconds
        self.details = details
    }
}

/// Values from which on something is no longer well.
public struct HealthThresholds: Sendable, Hashable {
    public var cpuPercent = 80.0
    public var memoryPercent = 85.0
    public var diskPercent = 90.0
    public var apiLatencyMilliseconds = 500.0
    public var databaseLatencyMilliseconds = 100.0
    public var redisLatencyMilliseconds = 50.0
    public var errorRatePercent = 5.0

    public init() {}
}
