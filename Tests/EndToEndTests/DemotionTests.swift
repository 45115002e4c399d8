import Foundation
import Testing

/// A label with too many values becomes metadata while the server runs; answers do not change.
@Suite(.serialized) struct DemotionTests {
    /// Seconds since 1970, a while ago; the same for all pushes of a test.
    private let base = Int64(Date().timeIntervalSince1970) - 600

    /// One line each of pods `range`, and one without a pod; lines tell the pod and the round.
    private func push(_ server: ServerProcess, pods range: Range<Int>, round: Int) throws {
        var streams = range.map { pod in
            let time = (base + Int64(round)) * 1_000_000_000 + Int64(pod)
            return
                "{\"stream\":{\"app\":\"shop\",\"pod\":\"p\(pod)\"},\"values\":[[\"\(time)\",\"p\(pod) r\(round)\"]]}"
        }
        let time = (base + Int64(round)) * 1_000_000_000 + 999_999
        streams.append("{\"stream\":{\"app\":\"shop\"},\"values\":[[\"\(time)\",\"none r\(round)\"]]}")
        let body = "{\"streams\":[\(streams.joined(separator: ","))]}"
        #expect(try server.push(body, "/loki/api/v1/push").status == 204)
    }

    private func check(_ server: ServerProcess) throws {
        #expect(try server.lines("{pod=\"p3\"}").sorted() == ["p3 r0", "p3 r1"])
        #expect(try server.lines("{app=\"shop\", pod=\"p70\"}") == ["p70 r1"])
        #expect(try server.lines("{app=\"shop\", pod=~\"p1|p71\"}").sorted() == ["p1 r0", "p1 r1", "p71 r1"])
        #expect(try server.lines("{app=\"shop\", pod=\"\"}").sorted() == ["none r0", "none r1"])
        #expect(try server.lines("{app=\"shop\", pod!=\"\"}").count == 140)
        #expect(try server.lines("{app=\"shop\", pod!~\"p.+\"}").count == 2)
        #expect(try server.lines("{app=\"shop\"} | pod=\"p3\"").count == 2)
        let names = try server.get("/loki/api/v1/labels").text
        #expect(names.contains("\"pod\"") && names.contains("\"app\""))
        let values = try server.get("/loki/api/v1/label/pod/values").text
        #expect(values.contains("\"p3\"") && values.contains("\"p79\""))
        let counts = "sum by (pod) (count_over_time({app=\"shop\", pod=~\"p3|p70\"}[1h]))"
        let series = try server.get("/loki/api/v1/query", [("query", counts)]).text
        #expect(series.contains("{\"pod\":\"p3\"}") && series.contains("{\"pod\":\"p70\"}"), "\(series)")
        let found = try server.get("/loki/api/v1/series", [("match[]", "{pod=\"p70\"}")]).text
        #expect(found.contains("\"app\":\"shop\"") && !found.contains("p70"))
    }

    @Test func answersAreTheSameBeforeAndAfter() throws {
        let server = try ServerProcess()
        let arguments = ["--ingest-label-values", "50"]
        try server.start(arguments)
        try push(server, pods: 0..<60, round: 0)
        _ = try server.poll("aware of the pods") { server.log.contains("label pod has more than 50") ? true : nil }
        try push(server, pods: 0..<80, round: 1)
        try check(server)
        #expect(try server.request("POST", "/flush").status == 204)
        try check(server)
        server.kill()
        try server.start(arguments)
        try check(server)
        // No new stream came of the second round.
        let streams = try server.get("/loki/api/v1/series", [("match[]", "{app=\"shop\"}")]).text
        #expect(streams.components(separatedBy: "\"app\"").count - 1 == 61)
        // Deletions find both kinds.
        let start = base - 3600
        let query = ServerProcess.escaped("{app=\"shop\", pod=\"p3\"}")
        #expect(try server.request("POST", "/loki/api/v1/delete?query=\(query)&start=\(start)").status == 204)
        #expect(try server.lines("{pod=\"p3\"}").isEmpty)
        #expect(try server.lines("{app=\"shop\"}").count == 140)
        #expect(server.stop() == 0)
    }
}
