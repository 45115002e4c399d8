import Bytes
import LogQL
import Model
import Store
import Testing

@testable import Query

struct ExplorePatternTests {
    private static let executor = makeExecutor()

    private func patterns(_ lines: [String], level: String? = nil) async throws -> [LogPattern] {
        let rows = lines.enumerated().map {
            TestRow(
                Int64($0) * Nanoseconds.perSecond, ["app": "web"], $1, level.map { ["detected_level": $0] } ?? [:])
        }
        let request = PatternsRequest(
            range: TimeRange(start: 0, end: 1000 * Nanoseconds.perSecond), selector: #"{app="web"}"#,
            stepNanoseconds: 10 * Nanoseconds.perSecond)
        return try await Self.executor.patterns(request, source: FakeStore([(true, rows)])).patterns
    }

    @Test func whatDiffersBecomesAPlaceholder() async throws {
        let found = try await patterns((0..<25).map { "level=info msg=done took=\($0)ms id=a\($0)b" }, level: "info")
        #expect(found.map(\.text) == ["level=info msg=done took=<_> id=<_>"])
        #expect(found.first?.level == "info")
        #expect(found.first?.counts.map(\.time) == [0, 10, 20].map { $0 * Nanoseconds.perSecond })
        #expect(found.first?.counts.map(\.lines) == [10, 10, 5])
    }

    @Test func unlikeLinesStayApart() async throws {
        let lines = ["user alice logged in", "user bob logged in", "disk full on sda1", "user eve logged in"]
        #expect(try await patterns(lines).map(\.text) == ["user <_> logged in", "disk full on sda1"])
    }

    @Test func placeholdersWithSpaceBetweenAreOne() async throws {
        let lines = ["copied a1 b1 from disk to disk today", "copied a2 b2 from disk to disk today"]
        #expect(try await patterns(lines).map(\.text) == ["copied <_> from disk to disk today"])
    }

    /// Each line passes the line filter made of its pattern, and the counts are those of the lines.
    @Test(arguments: [
        (0..<40).map { #"{"level":"info","took":\#($0),"path":"/a/\#($0 % 3)","msg":"request done"}"# },
        (0..<40).map { #"10.0.0.\#($0) - - [24/Nov/2026:10:00:\#($0)] "GET /x/\#($0) HTTP/1.1" 200 \#($0 * 7) "-""# },
        (0..<10).map { "<name> and <b\($0)> = <x>" },
        (0..<10).map { "a\($0) " + String(repeating: "word ", count: 200) + "\($0)" },
        (0..<10).map { "tail \($0) " + String(repeating: "x", count: 5000) },
        ["naïve café \u{1f600} 1", "naïve café \u{1f600} 2"],
    ])
    func patternsFilterTheirLines(_ lines: [String]) async throws {
        let found = try await patterns(lines)
        #expect(found.reduce(0) { $0 + $1.counts.reduce(0) { $0 + $1.lines } } == lines.count)
        var matched = 0
        for pattern in found {
            let test = PatternTest(Pattern(parsing: [UInt8](pattern.text.utf8)))
            matched += lines.count { test.matches([UInt8]($0.utf8).span) }
        }
        #expect(matched >= lines.count)
    }

    @Test func linesWithoutWordsHaveNoPattern() async throws {
        #expect(try await patterns(["", "   ", "{}"]) == [])
    }

    @Test func clustersAreLimited() {
        var miner = PatternMiner()
        let level: [UInt8] = []
        for number in 0..<(PatternMiner.clusterLimit + 50) {
            // As many quotes as the number has ones and zeros in a row make shapes that are all different.
            let line = "word" + String(number, radix: 2).map { $0 == "1" ? "," : ";" }.joined() + "end"
            miner.add([UInt8](line.utf8).span, level: level.span, step: 0)
        }
        #expect(miner.droppedLines == 50)
        #expect(miner.found.count <= PatternMiner.clusterLimit)
    }
}
