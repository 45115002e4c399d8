import Foundation
import Testing

/// Secrets never reach the disk.
@Suite struct ScrubbingTests {
    @Test func secretsAreStoredNowhere() throws {
        let server = try ServerProcess()
        try server.start(["--scrub-exempt-apps", "raw"])
        let lines = """
            {"app":"shop","msg":"login","password":"needle-one","n":1}
            {"app":"shop","msg":"GET /a?token=needle-two&x=1"}
            {"app":"raw","password":"kept"}
            """
        #expect(try server.push(lines).status == 200)
        let found = try server.lines("{app=\"shop\"}")
        #expect(found.count == 2)
        #expect(found.contains { $0.contains("\"password\":\"[scrubbed]\"") })
        #expect(found.contains { $0.contains("token=[scrubbed]&x=1") })
        #expect(try server.lines("{app=\"raw\"}").first?.contains("kept") == true)
        let metrics = try server.get("/metrics").text
        #expect(metrics.contains("dendro_scrubbed_total{rule=\"keys\"} 2"))
        server.kill()
        for case let path as String in FileManager.default.enumerator(atPath: server.dataFolder) ?? .init() {
            guard let bytes = FileManager.default.contents(atPath: server.dataFolder + "/" + path) else { continue }
            #expect(bytes.range(of: Data("needle".utf8)) == nil, "\(path)")
        }
        try server.start()
        #expect(try server.lines("{app=\"shop\"}").count == 2)
        #expect(server.stop() == 0)
    }
}
