import Foundation
import Testing

/// Every reading request of logcli, as it was captured, with its times moved to now.
@Suite(.serialized) struct ReplayTests {
    private struct Captured: Decodable {
        let method: String
        let path: String
        let query: [[String]]
    }

    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fixtures/loki-query")

    @Test func requestsOfLogcliAreAnswered() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path).sorted()
        #expect(names.count == 12)
        let server = try ServerProcess()
        try server.start()
        // The captured ranges end at 1795460809 or a few seconds later.
        let now = Int64(Date().timeIntervalSince1970)
        let body =
            #"{"streams":[{"stream":{"app":"shop"},"values":[["\#((now - 30) * 1_000_000_000)","size=5 took=3ms"]]}]}"#
        #expect(try server.push(body, "/loki/api/v1/push").status == 204)
        let parts = [
            "labels": "app", "values": "shop", "series": #""app":"shop""#, "query_range": "size=5", "query": #""1""#,
            "stats": #""entries":1"#, "volume": #"{"app":"shop"}"#, "volume_range": #"{"app":"shop"}"#,
            "detected_fields": #""label":"took","type":"duration""#,
        ]
        for name in names {
            let data = try Data(contentsOf: Self.folder.appendingPathComponent(name))
            let captured = try JSONDecoder().decode(Captured.self, from: data)
            let query = captured.query.map { pair in
                "\(pair[0])=" + ServerProcess.escaped(Self.moved(pair[1], by: now - 1_795_460_809))
            }
            let path = captured.path + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
            let reply = try server.request(captured.method, path, headers: [("User-Agent", "loki-logcli/")])
            let isDeletion = captured.method == "POST"
            #expect(reply.status == (isDeletion ? 204 : 200), "\(name): \(reply.status) \(reply.text)")
            if let part = parts[String(captured.path.split(separator: "/").last ?? "")] {
                #expect(reply.text.contains(part), "\(name): \(reply.text)")
            }
        }
    }

    /// A time in seconds or nanoseconds, moved by seconds; other text as it is.
    private static func moved(_ text: String, by seconds: Int64) -> String {
        guard text.hasPrefix("1795"), let time = Int64(text) else { return text }
        return String(time + (text.count > 10 ? seconds * 1_000_000_000 : seconds))
    }
}
