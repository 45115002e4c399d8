public import Bytes
public import Receive

// Push: what promtail, Alloy and the other agents send -> `Batch`.
//
// The Loki push formats, JSON and snappy-protobuf. It may know Bytes, Model, Receive and Wire; no HTTP types, no I/O.

/// Bodies of `POST /loki/api/v1/push` and `/api/prom/push`.
public enum LokiPush {
    /// Reads a body in any of the Loki forms.
    /// - Parameters:
    ///   - body: as received, perhaps compressed.
    ///   - contentType: the header's value; nil when absent.
    ///   - contentEncoding: the header's value; nil when absent.
    ///   - now: nanoseconds since 1970, what ages are measured from.
    /// - Returns: the valid entries. If `lokiErrorText` is not nil, the answer is 400 with it once they are stored.
    /// - Throws: `ReceiveError` for a request of which nothing is stored.
    public static func decode(
        body: borrowing ByteSpan, contentType: String?, contentEncoding: String?, options: ReceiveOptions, now: Int64
    ) throws(ReceiveError) -> ReceiveResult {
        throw ReceiveError.malformed("not read yet")
    }
}
