import Bytes
import HTTPTypes
import HummingbirdCore
import Model
import NIOCore
import NIOHTTP1
import Testing

@testable import Server

/// What becomes of answers on their way out: gzip, and headers for pages of other origins.
@Suite struct AnswerTests {
    @Test(
        arguments: [
            (nil, false), ("", false), ("gzip", true), ("deflate, gzip;q=0.5", true), ("GZIP", true), ("*", true),
            ("gzip;q=0", false), ("*;q=0, gzip", true), ("gzip; q=0, *", false), ("br", false), ("identity", false),
        ] as [(String?, Bool)])
    func whoTakesGzip(_ header: String?, _ takes: Bool) {
        #expect(AnswerCompression.acceptsGzip(header) == takes)
    }

    private final class Sink: ResponseBodyWriter {
        nonisolated(unsafe) var bytes: [UInt8] = []
        nonisolated(unsafe) var pieces = 0

        func write(_ buffer: ByteBuffer) async throws {
            bytes += [UInt8](buffer: buffer)
            pieces += 1
        }

        consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
    }

    private func packed(
        _ body: [UInt8], _ accept: String?, _ compression: AnswerCompression = AnswerCompression()
    ) async throws -> (encoding: String?, bytes: [UInt8], pieces: Int, vary: String?) {
        let plain = Answer(status: 200, body: body).response(route: "x")
        let response = compression.packed(plain, ByteBuffer(bytes: body), acceptEncoding: accept)
        let sink = Sink()
        try await response.body.write(sink)
        return (response.headers[.contentEncoding], sink.bytes, sink.pieces, response.headers[.vary])
    }

    @Test func largeAnswersArePackedPieceByPiece() async throws {
        var random = SystemRandomNumberGenerator()
        let body = (0..<600_000).map { _ in UInt8.random(in: 97...112, using: &random) }
        let answer = try await packed(body, "gzip")
        #expect(answer.encoding == "gzip")
        #expect(answer.vary == "Accept-Encoding")
        #expect(answer.pieces > 3)
        #expect(answer.bytes.count < body.count)
        #expect(try Inflate.inflate(answer.bytes.span, format: .gzip, limitBytes: body.count) == body)
    }

    @Test func othersAreLeftAsTheyAre() async throws {
        let large = [UInt8](repeating: 97, count: 5000)
        #expect(try await packed(large, nil).bytes == large)
        #expect(try await packed(large, nil).vary == "Accept-Encoding")
        let small = try await packed([UInt8](repeating: 97, count: 1023), "gzip")
        #expect(small.encoding == nil)
        #expect(small.vary == nil)
        // No more at a time than allowed.
        #expect(try await packed(large, "gzip", AnswerCompression(limit: 0)).bytes == large)
    }

    // MARK: - Other origins

    private func head(_ method: HTTPMethod, origin: String?, asks: Bool = true) -> HTTPRequestHead {
        var headers = HTTPHeaders()
        if let origin { headers.add(name: "Origin", value: origin) }
        if asks { headers.add(name: "Access-Control-Request-Method", value: "POST") }
        return HTTPRequestHead(version: .http1_1, method: method, uri: "/loki/api/v1/push", headers: headers)
    }

    @Test func pagesOfOtherOriginsAreLetInByName() {
        let page = "https://grafana.example"
        let off = CrossOrigin()
        let named = CrossOrigin(origins: [page])
        let any = CrossOrigin(origins: ["*"])
        #expect(off.preflight(head(.OPTIONS, origin: page)) == nil)
        #expect(named.preflight(head(.OPTIONS, origin: page))?.status == 204)
        #expect(named.preflight(head(.OPTIONS, origin: "https://other.example")) == nil)
        #expect(named.preflight(head(.OPTIONS, origin: nil)) == nil)
        #expect(named.preflight(head(.OPTIONS, origin: page, asks: false)) == nil)
        #expect(named.preflight(head(.POST, origin: page)) == nil)
        #expect(any.preflight(head(.OPTIONS, origin: "null"))?.status == 204)
        for (policy, origin, allowed, vary) in [
            (off, page, nil, nil), (named, page, page, "Origin"), (named, "https://x", nil, "Origin"),
            (any, "https://x", "*", nil),
        ] as [(CrossOrigin, String, String?, String?)] {
            var headers = HTTPHeaders()
            policy.decorate(&headers, origin: origin)
            #expect(headers.first(name: "Access-Control-Allow-Origin") == allowed)
            #expect(headers.first(name: "Vary") == vary)
            #expect(headers.contains(name: "Access-Control-Expose-Headers") == (allowed != nil))
        }
    }
}
