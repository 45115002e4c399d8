import Foundation
import Testing

/// Loki's delete requests on the real binary.
@Suite(.serialized) struct DeletionTests {
    private static let path = "/loki/api/v1/delete"

    private func push(_ server: ServerProcess, _ lines: [String], _ labels: String) throws {
        let base = (Int64(Date().timeIntervalSince1970) - 60) * 1_000_000_000
        let values = lines.enumerated().map { index, line in
            let text = line.replacingOccurrences(of: "\"", with: "\\\"")
            return "[\"\(base + Int64(index))\",\"\(text)\"]"
        }
        let body = "{\"streams\":[{\"stream\":{\(labels)},\"values\":[\(values.joined(separator: ","))]}]}"
        #expect(try server.push(body, "/loki/api/v1/push").status == 204)
    }

    private func delete(_ server: ServerProcess, _ query: String) throws -> HTTPReply {
        let start = Int(Date().timeIntervalSince1970) - 3600
        return try server.request(
            "POST", Self.path + "?query=\(ServerProcess.escaped(query))&start=\(start)")
    }

    private func count(_ server: ServerProcess, _ query: String) throws -> String {
        let text = "sum(count_over_time(\(query)[1h]))"
        return try server.get("/loki/api/v1/query", [("query", text)]).text
    }

    @Test func deletedLinesAreGoneFromEveryAnswerAndCanBeBroughtBack() throws {
        let server = try ServerProcess()
        try server.start()
        try push(
            server,
            [
                "{\"user\":\"ann\",\"ms\":10}", "{\"user\":\"bob\",\"ms\":20}", "{\"user\":\"ann\",\"ms\":30}", "plain",
            ], "\"app\":\"shop\"")
        try push(server, ["only line"], "\"app\":\"cart\"")
        #expect(try server.request("POST", "/flush").status == 204)
        try push(server, ["{\"user\":\"ann\",\"ms\":40}"], "\"app\":\"shop\",\"env\":\"prod\"")

        // Asked before, and twice: what blocks have answered is kept.
        let questions = ["{app=\"shop\"} |= \"ann\"", "{app=\"shop\"} |~ \"a[m-o]n\"", "{app=\"shop\"} != \"ann\""]
        for _ in 0..<2 { #expect(try questions.map { try server.lines($0).count } == [3, 3, 2]) }

        let made = try delete(server, "{app=\"shop\"} | json | user=\"ann\"")
        #expect(made.status == 204)
        let id = try #require(made.header("X-Delete-Request-ID"))
        #expect(try delete(server, "{app=\"cart\"}").status == 204)
        for _ in 0..<2 {
            #expect(try Set(server.lines("{app=~\".+\"}")) == ["{\"user\":\"bob\",\"ms\":20}", "plain"])
            #expect(try questions.map { try server.lines($0).count } == [0, 0, 2])
            #expect(try count(server, "{app=~\".+\"}").contains("\"2\""))
            let values = try server.get("/loki/api/v1/label/app/values").text
            #expect(values.contains("shop") && !values.contains("cart"))
            #expect(try !server.get("/loki/api/v1/labels").text.contains("env"))
            #expect(try !server.get("/loki/api/v1/series", [("match[]", "{app=~\".+\"}")]).text.contains("cart"))
            server.kill()
            try server.start()
        }
        let list = try server.get(Self.path)
        #expect(list.status == 200)
        #expect(list.header("Content-Type") == "application/json")
        #expect(list.text.contains("\"request_id\":\"\(id)\"") && list.text.contains("\"status\":\"received\""))
        #expect(try server.request("DELETE", Self.path + "?request_id=nothing").status == 404)
        #expect(try server.request("DELETE", Self.path + "?request_id=\(id)").status == 204)
        #expect(try questions.map { try server.lines($0).count } == [3, 3, 2])
        #expect(try server.get("/loki/api/v1/labels").text.contains("env"))
        #expect(server.stop() == 0)
    }

    @Test(arguments: [
        ("start=1795132800", "query not set"), ("query={app=\"x\"}", "start time not set"),
        ("query={app=\"x\"}&start=1", "invalid start time: require unix seconds or RFC3339 format"),
        ("query={app=\"x\"}&start=1795132800000000000", "invalid start time"),
        ("query={app=\"x\"}&start=1795132800&end=99", "invalid end time"),
        ("query={app=\"x\"}&start=1695132900&end=1695132800", "start time can't be greater than end time"),
        ("query={app=&start=1695132800", "invalid query expression"),
        ("query=count_over_time({app=\"x\"}[1m])&start=1695132800", "invalid query expression"),
    ])
    func whatCannotBeReadIsRefused(parameters: String, text: String) throws {
        let server = try ServerProcess()
        try server.start()
        let escaped = parameters.split(separator: "&").map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1)
            return "\(parts[0])=\(ServerProcess.escaped(String(parts[1])))"
        }
        let reply = try server.request("POST", Self.path + "?" + escaped.joined(separator: "&"))
        #expect(reply.status == 400)
        #expect(reply.text.contains(text), "\(reply.text)")
        #expect(try server.get(Self.path).text == "[]\n")
    }

    @Test func linesLeaveTheDisk() throws {
        let server = try ServerProcess()
        try server.start(["--deletion-cancel-period", "0", "--storage-codec", "zlib"])
        try push(server, (0..<400).map { "\($0 % 2 == 0 ? "keep" : "drop") number \($0)" }, "\"app\":\"shop\"")
        #expect(try server.request("POST", "/flush").status == 204)
        #expect(try delete(server, "{app=\"shop\"} |= \"drop\"").status == 204)
        _ = try server.poll("rid of the lines") { () -> Bool? in
            try server.get(Self.path).text.contains("\"status\":\"processed\"") ? true : nil
        }
        #expect(try server.lines("{app=\"shop\"}").count == 200)
        #expect(try server.get("/metrics").text.contains("dendro_deleted_lines_total 200"))
        #expect(server.stop() == 0)
        #expect(try server.command(["verify", "--deep", server.dataFolder]).output.contains("200 lines"))
    }
}

extension HTTPReply {
    /// The value of a header, or nil.
    fileprivate func header(_ name: String) -> String? {
        for line in head.split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2, parts[0].lowercased() == name.lowercased() {
                return parts[1].trimmingCharacters(in: .whitespaces)
            }
        }
        return nil
    }
}
