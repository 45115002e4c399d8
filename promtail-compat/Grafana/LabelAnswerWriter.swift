internal import Bytes
public import Model
public import Query

/// Writes the answers of labels, label values and series, and the legacy forms of them and of queries.
public enum LabelAnswerWriter {
    /// `{"status":"success","data":["app",…]}`; without `data` when there is none, as in the reference.
    public static func writeValues(_ values: [String]) -> [UInt8] {
        var out: [UInt8] = []
        out.append(literal: #"{"status":"success""#)
        if !values.isEmpty {
            out.append(literal: #","data":"#)
            out.append(textsAsJSON: values)
        }
        out.append(literal: "}\n")
        return out
    }

    /// `{"status":"success","data":[{"app":"web"},…]}`.
    public static func writeSeries(_ series: [LabelSet]) -> [UInt8] {
        var out: [UInt8] = []
        out.append(literal: #"{"status":"success","data":"#)
        out.append(listOf: series) { labels, out in out.append(labelsAsJSON: labels) }
        out.append(literal: "}\n")
        return out
    }

    /// `{"values":["app",…]}`, of /api/prom/label.
    public static func writeLegacyValues(_ values: [String]) -> [UInt8] {
        var out: [UInt8] = []
        out.append(literal: #"{"values":"#)
        out.append(textsAsJSON: values)
        out.append(literal: "}\n")
        return out
    }

    /// Streams in the form of the old paths: labels as text, times by RFC 3339.
    static func append(legacyStreams streams: [LogStream], to out: inout [UInt8]) {
        out.append(listOf: streams) { stream, out in
            out.append(literal: #"{"labels":"#)
            JSONText.append(stream.labels.description, to: &out)
            out.append(literal: #","entries":"#)
            out.append(listOf: stream.entries) { entry, out in
                out.append(literal: #"{"ts":"#)
                JSONText.append(RFC3339.format(entry.time), to: &out)
                out.append(literal: #","line":"#)
                JSONText.append(entry.line.span, to: &out)
                out.append(0x7d)
            }
            out.append(0x7d)
        }
    }

    /// `{"stats":{…},"streams":[{"labels":"{app=\"num\"}","entries":[{"ts":"…","line":"…"}]}]}`, of /api/prom/query.
    public static func writeLegacyStreams(_ streams: [LogStream], _ statistics: QueryStatistics) -> [UInt8] {
        var out: [UInt8] = []
        out.append(literal: #"{"stats":"#)
        StatisticsWriter.append(statistics, to: &out)
        out.append(literal: #","streams":"#)
        append(legacyStreams: streams, to: &out)
        out.append(literal: "}\n")
        return out
    }
}
