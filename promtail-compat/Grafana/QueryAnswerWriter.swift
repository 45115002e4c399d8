internal import Bytes
internal import Model
public import Query

/// Writes the answers of query_range and query.
public enum QueryAnswerWriter {
    /// `{"status":"success"[,"warnings":…],"data":{"resultType":…[,"encodingFlags":…],"result":…,"stats":…}}` and a
    /// line feed. `encodingFlags` and `resultType` stand before `result`, `stats` after it: Grafana reads them in that
    /// order.
    /// - Parameter encodingFlags: the flags received with the request, also unknown ones.
    public static func write(_ answer: QueryAnswer, encodingFlags: [String] = []) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(estimatedBytes(answer.result))
        out.append(literal: #"{"status":"success""#)
        if !answer.warnings.isEmpty {
            out.append(literal: #","warnings":"#)
            out.append(textsAsJSON: answer.warnings)
        }
        out.append(literal: #","data":{"resultType":"#)
        JSONText.append(resultType(answer.result), to: &out)
        if !encodingFlags.isEmpty {
            out.append(literal: #","encodingFlags":"#)
            out.append(textsAsJSON: encodingFlags)
        }
        out.append(literal: #","result":"#)
        append(answer.result, categorizes: answer.categorizesLabels, to: &out)
        out.append(literal: #","stats":"#)
        StatisticsWriter.append(answer.statistics, to: &out)
        out.append(literal: "}}\n")
        return out
    }

    private static func estimatedBytes(_ result: QueryResult) -> Int {
        switch result {
        case .streams(let streams):
            streams.reduce(4096) { $0 + $1.entries.reduce(256) { $0 + $1.line.count + $1.line.count / 8 + 64 } }
        case .matrix(let series), .vector(let series): series.reduce(4096) { $0 + 128 + $1.samples.count * 32 }
        case .scalar: 4096
        }
    }

    private static func resultType(_ result: QueryResult) -> String {
        switch result {
        case .streams: "streams"
        case .matrix: "matrix"
        case .vector: "vector"
        case .scalar: "scalar"
        }
    }

    private static func append(_ result: QueryResult, categorizes: Bool, to out: inout [UInt8]) {
        switch result {
        case .streams(let streams):
            out.append(listOf: streams) { stream, out in append(stream, categorizes: categorizes, to: &out) }
        case .matrix(let series):
            out.append(listOf: series) { series, out in
                out.append(literal: #"{"metric":"#)
                out.append(labelsAsJSON: series.labels)
                out.append(literal: #","values":"#)
                out.append(listOf: series.samples) { sample, out in append(sample, to: &out) }
                out.append(0x7d)
            }
        case .vector(let series):
            out.append(listOf: series.filter { !$0.samples.isEmpty }) { series, out in
                out.append(literal: #"{"metric":"#)
                out.append(labelsAsJSON: series.labels)
                out.append(literal: #","value":"#)
                if let sample = series.samples.first { append(sample, to: &out) }
                out.append(0x7d)
            }
        case .scalar(let sample): append(sample, to: &out)
        }
    }

    static func append(_ stream: LogStream, categorizes: Bool, to out: inout [UInt8]) {
        out.append(literal: #"{"stream":"#)
        out.append(labelsAsJSON: stream.labels)
        out.append(literal: #","values":"#)
        out.append(listOf: stream.entries) { entry, out in
            out.append(literal: "[\"")
            NumberText.append(entry.time, to: &out)
            out.append(literal: "\",")
            JSONText.append(entry.line.span, to: &out)
            if categorizes { appendCategories(of: entry, to: &out) }
            out.append(0x5d)
        }
        out.append(0x7d)
    }

    /// The third element: never left out, empty members are.
    private static func appendCategories(of entry: LogEntry, to out: inout [UInt8]) {
        out.append(literal: ",{")
        if !entry.metadata.encoded.isEmpty {
            out.append(literal: #""structuredMetadata":"#)
            out.append(labelsAsJSON: entry.metadata)
        }
        if !entry.parsed.encoded.isEmpty {
            if !entry.metadata.encoded.isEmpty { out.append(0x2c) }
            out.append(literal: #""parsed":"#)
            out.append(labelsAsJSON: entry.parsed)
        }
        out.append(0x7d)
    }

    private static func append(_ sample: Sample, to out: inout [UInt8]) {
        out.append(0x5b)
        NumberText.append(secondsOf: sample.time, to: &out)
        out.append(literal: ",\"")
        NumberText.append(sample.value, to: &out)
        out.append(literal: "\"]")
    }
}
