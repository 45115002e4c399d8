import Foundation
import Testing

/// http-api 10: live tails over WebSocket, against the real binary.
@Suite(.serialized) struct TailTests {
    private let server: ServerProcess

    init() throws { server = try ServerProcess() }

    /// Pushes lines of one stream, a nanosecond apart, `ageSeconds` ago.
    @discardableResult
    private func push(
        _ lines: [String], app: String = "t", ageSeconds: Int = 0, metadata: String = "", port: Int? = nil
    ) throws -> Int {
        let now = Int(Date().timeIntervalSince1970 * 1e6) * 1000 - ageSeconds * 1_000_000_000
        let values = lines.enumerated().map { "[\"\(now + $0.offset)\",\"\($0.element)\"\(metadata)]" }
        let body = "{\"streams\":[{\"stream\":{\"app\":\"\(app)\"},\"values\":[\(values.joined(separator: ","))]}]}"
        return try server.push(body, "/loki/api/v1/push").status
    }

    private func tail(
        _ query: String, _ more: [(String, String)] = [], headers: [(String, String)] = []
    ) throws -> TailClient {
        try TailClient(port: server.port, [("query", query)] + more, headers: headers)
    }

    @Test func whatIsWrongIsSaidBeforeTheUpgrade() throws {
        try server.start()
        for (parameters, text) in [
            ([], "parse error"), ([("query", "{app=")], "parse error"), ([("query", "{}")], ""),
            ([("query", "{app=\"t\"}"), ("delay_for", "6")], "delay_for can't be greater than 5"),
            ([("query", "{app=\"t\"}"), ("limit", "0")], "limit must be a positive value"),
            ([("query", "{app=\"t\"}"), ("start", "x")], "could not parse 'start' parameter"),
        ] as [([(String, String)], String)] {
            let reply = try TailClient(port: server.port, parameters).reply
            #expect(reply.status == 400)
            #expect(text.isEmpty || reply.text.contains(text), "\(reply.text)")
        }
        for path in ["/loki/api/v1/tail", "/api/prom/tail"] {
            let plain = try TailClient(port: server.port, [("query", "{app=\"t\"}")], path: path, upgrades: false).reply
            #expect(plain.status == 400)
            #expect(plain.text.hasPrefix("Bad Request"))
            #expect(plain.head.contains("Sec-Websocket-Version: 13"))
        }
        #expect(try server.request("POST", "/loki/api/v1/tail").status == 405)
    }

    @Test func whatIsWrongLaterClosesTheSocket() throws {
        try server.start(["--http-tails", "1"])
        let metric = try tail("rate({app=\"t\"}[1m])")
        #expect(metric.reply.status == 101)
        #expect(metric.reply.head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
        #expect(try metric.closing().code == 1011)
        let first = try tail("{app=\"t\"}")
        // A ping says that the first one is under way.
        _ = try first.frame()
        let refused = try tail("{app=\"t\"}").closing()
        #expect(refused.code == 1011)
        #expect(refused.reason == "max concurrent tail requests limit exceeded, count > limit (2 > 1)")
        first.close()
        #expect(try first.closing().code == 1000)
        _ = try server.poll("free of tails") { () -> Bool? in
            try push(["again"], app: "free")
            let next = try tail("{app=\"free\"}")
            return (try? next.message()) == nil ? nil : true
        }
    }

    @Test func thePastComesFirstThenWhatArrives() throws {
        try server.start()
        try push(["one", "two", "three"])
        let client = try tail("{app=\"t\"} != \"skip\"", [("limit", "2")])
        #expect(client.reply.status == 101)
        #expect(try client.message().lines == ["two", "three"])
        try push(["other"], app: "u")
        try push(["skip", "four"])
        #expect(try client.message().lines == ["four"])
        // Late lines are as new as any: what counts is when they arrived.
        try push(["late"], ageSeconds: 7200)
        #expect(try client.message().lines == ["late"])
        #expect(try server.request("POST", "/flush").status == 204)
        try push(["later"], ageSeconds: 3600)
        #expect(try client.message().lines == ["later"])
        let pinged = try server.poll("pinging") { () -> Bool? in
            if case .ping = try client.frame() { return true }
            return nil
        }
        #expect(pinged)
    }

    @Test func labelsAreMergedOrCategorised() throws {
        try server.start()
        let query = "{app=\"t\"} | logfmt"
        let merged = try tail(query)
        let sorted = try tail(query, headers: [("X-Loki-Response-Encoding-Flags", "categorize-labels,odd")])
        let legacy = try TailClient(port: server.port, [("query", query)], path: "/api/prom/tail")
        try push(["lev=info live"], metadata: ",{\"tid\":\"x0\"}")
        let labels = ["app": "t", "service_name": "t"]
        let rest = ["detected_level": "info", "tid": "x0", "lev": "info"]
        let first = try merged.message()
        #expect(first.streams.map(\.stream) == [labels.merging(rest) { $1 }])
        #expect(first.streams.first?.values.first?.count == 2)
        #expect(first.encodingFlags == nil)
        let second = try sorted.message()
        #expect(second.streams.map(\.stream) == [labels])
        #expect(second.encodingFlags == ["categorize-labels", "odd"])
        guard case .categories(let categories) = second.streams.first?.values.first?.last else {
            Issue.record("no third element")
            return
        }
        #expect(categories["structuredMetadata"] == ["detected_level": "info", "tid": "x0"])
        #expect(categories["parsed"]?["lev"] == "info")
        let text = try legacy.text()
        #expect(text.hasPrefix(#"{"streams":[{"labels":"{app=\"t\", "#), "\(text)")
        #expect(text.hasSuffix(#""line":"lev=info live"}]}],"dropped_entries":null}"#), "\(text)")
    }

    @Test func delayedLinesAreInOrderAndComplete() throws {
        try server.start()
        let client = try tail("{app=\"t\"}", [("delay_for", "1")])
        for number in 0..<20 { try push(["line \(number)"]) }
        #expect(try client.lines(20) == (0..<20).map { "line \($0)" })
    }

    /// Across many seals, while somebody pushes as fast as the server takes it.
    @Test func nothingIsMissedOfAHundredThousandLines() async throws {
        try server.start(["--storage-head-rows", "7000"])
        let client = try tail("{app=\"t\"}")
        let count = 100_000
        let port = server.port
        // Pushing goes on beside: the client reads here.
        let pushing = Task { try Self.pushLines(count, port) }
        let lines = try client.lines(count)
        #expect(lines == (0..<count).map { "line \($0)" })
        let total = try await pushing.value
        #expect(total == count)
        #expect(try server.get("/metrics").text.contains("dendro_tail_missed_lines_total 0"))
    }

    /// Pushes `line 0`, `line 1` and so on, 500 a request; how many were taken.
    private static func pushLines(_ count: Int, _ port: Int) throws -> Int {
        let connection = try HTTPConnection(port: port)
        var taken = 0
        for start in stride(from: 0, to: count, by: 500) {
            let now = Int(Date().timeIntervalSince1970 * 1e6) * 1000
            let values = (0..<500).map { "[\"\(now + $0)\",\"line \(start + $0)\"]" }.joined(separator: ",")
            let body = "{\"streams\":[{\"stream\":{\"app\":\"t\"},\"values\":[\(values)]}]}"
            let reply = try connection.send(
                "POST", "/loki/api/v1/push", headers: [("Content-Type", "application/json")], body: Array(body.utf8))
            if reply.status == 204 { taken += 500 }
        }
        return taken
    }

    @Test func aStoppingServerSaysGoodbye() throws {
        try server.start()
        let client = try tail("{app=\"t\"}")
        #expect(client.reply.status == 101)
        #expect(server.stop() == 0)
        #expect(try client.closing().code == 1001)
    }
}
