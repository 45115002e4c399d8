import Foundation
import Testing

/// Requests that no honest client sends: each gets a 4xx, and the server goes on.
@Suite(.serialized) struct HostileTests {
    private let server: ServerProcess

    init() throws {
        server = try ServerProcess()
        try server.start(["--limits-body-bytes", "1MiB", "--limits-inflated-bytes", "2MiB"])
    }

    private func expectAlive() throws {
        #expect(try server.get("/ready").status == 200)
        #expect(try server.push("{\"app\":\"after\"}").status == 200)
    }

    @Test(arguments: [
        "{\"streams\":[{\"stream\":{\"a\":\"b\"},\"values\":[[1,\"x\"]]}]}", "{\"streams\":[", "[]", "{}", "null",
        "{\"streams\":[{\"stream\":{\"a\":5},\"values\":[[\"1\",\"x\"]]}]}", "{\"streams\":[]}",
        String(repeating: "[", count: 100_000), "{\"streams\":[{\"stream\":{\"a\":\"b\"},\"values\":[]}]} tail",
    ])
    func brokenPushesAreRefused(body: String) throws {
        let reply = try server.push(body, "/loki/api/v1/push")
        #expect((400..<500).contains(reply.status), "\(reply.status) for \(body.prefix(60))")
        try expectAlive()
    }

    @Test func largeBodiesAreRefused() throws {
        let large = [UInt8](repeating: 0x20, count: 2 << 20)
        let declared = try server.request("POST", "/api/v1/push", body: large)
        #expect(declared.status == 413)
        let connection = try HTTPConnection(port: server.port)
        connection.write(Array("POST /api/v1/push HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".utf8))
        for _ in 0..<4 {
            connection.write(Array("80000\r\n".utf8) + [UInt8](repeating: 0x20, count: 0x80000) + Array("\r\n".utf8))
        }
        #expect(try connection.read().status == 413)
        try expectAlive()
    }

    /// A megabyte of gzip that would be a gigabyte of spaces.
    @Test func bombsAreRefusedWhileTheyInflate() throws {
        let path = server.folder + "/bomb.gz"
        let shell = Process()
        shell.executableURL = URL(fileURLWithPath: "/bin/sh")
        shell.arguments = ["-c", "head -c 300000000 /dev/zero | tr '\\0' ' ' | gzip -9 > '\(path)'"]
        try shell.run()
        shell.waitUntilExit()
        let bomb = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        let headers = [("Content-Encoding", "gzip"), ("Content-Type", "application/json")]
        #expect(try server.request("POST", "/loki/api/v1/push", headers: headers, body: bomb).status == 413)
        #expect(try server.request("POST", "/api/v1/push", headers: headers, body: bomb).status == 413)
        try expectAlive()
        let resident = try server.get("/metrics").text.firstMatch(of: #/\nprocess_resident_memory_bytes (\d+)/#)
        #expect(try #require(resident.flatMap { Int($0.1) }) < 300 << 20)
    }

    @Test(arguments: [
        "/loki/api/v1/query_range?query=%", "/loki/api/v1/query_range?query=%7Bapp%3D%22x%22%7D&limit=-1",
        "/loki/api/v1/query_range?query=%7Bapp%3D%22x%22%7D&start=99999999999999999999",
        "/loki/api/v1/query_range?query=%7Bapp%3D%22x%22%7D&step=0", "/loki/api/v1/query_range?query=%7B%7D",
        "/loki/api/v1/query?query=%7Bapp%3D%22x%22%7D", "/../../etc/passwd",
        "/loki/api/v1/label/%00%2e%2e%2f/values/..",
        "/api/v1/observability/logs?limit=99999", "/api/v1/observability/logs?cursor=zzz",
    ])
    func badQueriesAreRefused(path: String) throws {
        let reply = try server.request("GET", path)
        #expect((400..<500).contains(reply.status), "\(reply.status) \(reply.text)")
        try expectAlive()
    }

    @Test func deepQueriesAreRefused() throws {
        for query in [String(repeating: "(", count: 60_000), String(repeating: "1+", count: 50_000) + "1"] {
            let reply = try server.request(
                "POST", "/loki/api/v1/query", headers: [("Content-Type", "application/x-www-form-urlencoded")],
                body: Array("query=\(ServerProcess.escaped(query))".utf8))
            #expect(reply.status == 400)
        }
        try expectAlive()
    }

    @Test func logLinesCannotBeForged() throws {
        _ = try server.request("GET", "/a%0a%7B%22level%22:%22error%22%7D", headers: [("X-Trace-ID", "evil\u{1}id")])
        for line in server.log.split(separator: "\n") {
            #expect((try? JSONSerialization.jsonObject(with: Data(line.utf8))) is [String: Any])
        }
    }

    @Test func slowClientsHoldNobodyUp() throws {
        let slow = try (0..<100).map { _ in
            let connection = try HTTPConnection(port: server.port)
            connection.write(Array("POST /api/v1/push HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{".utf8))
            return connection
        }
        try expectAlive()
        #expect(slow.count == 100)
    }
}
