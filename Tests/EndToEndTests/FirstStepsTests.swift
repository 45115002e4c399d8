import Foundation
import Testing

/// What README.md promises, on the real binary.
@Suite(.serialized) struct FirstStepsTests {
    private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let three = """
        {"app":"shop","level":"info","trace_id":"\(trace)","message":"order 17 placed"}
        {"app":"payment","level":"error","trace_id":"\(trace)","message":"card declined"}
        {"app":"shop","level":"warn","trace_id":"\(trace)","message":"order 17 cancelled"}

        """

    @Test func pushedLinesAreFoundAlsoAfterARestart() throws {
        let server = try ServerProcess()
        try server.start()
        let receipt = try server.push(Self.three)
        #expect(receipt.status == 200)
        #expect(receipt.text == "{\"accepted\":3,\"duplicates\":0,\"rejected\":0,\"errors\":[]}\n")
        try expectThree(server)
        #expect(server.stop() == 0)
        try server.start()
        try expectThree(server)
        #expect(server.stop() == 0)
    }

    private func expectThree(_ server: ServerProcess) throws {
        let lines = try server.lines("{trace_id=\"\(Self.trace)\"}")
        #expect(lines.sorted() == Self.three.split(separator: "\n").map(String.init).sorted())
        let logs = try server.get("/api/v1/observability/logs", [("trace_id", Self.trace), ("level", "ERROR")])
        #expect(logs.status == 200)
        #expect(logs.text.contains("\"count\":1,"))
        #expect(logs.text.contains("\"message\":\"card declined\""))
        #expect(try server.lines("{app=\"shop\"} |= \"cancelled\"").count == 1)
        #expect(
            try server.get("/loki/api/v1/label/app/values").text
                == "{\"status\":\"success\",\"data\":[\"payment\",\"shop\"]}\n")
    }

    @Test func grafanaFindsAServer() throws {
        let server = try ServerProcess()
        try server.start()
        let query = [("query", "vector(1)+vector(1)"), ("time", "4000000000"), ("direction", "backward")]
        let check = try server.get("/loki/api/v1/query", query)
        #expect(check.status == 200)
        #expect(check.text.contains("\"value\":[4000000000,\"2\"]"))
        #expect(try server.get("/ready").text == "ready\n")
        #expect(try server.get("/loki/api/v1/status/buildinfo").text.hasPrefix("{\"version\":\"3."))
        #expect(try server.get("/loki/api/v1/labels").text == "{\"status\":\"success\"}\n")
        let bad = try server.get("/loki/api/v1/query_range", [("query", "{app=\"web\"")])
        #expect(bad.status == 400)
        #expect(bad.text == "parse error at line 1, col 11: syntax error: unexpected $end, expecting } or ,")
        let form = try server.request(
            "POST", "/loki/api/v1/query_range?query=%7B",
            headers: [("Content-Type", "application/x-www-form-urlencoded")],
            body: Array("query=%7Bapp%3D%22x%22%7D".utf8))
        #expect(form.status == 200)
    }

    @Test func flushedLinesLieInTheirDay() throws {
        let server = try ServerProcess()
        try server.start()
        #expect(try server.push(Self.three).status == 200)
        #expect(try server.request("POST", "/flush").status == 204)
        let days = server.dataFolder + "/tenants/default/days"
        let day = try #require(try FileManager.default.contentsOfDirectory(atPath: days).first)
        #expect(day.wholeMatch(of: #/\d{4}-\d\d-\d\d/#) != nil)
        let parts = try FileManager.default.contentsOfDirectory(atPath: days + "/" + day)
        #expect(parts.filter { $0.hasSuffix(".dlp") }.count == 1)
        #expect(try server.get("/metrics").text.contains("\ndendro_head_rows 0\n"))
        try expectThree(server)
    }

    @Test func aRepeatedRequestIsStoredOnceAlsoAfterARestart() throws {
        let server = try ServerProcess()
        try server.start()
        let stamp = Int64(Date().timeIntervalSince1970) * 1_000_000_000
        let body = "{\"streams\":[{\"stream\":{\"app\":\"again\"},\"values\":[[\"\(stamp)\",\"once\"]]}]}"
        #expect(try server.push(body, "/loki/api/v1/push").status == 204)
        #expect(try server.push(body, "/loki/api/v1/push").status == 204)
        #expect(server.stop() == 0)
        try server.start()
        #expect(try server.push(body, "/loki/api/v1/push").status == 204)
        #expect(try server.lines("{app=\"again\"}") == ["once"])
    }

    @Test func onlyOneServerOwnsAFolder() throws {
        let server = try ServerProcess()
        try server.start()
        let second = Process()
        second.executableURL = URL(fileURLWithPath: try #require(ServerProcess.binary))
        second.arguments = ["--listen", "127.0.0.1:0", "--data-dir", server.dataFolder]
        second.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("DENDRO_") }
        let pipe = Pipe()
        second.standardError = pipe
        try second.run()
        second.waitUntilExit()
        #expect(second.terminationStatus == 75)
        let text = String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self)
        #expect(text.contains("in use by another dendro"))
    }

    @Test func filesAreTheirOwnersOnly() throws {
        let server = try ServerProcess()
        try server.start()
        #expect(try server.push(Self.three).status == 200)
        #expect(try server.request("POST", "/flush").status == 204)
        let walker = try #require(FileManager.default.enumerator(atPath: server.dataFolder))
        var open: [String] = []
        for case let name as String in walker {
            let attributes = try FileManager.default.attributesOfItem(atPath: server.dataFolder + "/" + name)
            let mode = (attributes[.posixPermissions] as? NSNumber)?.intValue ?? 0
            if mode & 0o077 != 0 { open.append(name) }
        }
        #expect(open == [])
    }

    @Test func metricsSatisfyPrometheus() throws {
        let promtool = "/usr/bin/promtool"
        try #require(ServerProcess.binary != nil)
        guard FileManager.default.isExecutableFile(atPath: promtool) else { return }
        let server = try ServerProcess()
        try server.start()
        #expect(try server.push(Self.three).status == 200)
        #expect(try server.request("POST", "/flush").status == 204)
        _ = try server.get("/nothing")
        let page = server.folder + "/metrics"
        try Data(try server.get("/metrics").body).write(to: URL(fileURLWithPath: page))
        let check = Process()
        check.executableURL = URL(fileURLWithPath: promtool)
        check.arguments = ["check", "metrics"]
        check.standardInput = FileHandle(forReadingAtPath: page)
        let pipe = Pipe()
        check.standardOutput = pipe
        check.standardError = pipe
        try check.run()
        check.waitUntilExit()
        let complaints = String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self)
        #expect(check.terminationStatus == 0, "\(complaints)")
    }
}
