import Query
import Testing

@testable import Grafana

struct ExploreAnswerTests {
    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test func statisticsHaveNoEnvelope() {
        var statistics = IndexStatistics()
        (statistics.streams, statistics.chunks, statistics.bytes, statistics.entries) = (2, 3, 18432, 120)
        #expect(
            text(ExploreAnswerWriter.write(statistics))
                == #"{"streams":2,"chunks":3,"bytes":18432,"entries":120}"# + "\n")
    }

    @Test func nothingIsAnEmptyObject() {
        #expect(text(ExploreAnswerWriter.write([DetectedLabel]())) == "{}\n")
        #expect(text(ExploreAnswerWriter.write([], limit: 5)) == "{}\n")
        #expect(text(ExploreAnswerWriter.write(values: [], limit: 5)) == "{}\n")
        #expect(text(ExploreAnswerWriter.write(LogPatterns())) == #"{"status":"success","data":[]}"# + "\n")
    }

    @Test func valuesAreEscaped() {
        #expect(
            text(ExploreAnswerWriter.write(values: ["a\"b", "\n"], limit: 5))
                == #"{"values":["a\"b","\n"],"limit":5}"# + "\n")
    }

    @Test func warningsStandBeforeThePatterns() {
        var patterns = LogPatterns()
        patterns.warnings = ["part 7 is damaged"]
        #expect(
            text(ExploreAnswerWriter.write(patterns))
                == #"{"status":"success","warnings":["part 7 is damaged"],"data":[]}"# + "\n")
    }
}
