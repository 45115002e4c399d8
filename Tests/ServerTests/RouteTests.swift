import Model
import Testing

@testable import Server

@Suite struct RouteTests {
    @Test(arguments: [
        ("/ready", "", "/ready", ""), ("/a?b=c&d", "", "/a", "b=c&d"), ("/logs/ready?x", "/logs", "/ready", "x"),
        ("/logs", "/logs", "/", ""), ("/logsx/a", "/logs", "/logsx/a", ""), ("/ready", "/logs", "/ready", ""),
        ("http://host:1/a/b?c", "", "/a/b", "c"), ("http://host", "", "/", ""),
        ("/a?x=http://y", "", "/a", "x=http://y"),
        ("/a#frag", "", "/a", ""), ("*", "", "*", ""),
    ])
    func targetsAreTakenApart(target: String, prefix: String, path: String, query: String) {
        let route = RoutePath(target: target, prefix: prefix)
        #expect(route.path == path)
        #expect(route.query == query)
    }

    @Test func patternsMatchWholeParts() {
        let table = RouteTable([
            Route(Route.get, "/l/label/{name}/values") { _ in .noContent },
            Route(Route.get, "/l/labels") { _ in .noContent },
        ])
        #expect(table.find("/l/label/app/values")?.captures == ["app"])
        #expect(table.find("/l/label/a%2Fb/values")?.captures == ["a%2Fb"])
        #expect(table.find("/l/labels")?.route.name == "l_labels")
        #expect(table.find("/l/label/app/values")?.route.name == "l_label_name_values")
        for path in [
            "/l/label//values", "/l/label/a/b/values", "/l/label/app/values/", "/l", "", "/l/labels/", "//l/labels",
        ] {
            #expect(table.find(path) == nil, "\(path)")
        }
    }

    @Test(
        arguments: [
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", nil, "4bf92f3577b34da6a3ce929d0e0e4736"),
            (nil, "my-id.1", "my-id.1"), ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", "x", "x"),
            ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", "x", "x"), ("junk", "x", "x"),
        ] as [(String?, String?, String)])
    func callersIdsAreHonoured(traceparent: String?, header: String?, expected: String) {
        #expect(TraceID.of(traceparent: traceparent, traceID: header) == expected)
    }

    @Test(arguments: ["", "a b", "a\nb", "\"", String(repeating: "x", count: 65), "é"])
    func badIdsAreReplaced(header: String) {
        let id = TraceID.of(traceparent: nil, traceID: header)
        #expect(id != header)
        #expect(id.utf8.count == 32)
    }

    @Test func logLinesCannotBeForged() {
        let line = LogLine.line(
            timeNanoseconds: 0, level: "info", message: "a\n{\"level\":\"error\"}",
            fields: [
                ("path", .text("/x\r\n\u{7f}\"")), ("n", .number(3)), ("ms", .milliseconds(nanoseconds: 1_234_567)),
            ])
        #expect(line.filter { $0 == 0x0a }.count == 1)
        #expect(line.last == 0x0a)
        let text = String(decoding: line, as: UTF8.self)
        #expect(
            text.hasPrefix("{\"timestamp\":\"1970-01-01T00:00:00Z\",\"level\":\"info\",\"message\":\"a\\n{\\\"level"))
        #expect(text.contains("\"n\":3,\"ms\":1.234}"))
    }

    @Test func theBodyBudgetHolds() {
        let budget = BodyBudget(limitBytes: 100)
        #expect(budget.take(60))
        #expect(!budget.take(41))
        #expect(budget.take(40))
        #expect(budget.take(0))
        budget.giveBack(60)
        #expect(budget.usedBytes == 40)
        #expect(budget.take(60))
    }
}
