/// What an application says of something that it looks after, and until when that holds.
struct ReportedCheck: Sendable {
    /// A start forgets what was not reported for so long after its time, or what is gone for good would be missed for
    /// ever.
    private static let keptNanoseconds: Int64 = 86_400_000_000_000
    private static let version = "1"
    private static let fixedCount = 8

    var check: HealthCheck
    /// Nanoseconds since 1970.
    var expires: Int64
    var ttlSeconds: Int

    init(check: HealthCheck, expires: Int64, ttlSeconds: Int) {
        self.check = check
        self.expires = expires
        self.ttlSeconds = ttlSeconds
    }

    /// Whether a start at `now` takes it up again.
    func isKept(_ now: Int64) -> Bool { expires >= now &- ReportedCheck.keptNanoseconds }

    // MARK: - Kept

    /// Version, end, time to live, status, message, latency, when looked at and since when so; then name, kind and
    /// value of each detail.
    var encoded: [UInt8] {
        func text(_ value: (some CustomStringConvertible)?) -> String { value.map { "\($0)" } ?? "" }
        var texts = [
            ReportedCheck.version, "\(expires)", "\(ttlSeconds)", check.status.rawValue, check.message,
            text(check.latencyMilliseconds), text(check.checkedAt), text(check.since),
        ]
        for (name, value) in check.details {
            switch value {
            case .null: texts += [name, "null", ""]
            case .number(let number): texts += [name, "number", "\(number)"]
            case .text(let text): texts += [name, "text", text]
            case .json(let bytes): texts += [name, "json", String(decoding: bytes, as: UTF8.self)]
            }
        }
        return TextRecord.encode(texts)
    }

    /// Nil for bytes that are none of this.
    init?(_ bytes: [UInt8]) {
        guard let texts = TextRecord.decode(bytes), texts.count >= ReportedCheck.fixedCount,
            texts[0] == ReportedCheck.version, (texts.count - ReportedCheck.fixedCount).isMultiple(of: 3),
            let expires = Int64(texts[1]), let ttl = Int(texts[2]), let status = HealthStatus(rawValue: texts[3])
        else { return nil }
        check = HealthCheck(status, texts[4], latencyMilliseconds: Double(texts[5]))
        (check.checkedAt, check.since) = (Int64(texts[6]), Int64(texts[7]))
        (self.expires, ttlSeconds) = (expires, ttl)
        for at in stride(from: ReportedCheck.fixedCount, to: texts.count, by: 3) {
            let value: HealthDetail
            switch texts[at + 1] {
            case "number": value = Double(texts[at + 2]).map { .number($0) } ?? .null
            case "text": value = .text(texts[at + 2])
            case "json": value = .json([UInt8](texts[at + 2].utf8))
            default: value = .null
            }
            check.details.append((texts[at], value))
        }
    }
}
