public import Bytes
import Model
public import Receive
import Wire

// Push: what promtail, Alloy and the other agents send -> `Batch`.
//
// The Loki push formats, JSON and snappy-protobuf. It may know Bytes, Model, Receive and Wire; no HTTP types, no I/O.

/// Bodies of `POST /loki/api/v1/push` and `/api/prom/push`.
public enum LokiPush {
    /// The 422 for a request without a stream.
    static let noStreams = ReceiveError(
        status: 422, message: "error at least one valid stream is required for ingestion")

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
        let isJSON = try MediaType.isJSON(contentType)
        guard let content = try BodyDecoder.decode(body, encoding: contentEncoding, limits: options.limits) else {
            return try read(body, isJSON: isJSON, options: options, now: now)
        }
        return try read(content.span, isJSON: isJSON, options: options, now: now)
    }

    private static func read(
        _ body: borrowing ByteSpan, isJSON: Bool, options: ReceiveOptions, now: Int64
    ) throws(ReceiveError) -> ReceiveResult {
        if isJSON { return try LokiJSON.read(body, options: options, now: now) }
        let message: [UInt8]
        do throws(SnappyError) {
            message = try Snappy.decompress(body, limitBytes: options.limits.inflatedBytes.value)
        } catch {
            switch error {
            case .tooLarge(let claimed, let limit): throw BodyDecoder.tooLarge(claimed, limit)
            case .corrupt: throw ReceiveError.malformed("snappy: corrupt input")
            }
        }
        return try LokiProtobuf.read(message.span, options: options, now: now)
    }
}
