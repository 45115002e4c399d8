import Foundation
import Testing

/// A damaged part file below the real binary.
@Suite(.serialized) struct QuarantineTests {
    @Test func theRestIsServedAndEverybodyIsTold() throws {
        let server = try ServerProcess()
        try server.start()
        for (age, app) in [(0, "today"), (86_400, "before")] {
            let time = (Int64(Date().timeIntervalSince1970) - Int64(age) - 5) * 1_000_000_000
            let body = "{\"streams\":[{\"stream\":{\"app\":\"\(app)\"},\"values\":[[\"\(time)\",\"line of \(app)\"]]}]}"
            #expect(try server.push(body, "/loki/api/v1/push").status == 204)
        }
        #expect(try server.request("POST", "/flush").status == 204)
        #expect(server.stop() == 0)
        let day = ISO8601DateFormatter.string(
            from: Date().addingTimeInterval(-86_405), timeZone: .gmt, formatOptions: [.withFullDate])
        let folder = server.dataFolder + "/tenants/default/days/" + day
        let name = try #require(FileManager.default.contentsOfDirectory(atPath: folder).first)
        var bytes = try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name))
        for index in bytes.indices.suffix(30) { bytes[index] ^= 0x55 }
        try bytes.write(to: URL(fileURLWithPath: folder + "/" + name))
        #expect(try server.command(["verify", server.dataFolder]).status == 1)

        try server.start()
        for _ in 0..<2 {
            let reply = try server.get("/loki/api/v1/query_range", [("query", "{app=~\".+\"}"), ("since", "48h")])
            #expect(reply.status == 200)
            #expect(reply.text.contains("line of today") && !reply.text.contains("line of before"))
            #expect(reply.text.contains("\"warnings\"") && reply.text.contains(name))
        }
        _ = try server.poll("rid of the file") { () -> Bool? in
            try server.get("/metrics").text.contains("dendro_quarantined_files_total 1") ? true : nil
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: server.dataFolder + "/quarantine").count == 1)
        #expect(server.log.contains("damaged"))
        let health = try server.get("/health/ready")
        #expect(health.status == 200 && health.text.contains("degraded"))
        #expect(server.stop() == 0)
    }
}
