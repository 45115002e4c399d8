public import Bytes
public import Model

/// Takes the Content-Encoding off a body, within the limits.
public enum BodyDecoder {
    /// The body's content, or nil when it is sent as it is and can be read in place.
    /// - Parameter encoding: value of Content-Encoding; nil, empty, `identity` and `snappy` (which the snappy-protobuf
    ///   senders use for the payload itself) change nothing.
    /// - Parameter takesFrames: whether `zstd` and `lz4` are understood too.
    /// - Throws: 413 when body or content exceed `limits`, 400 when the encoding is unknown or damaged.
    public static func decode(
        _ body: borrowing ByteSpan, encoding: String?, limits: Limits, takesFrames: Bool = false
    ) throws(ReceiveError) -> [UInt8]? {
        guard body.count <= limits.bodyBytes.value else {
            throw tooLarge(body.count, limits.bodyBytes.value)
        }
        let format: Inflate.Format
        switch encoding?.lowercased() ?? "" {
        case "", "identity", "snappy":
            guard body.count <= limits.inflatedBytes.value else {
                throw tooLarge(body.count, limits.inflatedBytes.value)
            }
            return nil
        case "gzip", "x-gzip": format = .gzip
        case "deflate": format = .deflate
        case "zstd" where takesFrames: format = .zstd
        case "lz4" where takesFrames: format = .lz4
        default:
            throw ReceiveError.malformed("Content-Encoding \(JSONText.quoted(encoding ?? "")) not supported")
        }
        do throws(InflateError) {
            return try Inflate.inflate(body, format: format, limitBytes: limits.inflatedBytes.value)
        } catch {
            switch error {
            case .tooLarge(let limit):
                throw ReceiveError.tooLarge("request body too large: it inflates to more than \(limit) bytes")
            case .damaged(let what):
                throw ReceiveError.malformed("cannot inflate the request body: \(what)")
            }
        }
    }

    /// The 413 for a body or claim of `count` bytes.
    public static func tooLarge(_ count: Int, _ limit: Int) -> ReceiveError {
        ReceiveError.tooLarge("request body too large: message size too large than max (\(count) vs \(limit))")
    }
}
