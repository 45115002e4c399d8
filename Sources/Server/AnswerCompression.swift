import Bytes
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import Synchronization

/// Packs answers with gzip where the client asks for it and it is worth it: piece by piece, as the client takes them.
/// Only so many at a time are packed, the others go out as they are: answering comes before saving bytes.
final class AnswerCompression: Sendable {
    /// Smaller bodies fit a packet anyway.
    static let leastBytes = 1 << 10
    private static let pieceBytes = 64 << 10
    private let limit: Int
    private let running = Atomic<Int>(0)

    init(limit: Int = 2) {
        self.limit = limit
    }

    /// Whether an Accept-Encoding takes gzip: named, or meant by `*`, and not with a weight of 0.
    static func acceptsGzip(_ header: String?) -> Bool {
        guard let header else { return false }
        var accepts = false
        for item in header.split(separator: ",") {
            let parts = item.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() }
            guard let name = parts.first, name == "gzip" || name == "x-gzip" || name == "*" else { continue }
            let weight = parts.dropFirst().first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) } ?? 1
            if name != "*" { return weight > 0 }
            accepts = weight > 0
        }
        return accepts
    }

    /// `response`, packed if that is asked for and worth it.
    func packed(_ response: Response, _ body: ByteBuffer, acceptEncoding: String?) -> Response {
        guard body.readableBytes >= Self.leastBytes, response.headers[.contentEncoding] == nil else { return response }
        var response = response
        response.headers.append(HTTPField(name: .vary, value: "Accept-Encoding"))
        guard Self.acceptsGzip(acceptEncoding), enter() else { return response }
        response.headers[.contentEncoding] = "gzip"
        response.headers[.contentLength] = nil
        let packing = Packing(self)
        response.body = ResponseBody { writer in
            let stream = GzipStream()
            var rest = body
            repeat {
                let piece = rest.readSlice(length: min(rest.readableBytes, Self.pieceBytes)) ?? ByteBuffer()
                guard let packed = stream.compress(piece.readableBytesUInt8Span, isLast: rest.readableBytes == 0) else {
                    throw CompressionFailure()
                }
                if !packed.isEmpty { try await writer.write(ByteBuffer(bytes: packed)) }
            } while rest.readableBytes > 0
            packing.end()
            try await writer.finish(nil)
        }
        return response
    }

    private func enter() -> Bool {
        if running.add(1, ordering: .relaxed).newValue <= limit { return true }
        running.subtract(1, ordering: .relaxed)
        return false
    }

    /// One answer being packed; it counts until it is done or given up.
    private final class Packing: Sendable {
        private let compression: AnswerCompression
        private let isDone = Atomic<Bool>(false)

        init(_ compression: AnswerCompression) {
            self.compression = compression
        }

        deinit { end() }

        func end() {
            if !isDone.exchange(true, ordering: .relaxed) { compression.running.subtract(1, ordering: .relaxed) }
        }
    }
}

/// zlib cannot go on: the answer ends early, which its client notices by the missing end of the last chunk.
struct CompressionFailure: Error {}
