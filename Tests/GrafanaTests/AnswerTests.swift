import Bytes
import Model
import Query
import Testing

@testable import Grafana

struct AnswerTests {
    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test(arguments: [
        (0.016666666666666666, "0.016666666666666666"), (6e21, "6000000000000000000000"), (6e-9, "0.000000006"),
        (2, "2"),
        (-0.5, "-0.5"), (1.25e-7, "0.000000125"), (1e15, "1000000000000000"),
        (123456789012345680, "123456789012345680"),
        (.infinity, "+Inf"), (-.infinity, "-Inf"), (.nan, "NaN"), (0, "0"), (1.5e16, "15000000000000000"),
        (1e23, "100000000000000000000000"),
    ])
    func numbers(_ value: Double, _ expected: String) {
        var out: [UInt8] = []
        NumberText.append(value, to: &out)
        #expect(Self.text(out) == expected)
    }

    @Test func numbersReadBackTheSame() {
        var bits: UInt64 = 0x9E37_79B9_7F4A_7C15
        for _ in 0..<2000 {
            bits ^= bits << 13
            bits ^= bits >> 7
            bits ^= bits << 17
            let value = Double(bitPattern: bits)
            guard value.isFinite else { continue }
            var out: [UInt8] = []
            NumberText.append(value, to: &out)
            #expect(Double(Self.text(out)) == value && !out.contains(0x65))
        }
    }

    @Test(arguments: [
        (1_795_459_560_000_000_000, "1795459560"), (1_795_459_199_999_000_000, "1795459199.999"),
        (1_500_000_000, "1.5"),
        (1_795_461_792_518_999_999, "1795461792.518"), (0, "0"), (-1_500_000_000, "-1.5"),
    ])
    func seconds(_ nanoseconds: Int64, _ expected: String) {
        var out: [UInt8] = []
        NumberText.append(secondsOf: nanoseconds, to: &out)
        #expect(Self.text(out) == expected)
    }

    private static func body(_ answer: QueryAnswer, _ flags: [String] = []) -> String {
        let all = text(QueryAnswerWriter.write(answer, encodingFlags: flags))
        let bytes = Array(all.utf8)
        guard let cut = ByteSearch.find(Array(",\"stats\":".utf8).span, in: bytes.span) else { return all }
        return text(Array(bytes[..<cut]))
    }

    private static let stream = LogStream(
        labels: LabelSet([("b", "2"), ("a", "x\"y")]),
        entries: [
            LogEntry(time: 5, line: Array("l\n".utf8), metadata: LabelSet([("t", "1")]), parsed: LabelSet([("p", "q")]))
        ])

    @Test func streams() {
        let answer = QueryAnswer(result: .streams([Self.stream]))
        let head = #"{"status":"success","data":{"resultType":"streams","result":"#
        let streams = #"[{"stream":{"a":"x\"y","b":"2"},"values":[["5","l\n"]]}]"#
        #expect(Self.body(answer) == head + streams)
    }

    @Test func categorised() {
        var plain = Self.stream
        plain.entries[0].metadata = LabelSet([])
        plain.entries[0].parsed = LabelSet([])
        let answer = QueryAnswer(result: .streams([Self.stream, plain]), categorizesLabels: true)
        let body = Self.body(answer, ["categorize-labels", "other"])
        #expect(body.contains(#""resultType":"streams","encodingFlags":["categorize-labels","other"],"result":"#))
        #expect(body.contains(#"["5","l\n",{"structuredMetadata":{"t":"1"},"parsed":{"p":"q"}}]"#))
        #expect(body.contains(#"["5","l\n",{}]"#))
    }

    @Test func numbersOfAnswers() {
        let series = Series(labels: LabelSet([("a", "b")]), samples: [Sample(time: 1_500_000_000, value: 0.5)])
        #expect(
            Self.body(QueryAnswer(result: .matrix([series]))).hasSuffix(
                #"[{"metric":{"a":"b"},"values":[[1.5,"0.5"]]}]"#))
        #expect(
            Self.body(QueryAnswer(result: .vector([series]))).hasSuffix(#"[{"metric":{"a":"b"},"value":[1.5,"0.5"]}]"#))
        #expect(
            Self.body(QueryAnswer(result: .scalar(series.samples[0]))).hasSuffix(
                #""resultType":"scalar","result":[1.5,"0.5"]"#))
        #expect(Self.body(QueryAnswer(result: .matrix([]))).hasSuffix(#""resultType":"matrix","result":[]"#))
        #expect(
            Self.body(QueryAnswer(result: .vector([]), warnings: ["w"])).hasPrefix(
                #"{"status":"success","warnings":["w"],"data":"#))
    }

    @Test func statisticsAreWholeAndEndInALineFeed() {
        var statistics = QueryStatistics()
        statistics.rows = 7
        statistics.executionNanoseconds = 1_500_000
        let all = Self.text(QueryAnswerWriter.write(QueryAnswer(result: .streams([]), statistics: statistics)))
        #expect(all.contains(#""totalLinesProcessed":7"#) && all.contains(#""execTime":0.0015"#))
        #expect(all.filter { $0 == "{" }.count == all.filter { $0 == "}" }.count)
        #expect(all.hasSuffix("}}\n"))
        for key in ["summary", "querier", "ingester", "cache", "index"] { #expect(all.contains("\"\(key)\":{")) }
    }

    @Test func labels() {
        #expect(
            Self.text(LabelAnswerWriter.writeValues(["a", "b"])) == "{\"status\":\"success\",\"data\":[\"a\",\"b\"]}\n")
        #expect(Self.text(LabelAnswerWriter.writeValues([])) == "{\"status\":\"success\"}\n")
        #expect(
            Self.text(LabelAnswerWriter.writeSeries([LabelSet([("a", "b")])]))
                == "{\"status\":\"success\",\"data\":[{\"a\":\"b\"}]}\n")
        #expect(Self.text(LabelAnswerWriter.writeSeries([])) == "{\"status\":\"success\",\"data\":[]}\n")
        #expect(Self.text(LabelAnswerWriter.writeLegacyValues(["a"])) == "{\"values\":[\"a\"]}\n")
        let legacy = Self.text(LabelAnswerWriter.writeLegacyStreams([Self.stream], QueryStatistics()))
        let stream = #""streams":[{"labels":"{a=\"x\\\"y\", b=\"2\"}","entries":["#
        let entry = #"{"ts":"1970-01-01T00:00:00.000000005Z","line":"l\n"}"#
        #expect(legacy.hasSuffix(stream + entry + "]}]}\n"))
    }
}
