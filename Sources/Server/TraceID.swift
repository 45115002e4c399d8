/// The id under which a request is logged and answered.
enum TraceID {
    private static let longest = 64

    /// The caller's id, out of a W3C `traceparent` or an `X-Trace-ID`, or a new one of 32 hexadecimal digits.
    static func of(traceparent: String?, traceID: String?) -> String {
        if let traceparent, let id = fromTraceparent(traceparent) { return id }
        if let traceID, isAcceptable(traceID) { return traceID }
        return fresh()
    }

    /// The trace id of `00-<32 hex>-<16 hex>-<2 hex>`, unless it is malformed or all zeros.
    static func fromTraceparent(_ text: String) -> String? {
        let fields = text.split(separator: "-", omittingEmptySubsequences: false)
        guard fields.count >= 4, fields[0].utf8.count == 2, fields[0] != "ff", fields[1].utf8.count == 32,
            fields[2].utf8.count == 16, fields[1].utf8.allSatisfy(isLowerHex),
            fields[1].utf8.contains(where: { $0 != 48 })
        else { return nil }
        return String(fields[1])
    }

    /// Whether an id from outside may go into headers and logs: short, and letters, digits, `-`, `_` or `.` only.
    static func isAcceptable(_ text: String) -> Bool {
        let bytes = text.utf8
        return (1...longest).contains(bytes.count)
            && bytes.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 45
                    || byte == 46 || byte == 95
            }
    }

    static func fresh() -> String {
        func digits(_ value: UInt64) -> String {
            let text = String(value, radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }
        return digits(.random(in: 1...UInt64.max)) + digits(.random(in: 0...UInt64.max))
    }

    private static func isLowerHex(_ byte: UInt8) -> Bool { (48...57).contains(byte) || (97...102).contains(byte) }
}
