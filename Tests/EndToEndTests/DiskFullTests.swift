import Foundation
import Testing

/// A disk that fills up, and one that can only be read: nothing acknowledged is lost, and what can go on goes on.
///
/// Where no disk can be mounted these tests are left out, by name; `StoreTests` and `CommitterTests` fail the same
/// calls in memory.
@Suite(.serialized, .enabled(if: Volume.isPossible, "needs the right to mount a tmpfs"))
struct DiskFullTests {
    private static let wide = ["--limits-query-entries", "100000"]
    private let server: ServerProcess
    private let volume: Volume

    init() throws {
        server = try ServerProcess()
        volume = try Volume(at: server.dataFolder, megabytes: 64)
    }

    /// Lines that do not shrink much, 16 a batch.
    private func batch(_ number: Int) -> (ids: [String], body: String) {
        let ids = (0..<16).map { "id-\(number)-\($0)-" }
        let lines = ids.map { id in
            let noise = (0..<512).map { _ in String(UInt64.random(in: 0 ... .max), radix: 36) }.joined()
            return "{\"app\":\"full\",\"message\":\"\(id)\",\"noise\":\"\(noise)\"}"
        }
        return (ids, lines.joined(separator: "\n"))
    }

    /// Pushes until that is refused for want of room; what was acknowledged.
    private func pushUntilFull() throws -> (acknowledged: [String], refusal: HTTPReply) {
        var acknowledged: [String] = []
        for number in 0..<4000 {
            let (ids, body) = batch(number)
            let reply = try server.push(body)
            switch reply.status {
            case 200: acknowledged += ids
            case 429: usleep(20_000)
            default: return (acknowledged, reply)
            }
        }
        throw Volume.Failure(description: "64 MiB hold more than 2 GB")
    }

    /// The ids that a query finds.
    private func found() throws -> [String] {
        try server.lines("{app=\"full\"} | json message | line_format \"{{.message}}\"", limit: 100_000)
    }

    private func expectAll(_ acknowledged: [String], _ moment: Comment = "") throws {
        let lines = try found()
        let lost = Set(acknowledged).subtracting(lines)
        #expect(lost.count == 0, moment)
        #expect(Set(lines).count == lines.count, moment)
    }

    @Test(arguments: [[], ["--storage-min-free", "0"]])
    func aFullDiskLosesNothingAndIsLeftBehind(arguments: [String]) throws {
        let fast = ["--storage-head-age", "5s"] + Self.wide
        try server.start(arguments + fast)
        try volume.take(megabytes: 32)
        let (first, refusal) = try pushUntilFull()
        #expect(first.count > 16)
        #expect(refusal.status == 507)
        #expect(refusal.head.lowercased().contains("\r\nretry-after: "))
        // Parts may be written meanwhile, but not to the brim.
        _ = try server.request("POST", "/flush")
        try volume.fill()
        let time = Int(Date().timeIntervalSince1970) * 1_000_000_000
        let loki = "{\"streams\":[{\"stream\":{\"app\":\"x\"},\"values\":[[\"\(time)\",\"y\"]]}]}"
        var refused = try server.push(loki, "/loki/api/v1/push")
        for _ in 0..<200 where refused.status == 204 { refused = try server.push(loki, "/loki/api/v1/push") }
        if refused.status != 204 {
            #expect(refused.status == 503)
            #expect(refused.head.lowercased().contains("\r\nretry-after: "))
        }
        try expectAll(first, "while it is full")
        // The reserve is given up within a look or two; who wants the last byte used has none.
        if arguments.isEmpty {
            let query = ServerProcess.escaped("{app=\"nobody\"}") + "&start=0000000001"
            let status = try server.poll("deleting") { () -> Int? in
                let reply = try self.server.request("POST", "/loki/api/v1/delete?query=" + query)
                return reply.status == 204 ? reply.status : nil
            }
            #expect(status == 204)
        }
        // While it is full: neither a crash nor a start loses anything.
        server.kill()
        try server.start(arguments + fast, isReady: false)
        _ = try server.poll("answering") { try? self.server.get("/health/live").status == 200 ? true : nil }
        try expectAll(first, "after a crash")
        volume.free()
        let again = try server.poll("taking lines again") { () -> [String]? in
            let (ids, body) = self.batch(9_000_000)
            return try self.server.push(body).status == 200 ? ids : nil
        }
        #expect(try server.poll("ready again") { try self.server.get("/ready").status == 200 ? true : nil })
        server.kill()
        try server.start(arguments + fast)
        try expectAll(first + again)
    }

    @Test func aFolderThatCanOnlyBeReadIsServed() throws {
        try server.start(Self.wide)
        let (ids, body) = batch(1)
        #expect(try server.push(body).status == 200)
        #expect(try server.request("POST", "/flush").status == 204)
        let (others, rest) = batch(2)
        #expect(try server.push(rest).status == 200)
        server.kill()
        try volume.setReadOnly(true)
        try server.start(Self.wide)
        try expectAll(ids + others)
        let refused = try server.push(batch(3).body)
        #expect(refused.status == 507)
        #expect(refused.head.lowercased().contains("\r\nretry-after: "))
        #expect(try server.get("/health/ready").text.contains("\"degraded\""))
        let deletion = try server.request(
            "POST", "/loki/api/v1/delete?query=" + ServerProcess.escaped("{app=\"full\"}") + "&start=0000000001")
        #expect(deletion.status >= 400)
        try expectAll(ids + others)
        #expect(server.stop() == 0)
        try volume.setReadOnly(false)
        try server.start(Self.wide)
        #expect(try server.push(batch(4).body).status == 200)
        try expectAll(ids + others)
    }
}
