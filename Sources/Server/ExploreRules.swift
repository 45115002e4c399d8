import Model

/// The reading side of rules and alerts for a server that evaluates none: valid, empty answers, and to the question
/// whether rules can be edited, no.
struct ExploreRules: Sendable {
    var routes: [Route] {
        ["/loki/api/v1/rules", "/api/prom/rules"].flatMap { root in
            [
                Route(Route.get, root) { _ in .text(404, "no rule groups found\n") },
                Route(Route.get, root + "/{namespace}") { _ in .text(404, "no rule groups found\n") },
                Route(Route.get, root + "/{namespace}/{group}") { _ in
                    .text(400, "GetRuleGroup unsupported in rule local store\n")
                },
            ]
        } + [
            Route(Route.get, "/prometheus/api/v1/rules") { rules($0) },
            Route(Route.get, "/prometheus/api/v1/alerts") { _ in success("alerts") },
        ]
    }

    private func rules(_ call: Call) -> Answer {
        if let type = call.parameters.value("type"), type != "alert", type != "record" {
            var out = [UInt8]("{\"status\":\"error\",\"data\":null,\"errorType\":\"bad_data\",\"error\":".utf8)
            JSONText.append("not supported value \(LabelSet.quoted(type))", to: &out)
            out.append(contentsOf: "}".utf8)
            return .text(400, String(decoding: out, as: UTF8.self))
        }
        return success("groups")
    }

    private func success(_ list: String) -> Answer {
        let body = "{\"status\":\"success\",\"data\":{\"\(list)\":[]},\"errorType\":\"\",\"error\":\"\"}"
        return Answer(status: 200, headers: [("Content-Type", "application/json")], body: [UInt8](body.utf8))
    }
}
