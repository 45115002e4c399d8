/// When to complain about a figure.
public struct AlertRule: Sendable, Hashable {
    public enum Level: String, Sendable, CaseIterable {
        case warning, critical
    }

    public static let countLimit = 1000

    public var name: String
    /// The figure looked at: a metric's name, `probe`, or what the server hands in.
    public var signal: String
    public var level: Level
    public var source: String
    public var threshold: Double
    /// Below this value it is over; 10 % under the threshold unless told.
    public var clear: Double
    public var unit: String
    /// How long the figure must be above before anybody is told, and below before it is over.
    public var forSeconds: Int64
    public var keepSeconds: Int64
    /// What is complained of: `CPU`.
    public var title: String
    public var isEnabled = true

    public init(
        _ name: String, signal: String, level: Level = .warning, source: String, threshold: Double,
        clear: Double? = nil, unit: String = "", forSeconds: Int64 = 180, keepSeconds: Int64 = 60, title: String
    ) {
        self.name = name
        self.signal = signal
        self.level = level
        self.source = source
        self.threshold = threshold
        self.clear = clear ?? threshold * 0.9
        self.unit = unit
        self.forSeconds = forSeconds
        self.keepSeconds = keepSeconds
        self.title = title
    }

    /// The rules that hold unless others are given.
    public static func standard(_ limits: HealthThresholds) -> [AlertRule] {
        [
            AlertRule(
                "cpu_high", signal: "cpu_percent", source: "system", threshold: limits.cpuPercent, unit: "%",
                title: "CPU"),
            AlertRule(
                "memory_high", signal: "memory_percent", source: "system", threshold: limits.memoryPercent, unit: "%",
                title: "memory"),
            AlertRule(
                "disk_high", signal: "disk_percent", level: .critical, source: "system",
                threshold: limits.diskPercent, unit: "%", title: "disk"),
            AlertRule(
                "api_latency_high", signal: "api_latency_avg_ms", source: "api",
                threshold: limits.apiLatencyMilliseconds, unit: "ms", title: "API latency"),
            AlertRule(
                "db_latency_high", signal: "db_latency_ms", source: "database",
                threshold: limits.databaseLatencyMilliseconds, unit: "ms", forSeconds: 60, title: "database latency"),
            AlertRule(
                "redis_latency_high", signal: "redis_latency_ms", source: "redis",
                threshold: limits.redisLatencyMilliseconds, unit: "ms", forSeconds: 60, title: "Redis latency"),
            AlertRule(
                "error_rate_high", signal: "api_error_rate", level: .critical, source: "api",
                threshold: limits.errorRatePercent, unit: "%", title: "error rate"),
            AlertRule(
                "probe_down", signal: "probe", level: .critical, source: "probe", threshold: 0, clear: 1,
                forSeconds: 0, keepSeconds: 0, title: "probe"),
            AlertRule(
                "probe_missing", signal: "probe_missing", source: "probe", threshold: 0, clear: 1, forSeconds: 0,
                keepSeconds: 0, title: "report"),
            AlertRule(
                "error_group_new", signal: "error_new", source: "errors", threshold: 0, clear: 1, forSeconds: 0,
                keepSeconds: 0, title: "new error"),
            AlertRule(
                "error_group_regressed", signal: "error_regressed", source: "errors", threshold: 0, clear: 1,
                forSeconds: 0, keepSeconds: 0, title: "error is back"),
            AlertRule(
                "error_burst", signal: "error_burst", level: .critical, source: "errors", threshold: 5, unit: "times",
                forSeconds: 0, keepSeconds: 60, title: "errors"),
            AlertRule(
                "app_silent", signal: "app_silent", source: "logs", threshold: 0, clear: 1, forSeconds: 0,
                keepSeconds: 0, title: "no logs"),
            AlertRule(
                "retention_behind", signal: "retention_behind", source: "dendro", threshold: 0, clear: 1, unit: "days",
                forSeconds: 600, keepSeconds: 0, title: "retention"),
            AlertRule(
                "ingest_rejects", signal: "rejected_lines_per_minute", source: "dendro", threshold: 100,
                unit: "lines/min", title: "rejected lines"),
            AlertRule(
                "wal_behind", signal: "wal_percent", source: "dendro", threshold: 90, unit: "%",
                title: "write-ahead log"),
        ]
    }

    /// Log lines that show what the server's own rules complain of, as LogQL.
    var lines: String {
        switch source {
        case "dendro": "{app=\"dendro\"}"
        default: "{} | detected_level=~\"error|critical|fatal\""
        }
    }

    // MARK: - Kept

    static let textCount = 11

    var texts: [String] {
        [
            name, signal, level.rawValue, source, "\(threshold)", "\(clear)", unit, "\(forSeconds)", "\(keepSeconds)",
            title, isEnabled ? "1" : "0",
        ]
    }

    init?(_ texts: ArraySlice<String>) {
        let texts = Array(texts)
        guard texts.count == AlertRule.textCount, let level = Level(rawValue: texts[2]),
            let threshold = Double(texts[4]), let clear = Double(texts[5]), let wait = Int64(texts[7]),
            let keep = Int64(texts[8])
        else { return nil }
        self.init(
            texts[0], signal: texts[1], level: level, source: texts[3], threshold: threshold, clear: clear,
            unit: texts[6], forSeconds: wait, keepSeconds: keep, title: texts[9])
        isEnabled = texts[10] == "1"
    }
}
