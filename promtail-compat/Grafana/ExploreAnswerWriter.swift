internal import Bytes
internal import Model
public import Query

/// Writes the answers about what is stored: statistics, detected labels and fields, patterns.
public enum ExploreAnswerWriter {
    /// `{"streams":2,"chunks":2,"bytes":18432,"entries":120}`
    public static func write(_ statistics: IndexStatistics) -> [UInt8] {
        var out: [UInt8] = []
        member(#"{"streams":"#, statistics.streams, to: &out)
        member(#","chunks":"#, statistics.chunks, to: &out)
        member(#","bytes":"#, statistics.bytes, to: &out)
        member(#","entries":"#, statistics.entries, to: &out)
        out.append(literal: "}\n")
        return out
    }

    /// `{"detectedLabels":[{"label":"app","cardinality":3},…]}`; `{}` for none.
    public static func write(_ labels: [DetectedLabel]) -> [UInt8] {
        if labels.isEmpty { return nothing }
        var out: [UInt8] = []
        out.append(literal: #"{"detectedLabels":"#)
        out.append(listOf: labels) { label, out in
            out.append(literal: #"{"label":"#)
            JSONText.append(label.name, to: &out)
            member(#","cardinality":"#, label.cardinality, to: &out)
            out.append(0x7d)
        }
        out.append(literal: "}\n")
        return out
    }

    /// `{"fields":[{"label":"dur","type":"duration","cardinality":89,"parsers":["json"],"jsonPath":["dur"]},…],
    /// "limit":1000}`; `{}` for none. Structured metadata has `"parsers":null`.
    public static func write(_ fields: [DetectedField], limit: Int) -> [UInt8] {
        if fields.isEmpty { return nothing }
        var out: [UInt8] = []
        out.append(literal: #"{"fields":"#)
        out.append(listOf: fields) { field, out in
            out.append(literal: #"{"label":"#)
            JSONText.append(field.name, to: &out)
            out.append(literal: #","type":"#)
            JSONText.append(field.type.rawValue, to: &out)
            member(#","cardinality":"#, field.cardinality, to: &out)
            out.append(literal: #","parsers":"#)
            field.parsers.isEmpty ? out.append(literal: "null") : out.append(textsAsJSON: field.parsers)
            if !field.jsonPath.isEmpty {
                out.append(literal: #","jsonPath":"#)
                out.append(textsAsJSON: field.jsonPath)
            }
            out.append(0x7d)
        }
        member(#","limit":"#, limit, to: &out)
        out.append(literal: "}\n")
        return out
    }

    /// `{"values":["info","debug"],"limit":1000}`; `{}` for none.
    public static func write(values: [String], limit: Int) -> [UInt8] {
        if values.isEmpty { return nothing }
        var out: [UInt8] = []
        out.append(literal: #"{"values":"#)
        out.append(textsAsJSON: values)
        member(#","limit":"#, limit, to: &out)
        out.append(literal: "}\n")
        return out
    }

    /// `{"status":"success","data":[{"pattern":"level=info took=<_>","level":"info","samples":[[1795461360,43]]}]}`
    public static func write(_ found: LogPatterns) -> [UInt8] {
        var out: [UInt8] = []
        out.append(literal: #"{"status":"success""#)
        if !found.warnings.isEmpty {
            out.append(literal: #","warnings":"#)
            out.append(textsAsJSON: found.warnings)
        }
        out.append(literal: #","data":"#)
        out.append(listOf: found.patterns) { pattern, out in
            out.append(literal: #"{"pattern":"#)
            JSONText.append(pattern.text, to: &out)
            out.append(literal: #","level":"#)
            JSONText.append(pattern.level, to: &out)
            out.append(literal: #","samples":"#)
            out.append(listOf: pattern.counts) { count, out in
                out.append(0x5b)
                NumberText.append(count.time / Nanoseconds.perSecond, to: &out)
                member(",", count.lines, to: &out)
                out.append(0x5d)
            }
            out.append(0x7d)
        }
        out.append(literal: "}\n")
        return out
    }

    private static let nothing = [UInt8](text: "{}\n")

    private static func member(_ key: StaticString, _ value: Int, to out: inout [UInt8]) {
        out.append(literal: key)
        NumberText.append(Int64(value), to: &out)
    }
}
