import Foundation
import Testing

/// Clients that are slow, or say nothing, hold their connections and nothing else.
@Suite(.serialized) struct SlowClientTests {
    private let server: ServerProcess

    init() throws {
        server = try ServerProcess()
    }

    private func memory() throws -> Int {
        let text = try String(contentsOfFile: "/proc/\(server.processIdentifier)/status", encoding: .utf8)
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return (line.flatMap { Int($0.filter(\.isNumber)) } ?? 0) << 10
    }

    @Test func slowBodiesHoldNobodyUp() throws {
        try server.start(["--http-body-pause", "1m"])
        let head =
            "POST /api/v1/push HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            + "Content-Length: 11\r\n\r\n"
        let body = Array("{\"app\":\"s\"}".utf8)
        let slow = try (0..<200).map { _ in
            let connection = try HTTPConnection(port: server.port)
            connection.write(Array(head.utf8) + body.prefix(1))
            return connection
        }
        for byte in body.dropFirst().dropLast() {
            for connection in slow { connection.write([byte]) }
            // All of these are answered while the others are still under way.
            #expect(try server.push("{\"app\":\"quick\"}").status == 200)
            #expect(try server.get("/ready").status == 200)
        }
        #expect(try server.lines("{app=\"quick\"}").count == body.count - 2)
        for connection in slow {
            connection.write(body.suffix(1))
            #expect(try connection.read().status == 200)
        }
    }

    @Test func idleConnectionsCostLittle() throws {
        try server.start()
        for _ in 0..<50 { _ = try server.get("/ready") }
        let before = try memory()
        let idle = try (0..<2000).map { _ in try HTTPConnection(port: server.port) }
        // The last of them is served: then all have been accepted.
        #expect(try idle.last?.send("GET", "/ready").status == 200)
        let growth = try memory() - before
        #expect(growth < 2000 * 14 << 10, "\(growth / 2000) bytes a connection")
        #expect(try server.push("{\"app\":\"others\"}").status == 200)
    }

    /// What waits is let go after the time that the settings say: each of these ends by itself, or the test never does.
    @Test func whoWaitsIsLetGo() throws {
        try server.start(["--http-idle", "1s", "--http-head-timeout", "1s", "--http-body-pause", "1s"])
        let silent = try HTTPConnection(port: server.port)
        let head = try HTTPConnection(port: server.port)
        head.write(Array("GET /rea".utf8))
        let body = try HTTPConnection(port: server.port)
        body.write(Array("POST /api/v1/push HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{".utf8))
        #expect(try body.read().status == 408)
        #expect(throws: HTTPConnection.Closed.self) { _ = try head.take(1) }
        #expect(throws: HTTPConnection.Closed.self) { _ = try silent.take(1) }
    }

    @Test func connectionsBeyondTheLimitWait() throws {
        try server.start(["--http-connections", "4"])
        var held = try (0..<4).map { _ in try HTTPConnection(port: server.port) }
        for connection in held { #expect(try connection.send("GET", "/ready").status == 200) }
        let next = try HTTPConnection(port: server.port)
        next.write(Array("GET /ready HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
        held.removeAll()
        #expect(try next.read().status == 200)
    }
}
