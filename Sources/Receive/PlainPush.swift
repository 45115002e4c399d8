public import Bytes

/// Our own push format: a JSON object, a JSON array of objects, NDJSON, or plain text lines, told apart by the body.
public enum PlainPush {
    /// Reads a body.
    /// - Parameters:
    ///   - body: as received, perhaps compressed.
    ///   - queryLabels: labels for entries that do not carry them, from the request's query.
    ///   - contentEncoding: the header's value.
    ///   - now: nanoseconds since 1970.
    ///   - arrival: stamps entries without a timestamp; one for the whole server.
    /// - Throws: `ReceiveError` for a body of which nothing is stored.
    public static func decode(
        body: borrowing ByteSpan, queryLabels: [(name: String, value: String)], contentEncoding: String?,
        options: ReceiveOptions, now: Int64, arrival: ArrivalClock
    ) throws(ReceiveError) -> ReceiveResult {
        throw ReceiveError.malformed("not read yet")
    }

    /// The receipt `{"accepted":n,"duplicates":n,"rejected":n,"errors":[{"index":i,"reason":"…"}…]}` with a newline.
    public static func receipt(accepted: Int, duplicates: Int, result: ReceiveResult) -> [UInt8] { [] }

    /// The receipt of a body that was refused as a whole.
    public static func receipt(refused error: ReceiveError) -> [UInt8] { [] }
}
