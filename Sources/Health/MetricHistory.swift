/// What is sampled of the machine and of requests; the raw value is the name in answers.
public enum MetricField: String, Sendable, CaseIterable {
    case cpuPercent = "cpu_percent"
    case memoryPercent = "memory_percent"
    case diskPercent = "disk_percent"
    case apiQPS = "api_qps"
    case apiErrorRate = "api_error_rate"
    case apiClientErrorRate = "api_client_error_rate"
    case apiLatencyAverage = "api_latency_avg_ms"
    case apiLatencyP50 = "api_latency_p50_ms"
    case apiLatencyP95 = "api_latency_p95_ms"
    case apiLatencyP99 = "api_latency_p99_ms"
    case databaseLatency = "db_latency_ms"
    case redisLatency = "redis_latency_ms"
    case logsPerMinute = "logs_per_minute"
    case activeRequests = "active_requests"

    /// Its place in a point. The order is kept on disk: new fields go to the end.
    var lane: Int { MetricField.allCases.firstIndex(of: self) ?? 0 }
}

/// Values of one moment; what is not known is not a number.
public struct MetricPoint: Sendable, Hashable {
    static let encodedBytes = 8 + 16 * 4

    /// Seconds since 1970.
    public var seconds: Int64
    var values = SIMD16<Float>(repeating: .nan)

    public init(seconds: Int64) {
        self.seconds = seconds
    }

    public subscript(field: MetricField) -> Double? {
        get { values[field.lane].isFinite ? Double(values[field.lane]) : nil }
        set { values[field.lane] = newValue.map { Float($0) } ?? .nan }
    }

    func append(to out: inout [UInt8]) {
        for shift in 0..<8 { out.append(UInt8(truncatingIfNeeded: seconds >> Int64(shift * 8))) }
        for lane in 0..<16 {
            let bits = values[lane].bitPattern
            for shift in 0..<4 { out.append(UInt8(truncatingIfNeeded: bits >> UInt32(shift * 8))) }
        }
    }

    init(_ bytes: ArraySlice<UInt8>) {
        let base = bytes.startIndex
        seconds = (0..<8).reduce(Int64(0)) { $0 | Int64(bytes[base + $1]) << Int64($1 * 8) }
        for lane in 0..<16 {
            let bits = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[base + 8 + lane * 4 + $1]) << UInt32($1 * 8) }
            values[lane] = Float(bitPattern: bits)
        }
    }

    /// Averages of what is known.
    static func mean(_ points: ArraySlice<MetricPoint>, seconds: Int64) -> MetricPoint {
        var result = MetricPoint(seconds: seconds)
        for field in MetricField.allCases {
            let known = points.compactMap { $0[field] }
            if !known.isEmpty { result[field] = known.reduce(0, +) / Double(known.count) }
        }
        return result
    }
}

/// One hour at ten seconds and thirty days at a minute.
struct MetricHistory: Sendable {
    static let sampleSeconds: Int64 = 10
    static let recentLimit = 360
    static let minuteLimit = 30 * 24 * 60

    /// Ascending in time.
    private(set) var recent: [MetricPoint] = []
    private(set) var minutes: [MetricPoint] = []

    mutating func add(_ point: MetricPoint) {
        if let last = recent.last {
            guard point.seconds > last.seconds else { return }
            let minute = last.seconds / 60 * 60
            if minute < point.seconds / 60 * 60 {
                let from = recent.lastIndex { $0.seconds < minute }.map { $0 + 1 } ?? 0
                addMinute(.mean(recent[from...], seconds: minute))
            }
        }
        recent.append(point)
        if recent.count > MetricHistory.recentLimit { recent.removeFirst(recent.count - MetricHistory.recentLimit) }
    }

    private mutating func addMinute(_ point: MetricPoint) {
        if let last = minutes.last, point.seconds <= last.seconds { return }
        minutes.append(point)
        // Trimmed by the hour, not by the point: moving the rest down costs a copy.
        if minutes.count > MetricHistory.minuteLimit + 60 {
            minutes.removeFirst(minutes.count - MetricHistory.minuteLimit)
        }
    }

    /// Averages (and the largest values) of the points of the last hour before `now`, in seconds.
    func lastHour(before now: Int64) -> (average: MetricPoint, maximum: MetricPoint) {
        let from = recent.firstIndex { $0.seconds > now - 3600 } ?? recent.endIndex
        var most = MetricPoint(seconds: now)
        for field in MetricField.allCases { most[field] = recent[from...].compactMap { $0[field] }.max() }
        return (.mean(recent[from...], seconds: now), most)
    }

    /// Averages by steps of `step` seconds from `start` on; steps without points are nil.
    func series(from start: Int64, count: Int, step: Int64) -> [MetricPoint?] {
        let source = step < 60 ? recent : minutes + recent.filter { $0.seconds > (minutes.last?.seconds ?? 0) + 59 }
        var result = [MetricPoint?](repeating: nil, count: count)
        var at = source.firstIndex { $0.seconds >= start } ?? source.endIndex
        while at < source.endIndex {
            let slot = Int((source[at].seconds - start) / step)
            guard slot < count else { break }
            var end = at
            while end < source.endIndex, Int((source[end].seconds - start) / step) == slot { end += 1 }
            result[slot] = .mean(source[at..<end], seconds: start + Int64(slot) * step)
            at = end
        }
        return result
    }

    // MARK: - Kept

    /// The points at ten seconds, and the minutes of the hour that holds `seconds`.
    func encoded(hourOf seconds: Int64) -> (recent: [UInt8], hour: [UInt8]) {
        let hour = seconds / 3600
        var (first, second): ([UInt8], [UInt8]) = ([], [])
        for point in recent { point.append(to: &first) }
        for point in minutes.suffix(120) where point.seconds / 3600 == hour { point.append(to: &second) }
        return (first, second)
    }

    mutating func restore(recent: [UInt8], hours: [[UInt8]]) {
        func points(_ bytes: [UInt8]) -> [MetricPoint] {
            stride(
                from: 0, to: bytes.count / MetricPoint.encodedBytes * MetricPoint.encodedBytes,
                by: MetricPoint.encodedBytes
            )
            .map { MetricPoint(bytes[$0..<($0 + MetricPoint.encodedBytes)]) }
        }
        self.recent = points(recent).suffix(MetricHistory.recentLimit)
        minutes = hours.flatMap(points).sorted { $0.seconds < $1.seconds }.suffix(MetricHistory.minuteLimit)
    }
}
