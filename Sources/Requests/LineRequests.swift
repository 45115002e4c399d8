import Bytes
public import Model

/// Reads requests out of single lines, as the log of requests counts them.
public struct LineRequests: Sendable {
    private var reader = RequestReader()

    public init() {}

    /// The request that a line, or else its metadata, tells of; nil if it is about none.
    public mutating func request(time: Int64, line: [UInt8], metadata: LabelSet, app: String) -> SlowRequest? {
        if let fields = reader.read(line.span) {
            return LineRequests.request(time, fields, fields.isNested ? reader.nested : line, app)
        }
        return reader.readMetadata(metadata.encoded.span).map {
            LineRequests.request(time, $0, metadata.encoded, app)
        }
    }

    private static func request(_ time: Int64, _ fields: RequestFields, _ text: [UInt8], _ app: String) -> SlowRequest {
        func part(_ range: Range<Int>?) -> String {
            range.map { String(decoding: text[$0].prefix(512), as: UTF8.self) } ?? ""
        }
        return SlowRequest(
            time: time, microseconds: fields.microseconds, status: fields.status, app: app,
            method: part(fields.method), path: part(fields.path), client: part(fields.client), trace: part(fields.trace)
        )
    }
}
