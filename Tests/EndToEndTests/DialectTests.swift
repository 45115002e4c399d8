import Foundation
import Testing

/// Dendro's own query route, on the real binary.
@Suite(.serialized) struct DialectTests {
    /// A query that computes for long: many operators at many steps.
    private static let slow: [(String, String)] = [
        ("query", "vector(1)" + String(repeating: " + vector(1)", count: 500)), ("start", "1700000000"),
        ("end", "1700010000"), ("step", "1"),
    ]

    private static func target(_ path: String, _ query: [(String, String)]) -> String {
        path + "?" + query.map { "\($0.0)=\(ServerProcess.escaped($0.1))" }.joined(separator: "&")
    }

    @Test func answersStreamWithoutACap() throws {
        let server = try ServerProcess()
        try server.start()
        let lines = (0..<7000).map { "{\"app\":\"a\($0 % 3)\",\"level\":\"info\",\"n\":\($0),\"message\":\"m\($0)\"}" }
        #expect(try server.push(lines.joined(separator: "\n")).status == 200)
        let all = try server.get("/api/v1/query", [("since", "24h")])
        #expect(all.status == 200)
        #expect(all.head.lowercased().contains("application/x-ndjson"))
        #expect(all.text.split(separator: "\n").count == 7000)
        #expect(Set(all.text.split(separator: "\n")).count == 7000)

        // In pieces, each going on where the last ended.
        var cursor: String?
        var found: [Substring] = []
        repeat {
            var query = [("query", "{}"), ("since", "24h"), ("limit", "1999")]
            if let cursor { query.append(("cursor", cursor)) }
            let text = try server.get("/api/v1/query", query).text
            cursor = text.firstMatch(of: /\{"next":"([^"]+)"/).map { String($0.1) }
            found += text.split(separator: "\n").filter { !$0.hasPrefix("{\"next\"") }.map { Substring(String($0)) }
        } while cursor != nil && found.count < 10_000
        #expect(found == all.text.split(separator: "\n"))

        let quoted = try server.get("/api/v1/query", [("query", "\"m4242\""), ("format", "text")])
        #expect(quoted.text.split(separator: "\n").count == 1)
        let sorted = try server.get(
            "/api/v1/query",
            [("query", "| json | sort by (n desc) | limit 2"), ("format", "csv"), ("fields", "n,app")])
        #expect(sorted.text.hasPrefix("timestamp,n,app,line\r\n"))
        #expect(
            sorted.text.split(separator: "\r\n").dropFirst().map { $0.split(separator: ",")[1] } == ["6999", "6998"])
        let distinct = try server.get("/api/v1/query", [("query", "{} | distinct app"), ("since", "24h")])
        #expect(distinct.text.split(separator: "\n").count == 3)
        let count = try server.get("/api/v1/query", [("query", "sum(count_over_time({}[1h]))")])
        #expect(count.text.contains("\"value\":\"7000\""))
        #expect(try server.get("/loki/api/v1/query_range", [("query", "{}")]).status == 400)
        let bad = try server.get("/api/v1/query", [("query", "{app=")])
        #expect(bad.status == 400)
        #expect(bad.text.contains("\"code\":\"parse\""))
        let plan = try server.get(
            "/loki/api/v1/query_range", [("query", "{app=\"a1\"} |= \"m42\""), ("explain", "1")])
        #expect(plan.text.contains("\"resultType\":\"explanation\""))
        #expect(plan.text.contains("\"matched_rows\":"))
        #expect(server.stop() == 0)
    }

    @Test func clientsThatLeaveEndTheirQueries() throws {
        let server = try ServerProcess()
        try server.start()
        var connection: HTTPConnection? = try HTTPConnection(port: server.port)
        let target = Self.target("/loki/api/v1/query_range", Self.slow)
        connection?.write(Array("GET \(target) HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
        _ = try server.poll("running the query") {
            try server.get("/api/v1/queries").text.contains("\"state\":\"running\"") ? true : nil
        }
        connection = nil
        _ = try server.poll("rid of the query") {
            try server.get("/api/v1/queries").text == "{\"queries\":[]}\n" ? true : nil
        }
        #expect(server.stop() == 0)
    }

    @Test func operatorsEndQueriesAndManyAreAnswered() throws {
        let server = try ServerProcess()
        try server.start()
        let connection = try HTTPConnection(port: server.port)
        connection.write(
            Array("GET \(Self.target("/loki/api/v1/query_range", Self.slow)) HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
        let id = try server.poll("running the query") {
            try server.get("/api/v1/queries").text.firstMatch(of: /"id":"(\d+)"/).map { String($0.1) }
        }
        #expect(try server.request("DELETE", "/api/v1/queries/\(id)").status == 204)
        #expect(try connection.read().text == "the query was ended by an operator")
        #expect(try server.request("DELETE", "/api/v1/queries/\(id)").status == 404)

        // Forty at once: none is sent away.
        let waiting = try (0..<40).map { _ in try HTTPConnection(port: server.port) }
        let short = Self.target(
            "/loki/api/v1/query_range", [("query", "vector(1)"), ("start", "1700000000"), ("end", "1700001000")])
        for one in waiting { one.write(Array("GET \(short) HTTP/1.1\r\nHost: x\r\n\r\n".utf8)) }
        for one in waiting { #expect(try one.read().status == 200) }
        #expect(server.stop() == 0)
    }
}
