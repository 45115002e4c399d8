import Bytes
import Model
import Query

/// How a query was run and what that cost, instead of what it found: `explain=1`.
enum ExplainAnswer {
    static func answer(_ explanation: QueryExplanation, _ answer: QueryAnswer, asText: Bool) -> Answer {
        asText
            ? .text(200, text(explanation, answer.statistics))
            : .json(200, json(explanation, answer.statistics, answer.warnings))
    }

    private static func counts(_ cost: QueryStatistics) -> [(name: String, value: Int)] {
        [
            ("streams", cost.streams), ("parts_considered", cost.partsConsidered),
            ("blocks_considered", cost.blocksConsidered), ("blocks_pruned", cost.blocksPruned),
            ("blocks_read", cost.blocksRead), ("stored_bytes", cost.storedBytes), ("raw_bytes", cost.rawBytes),
            ("head_bytes", cost.headBytes), ("rows", cost.rows), ("head_rows", cost.headRows),
            ("matched_rows", cost.matchedRows), ("returned", cost.entriesReturned),
        ]
    }

    private static func times(_ cost: QueryStatistics) -> [(name: String, microseconds: Int64)] {
        [
            ("queue", cost.queueNanoseconds / 1000), ("plan", cost.planNanoseconds / 1000),
            ("scan", cost.scanNanoseconds / 1000), ("evaluate", cost.evaluationNanoseconds / 1000),
            ("total", cost.executionNanoseconds / 1000),
        ]
    }

    private static func json(_ plan: QueryExplanation, _ cost: QueryStatistics, _ warnings: [String]) -> [UInt8] {
        var out = [UInt8]("{\"status\":\"success\",\"data\":{\"resultType\":\"explanation\",\"query\":".utf8)
        JSONText.append(plan.query, to: &out)
        out.append(contentsOf: ",\"steps\":[".utf8)
        for (index, step) in plan.steps.enumerated() {
            if index > 0 { out.append(0x2c) }
            out.append(contentsOf: "{\"name\":".utf8)
            JSONText.append(step.name, to: &out)
            out.append(contentsOf: ",\"detail\":".utf8)
            JSONText.append(step.detail, to: &out)
            out.append(0x7d)
        }
        out.append(contentsOf: "],\"cost\":{".utf8)
        out.append(contentsOf: counts(cost).map { "\"\($0.name)\":\($0.value)" }.joined(separator: ",").utf8)
        out.append(contentsOf: "},\"microseconds\":{".utf8)
        out.append(contentsOf: times(cost).map { "\"\($0.name)\":\($0.microseconds)" }.joined(separator: ",").utf8)
        out.append(contentsOf: "},\"warnings\":".utf8)
        LineText.append(list: warnings, to: &out)
        out.append(contentsOf: "}}\n".utf8)
        return out
    }

    private static func text(_ plan: QueryExplanation, _ cost: QueryStatistics) -> String {
        var lines = [plan.query, ""]
        lines += plan.steps.enumerated().map { "\($0.offset + 1). \($0.element.name): \($0.element.detail)" }
        lines.append("")
        lines += counts(cost).map { "\($0.name): \($0.value)" }
        lines += times(cost).map { "\($0.name): \($0.microseconds) us" }
        return lines.joined(separator: "\n") + "\n"
    }
}
