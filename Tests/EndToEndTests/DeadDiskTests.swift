import Foundation
import Testing

/// The disk dies under a server that goes on: every write and sync is answered with EIO.
@Suite(.serialized) struct DeadDiskTests {
    private func body(_ push: Int) -> (lines: [String], text: String) {
        let base = Int64(Date().timeIntervalSince1970 * 1000) * 1_000_000
        let lines = (0..<10).map { "push \(push) line \($0)" }
        let values = lines.enumerated().map { "[\"\(base + Int64($0))\",\"\($1)\"]" }.joined(separator: ",")
        return (lines, "{\"streams\":[{\"stream\":{\"app\":\"disk\"},\"values\":[\(values)]}]}")
    }

    @Test(arguments: CutDisk.Kind.allCases.filter(\.isPossible))
    func nothingIsAcknowledgedAfterIt(kind: CutDisk.Kind) throws {
        let server = try ServerProcess()
        let disk = try CutDisk(kind, at: server.dataFolder)
        try disk.mount()
        try server.start(["--storage-min-free", "0"])
        var acknowledged: Set<String> = []
        for push in 0..<20 {
            let (lines, text) = body(push)
            #expect(try server.push(text, "/loki/api/v1/push").status == 204)
            acknowledged.formUnion(lines)
        }
        try disk.cut()
        for push in 20..<40 {
            let reply = try server.push(body(push).text, "/loki/api/v1/push")
            #expect(reply.status == 503, "\(reply.text)")
            #expect(reply.head.lowercased().contains("\r\nretry-after: "))
        }
        // Whoever watches it is told, and what is in memory is still served.
        let ready = try server.poll("telling") { () -> HTTPReply? in
            let reply = try server.get("/health/ready")
            return reply.status == 503 ? reply : nil
        }
        #expect(ready.text.contains("unhealthy") || ready.text.contains("not_ready"), "\(ready.text)")
        #expect(try server.get("/health/live").status == 200)
        #expect(Set(try server.lines("{app=\"disk\"}")).isSuperset(of: acknowledged))
        server.kill()
        try disk.unmount()
        try disk.mount()
        try server.start(["--storage-min-free", "0"])
        let found = try server.lines("{app=\"disk\"}")
        #expect(Set(found) == acknowledged, "lines that nobody was told of, or lost ones")
        #expect(found.count == acknowledged.count)
        #expect(try server.push(body(99).text, "/loki/api/v1/push").status == 204)
        #expect(server.stop() == 0)
        try disk.unmount()
    }
}
