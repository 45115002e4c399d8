import Bytes
import Foundation
import Testing

/// How answers travel: packed, to pages of other origins, below a prefix, for forms.
@Suite struct AnswerTests {
    private let server: ServerProcess

    init() throws {
        server = try ServerProcess()
        try server.start(["--http-prefix", "/logs", "--http-cors-origins", "https://page.example"])
        let lines = (0..<300).map { "{\"app\":\"shop\",\"message\":\"order \($0) placed\"}" }
        #expect(try server.push(lines.joined(separator: "\n")).status == 200)
    }

    private let query = "/loki/api/v1/query_range?limit=500&query=" + ServerProcess.escaped("{app=\"shop\"}")

    /// An answer without what differs from run to run.
    private func result(_ body: [UInt8]) -> Substring {
        let text = String(decoding: body, as: UTF8.self)
        return text[..<(text.range(of: "\"stats\"")?.lowerBound ?? text.endIndex)]
    }

    @Test func answersArePackedForThoseWhoAsk() throws {
        let plain = try server.request("GET", query)
        let packed = try server.request("GET", query, headers: [("Accept-Encoding", "gzip")])
        #expect(plain.status == 200)
        #expect(!plain.head.lowercased().contains("content-encoding"))
        #expect(packed.head.lowercased().contains("content-encoding: gzip"))
        #expect(packed.body.count * 3 < plain.body.count)
        let body = try Inflate.inflate(packed.body.span, format: .gzip, limitBytes: 1 << 20)
        #expect(result(body) == result(plain.body))
    }

    @Test func formsAndPrefixesLeadToTheSameAnswers() throws {
        let plain = result(try server.request("GET", query).body)
        #expect(result(try server.request("GET", "/logs" + query).body) == plain)
        let form = query.drop { $0 != "?" }.dropFirst()
        let posted = try server.request(
            "POST", "/loki/api/v1/query_range",
            headers: [("Content-Type", "application/x-www-form-urlencoded")], body: Array(form.utf8))
        #expect(result(posted.body) == plain)
        // A query as long as a text may be, percent-encoded: three bytes of line for one of text.
        let text = "{app=\"shop\"} |= `\(String(repeating: "ü", count: 30_000))`"
        let long = try server.get("/loki/api/v1/query_range", [("query", text)])
        #expect(long.status == 200, "\(long.status)")
    }

    @Test func pagesOfKnownOriginsAreLetIn() throws {
        let asked = [("Origin", "https://page.example"), ("Access-Control-Request-Method", "POST")]
        let preflight = try server.request("OPTIONS", "/loki/api/v1/push", headers: asked)
        #expect(preflight.status == 204)
        #expect(preflight.head.contains("Access-Control-Allow-Origin: https://page.example"))
        let answer = try server.request("GET", query, headers: [asked[0]])
        #expect(answer.head.contains("Access-Control-Allow-Origin: https://page.example"))
        let other = try server.request("GET", query, headers: [("Origin", "https://other.example")])
        #expect(!other.head.contains("Access-Control-Allow-Origin"))
        let refused = [("Origin", "https://other.example"), asked[1]]
        #expect(try server.request("OPTIONS", "/loki/api/v1/push", headers: refused).status == 405)
    }
}
