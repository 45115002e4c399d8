import Bytes
import Index
import Model
import Store
import Testing

@testable import Errors

struct ErrorLogTests {
    @Test func alikeErrorsAreOneGroup() {
        let log = ErrorLog()
        log.observe(
            observed([
                (start, "order 17 failed"), (start + 1, "order 18 failed"), (start + 2, #"{"msg":"order 19 failed"}"#),
                (start + 3, "payment failed"),
            ]))
        var filter = ErrorFilter()
        filter.order = .count
        let groups = log.list(.standard, filter)
        #expect(groups.map(\.count) == [3, 1])
        #expect(groups[0].firstSeen == start && groups[0].lastSeen == start + 2)
        #expect(groups[0].traces == ["t1"])
        #expect(groups[0].samples.map(\.event.message) == ["order 17 failed", "order 18 failed", "order 19 failed"])
    }

    /// Equal lines are only counted, but by all that is known of them.
    @Test func equalLinesCountEverywhere() throws {
        let log = ErrorLog()
        let line = #"{"msg":"disk full","release":"1.2","env":"prod"}"#
        log.observe(observed((0..<70).map { (start + $0, line) }))
        log.observe(observed([(start + 70, line)], level: "critical"))
        let group = try #require(log.list(.standard).first)
        #expect(group.count == 71)
        #expect(group.levels == ["error": 70, "critical": 1])
        #expect(group.releases == ["1.2": 71])
        #expect(group.environments == ["prod": 71])
    }

    /// A group's levels count by hour, each for itself, over a restart and when groups are merged.
    @Test func levelsCountByHour() throws {
        let log = ErrorLog()
        log.observe(observed([(start, "disk full"), (start + Nanoseconds.perHour, "disk full")]))
        log.observe(observed([(start + Nanoseconds.perHour, "disk full")], level: "fatal"))
        log.observe(observed([(start, "no memory")], level: "critical"))
        let first = TimeRange(start: start, end: start + 1)
        let second = TimeRange(start: start + Nanoseconds.perHour, end: start + 2 * Nanoseconds.perHour)
        let group = try #require(log.list(.standard).first { $0.message == "disk full" })
        #expect(group.levels(in: first) == ["error": 1, "fatal": 0])
        #expect(group.levels(in: second) == ["error": 1, "fatal": 1])
        var records: [StateRecord] = []
        for case .put(let record) in log.takeChanges(isFinal: true) { records.append(record) }
        let again = ErrorLog()
        again.restore { kind in StateListing(records: records.filter { $0.kind == kind }) }
        let other = try #require(again.list(.standard).first { $0.message == "no memory" })
        let merged = try #require(again.merge(other.id, into: group.id, .standard, by: "ann", now: start))
        #expect(merged.levels(in: first) == ["error": 1, "fatal": 0, "critical": 1])
        #expect(merged.levels(in: second) == ["error": 1, "fatal": 1, "critical": 0])
    }

    @Test func twoCallSitesAreTwoGroups() {
        let log = ErrorLog()
        func line(_ function: String, _ value: Int, _ line: Int) -> String {
            "Traceback (most recent call last):\n  File \"a.py\", line \(line), in \(function)\n    x\n"
                + "ValueError: \(value)"
        }
        log.observe(observed([(start, line("f", 1, 10)), (start, line("f", 2, 11)), (start, line("g", 1, 10))]))
        #expect(log.list(.standard).map(\.count).sorted() == [1, 2])
        #expect(Set(log.list(.standard).map(\.type)) == ["ValueError"])
    }

    @Test func onlyErrorsCount() {
        let log = ErrorLog()
        log.observe(observed([(start, "order 17 failed")], level: "info"))
        log.observe(observed([(start, #"{"msg":"x","exception":"nothing to see"}"#)], level: "info"))
        #expect(log.list(.standard).isEmpty)
        log.observe(
            observed(
                [
                    (
                        start,
                        #"{"msg":"x","exception":"Traceback (most recent call last):\n"#
                            + #"  File \"a.py\", line 1, in f\nE: x"}"#
                    )
                ],
                level: "warn"))
        #expect(log.list(.standard).map(\.type) == ["E"])
        #expect(log.list(.standard).map(\.level) == ["warn"])
    }

    @Test func aBurstOfEqualErrorsIsCountedExactly() {
        let log = ErrorLog()
        log.observe(observed((0..<20_000).map { (start + Int64($0), "disk is full") }))
        let group = log.list(.standard).first
        #expect(group?.count == 20_000)
        #expect(group?.hours.values.reduce(0, +) == 20_000)
        #expect((group?.samples.count ?? 0) <= ErrorGroup.samplesLimit)
    }

    @Test func samplesThinOut() throws {
        let log = ErrorLog()
        for index in 0..<3000 { log.observe(observed([(start + Int64(index), "failed \(index)")])) }
        let group = try #require(log.list(.standard).first)
        #expect(group.count == 3000)
        #expect(group.samples.first?.number == 1)
        #expect(group.samples.last?.number == 3000)
        let numbers = group.samples.map(\.number)
        #expect(Array(numbers.prefix(50)) == Array(1...50))
        #expect(numbers.dropFirst(50).dropLast() == [64, 128, 256, 512, 1024, 2048])
    }

    @Test func aResolvedGroupRegresses() throws {
        let log = ErrorLog()
        log.observe(observed([(start, "failed 1")]))
        let id = try #require(log.list(.standard).first?.id)
        _ = log.apply(.resolve(nil), to: id, .standard, by: "ann", comment: "fixed", now: start + 10)
        log.observe(observed([(start + 5, "failed 2")]))
        #expect(log.group(.standard, id)?.status == .resolved)
        log.observe(observed([(start + 20, "failed 3")]))
        let group = try #require(log.group(.standard, id))
        #expect(group.status == .regressed)
        #expect(group.history.map(\.to) == ["resolved", "regressed"])
        #expect(group.history.map(\.by) == ["ann", "dendro"])
    }

    @Test func mergedGroupsCountTogether() throws {
        let log = ErrorLog()
        log.observe(observed([(start, "alpha failed"), (start, "beta failed"), (start, "beta failed")]))
        let a = try #require(log.list(.standard).first { $0.message == "alpha failed" }?.id)
        let b = try #require(log.list(.standard).first { $0.message == "beta failed" }?.id)
        #expect(log.merge(a, into: b, .standard, by: "ann", now: start)?.count == 3)
        log.observe(observed([(start + 1, "alpha failed")]))
        #expect(log.list(.standard).map(\.count) == [4])
        #expect(log.group(.standard, a)?.id == b)
        #expect(log.split(a, .standard) != nil)
        log.observe(observed([(start + 2, "alpha failed")]))
        #expect(log.group(.standard, b)?.count == 4)
        #expect(log.group(.standard, a)?.id == a)
    }

    @Test func aRestartKeepsGroups() throws {
        let log = ErrorLog()
        log.observe(
            observed([
                (
                    start,
                    #"{"msg":"x","stack":"TypeError: y\n    at f (/a.js:1:2)","user_id":7,"env":"prod","#
                        + #""version":"1.2"}"#
                ),
                (start + 1, "plain failure"),
            ]))
        var records: [StateRecord] = []
        for case .put(let record) in log.takeChanges(isFinal: true) { records.append(record) }
        #expect(log.takeChanges(isFinal: true).isEmpty)
        let again = ErrorLog()
        again.restore { kind in StateListing(records: records.filter { $0.kind == kind }) }
        #expect(again.list(.standard).map(\.id) == log.list(.standard).map(\.id))
        for group in log.list(.standard) {
            let other = try #require(again.group(.standard, group.id))
            #expect(other.samples == group.samples)
            var (bytes, otherBytes): ([UInt8], [UInt8]) = ([], [])
            group.encode(to: &bytes, hasNewest: true)
            other.encode(to: &otherBytes, hasNewest: true)
            #expect(bytes == otherBytes)
        }
        #expect(again.delete(log.list(.standard)[0].id, .standard))
        #expect(again.list(.standard).count == 1)
        let changes = again.takeChanges(isFinal: true)
        let last = ErrorLog()
        last.restore { kind in
            StateListing(records: ErrorLogTests.applied(changes, to: records).filter { $0.kind == kind })
        }
        #expect(last.list(.standard).map(\.id) == again.list(.standard).map(\.id))
    }

    /// What a store holds after some changes.
    private static func applied(_ changes: [StateChange], to records: [StateRecord]) -> [StateRecord] {
        var kept = records
        for change in changes {
            switch change {
            case .put(let record):
                kept.removeAll { $0.kind == record.kind && $0.key == record.key }
                kept.append(record)
            case .delete(let kind, let key): kept.removeAll { $0.kind == kind && $0.key == key }
            }
        }
        return kept
    }

    /// At each moment what was handed out to be stored gives back all counts, whether as records or as a journal.
    @Test func aCrashLosesNoCounts() throws {
        let log = ErrorLog()
        var records: [StateRecord] = []
        var journals = 0
        for round in 0..<40 {
            log.observe(
                observed(
                    (0..<30).map { (start + Int64($0), "failure of kind \(["a", "b", "c", "d"][$0 % 4]) \(round)") }))
            log.observe(observed([(start, "only once, word " + String(repeating: "x", count: round + 1))]))
            if round == 20 { #expect(log.delete(try #require(log.list(.standard).last?.id), .standard)) }
            let changes = log.takeChanges(isFinal: round % 13 == 12)
            records = ErrorLogTests.applied(changes, to: records)
            journals = max(journals, records.count { $0.kind == .errorJournal })
            let again = ErrorLog()
            again.restore { kind in StateListing(records: records.filter { $0.kind == kind }) }
            #expect(
                Set(again.list(.standard).map { "\($0.id) \($0.count) \($0.hours) \($0.levels)" })
                    == Set(log.list(.standard).map { "\($0.id) \($0.count) \($0.hours) \($0.levels)" }))
            if round % 10 == 5 {
                let more = again.takeChanges(isFinal: false)
                let once = ErrorLog()
                once.restore { kind in
                    StateListing(records: ErrorLogTests.applied(more, to: records).filter { $0.kind == kind })
                }
                #expect(once.list(.standard).map(\.count) == again.list(.standard).map(\.count))
                #expect(once.list(.standard).allSatisfy { !$0.samples.isEmpty || $0.kept.isEmpty })
            }
        }
        #expect(journals > 3)
    }

    @Test func theOriginalsErrorFileIsUnderstood() throws {
        let log = ErrorLog()
        let line =
            #"{"error_id":"x1","error_type":"ValueError","message":"order 17","#
            + #""traceback":"Traceback (most recent call last):\n"#
            + #"  File \"/srv/a.py\", line 3, in f\n    g()\nValueError: order 17\n","#
            + #""context":{"method":"GET","path":"/orders/17"},"trace_id":"4bf9","timestamp":"2026-11-23T19:00:00Z"}"#
        log.observe(observed([(start, line)]))
        let group = try #require(log.list(.standard).first)
        #expect(group.type == "ValueError")
        #expect(group.message == "order 17")
        #expect(group.culprit == "/srv/a.py in f")
        #expect(group.samples[0].event.path == "/orders/17")
    }

    /// The exception that loguru names counts, not what its text looks like.
    @Test func loguruNamesItsException() throws {
        let log = ErrorLog()
        func line(_ order: Int) -> String {
            #"{"text": "2026-11-25 19:23:46.4 | ERROR    | __main__:pay:18 - while paying\nTraceback (most recent "#
                + #"call last):\n\n> File \"/srv/pay.py\", line 16, in pay\n    fail(i)\n         └ \#(order)\n\n"#
                + #"ValueError: order \#(order) failed\n", "record": {"exception": {"type": "ValueError", "value": "#
                + #""order \#(order) failed", "traceback": true}, "level": {"name": "ERROR", "no": 40}, "#
                + #""message": "while paying", "name": "__main__"}}"#
        }
        log.observe(observed([(start, line(1)), (start + 1, line(2))]))
        let group = try #require(log.list(.standard).first)
        #expect(log.list(.standard).count == 1)
        #expect(group.count == 2)
        #expect(group.type == "ValueError")
        #expect(group.message == "order 1 failed")
        #expect(group.culprit == "/srv/pay.py in pay")
    }

    /// A name that the event gives its error counts before the one that the trace ends with.
    @Test func anErrorTypeThatIsNamedCounts() throws {
        let log = ErrorLog()
        let trace = #""traceback":"Traceback (most recent call last):\n  File \"a.py\", line 3, in f\nE: gone\n""#
        log.observe(observed([(start, #"{"error_type":"OrderGone",\#(trace)}"#)]))
        #expect(log.list(.standard).first?.type == "OrderGone")
    }

    @Test func anExceptionWithoutALevelIsAnError() throws {
        let log = ErrorLog()
        let line =
            #"{"message":"m","traceback":"Traceback (most recent call last):\n  File \"a.py\", line 3, in f\n"#
            + #"KeyError: 'a'\n"}"#
        log.observe(observed([(start, line), (start + 1, line)], level: "unknown"))
        log.observe(observed([(start, line)], level: "warn", labels: [("app", "web")]))
        let levels = log.list(.standard).map { group in
            "\(group.app) \(group.level) \(group.levels.keys.sorted())"
        }
        #expect(levels.sorted() == [#"shop error ["error"]"#, #"web warn ["warn"]"#])
    }

    @Test(arguments: [
        ("2026-11-25 19:23:46.490 | ERROR    | shop.pay:charge:20 - cache 0 gone", "shop.pay", "cache 0 gone"),
        ("2026-11-25 19:42:16,010 ERROR [main] com.shop.Pay - charge failed", "com.shop.Pay", "charge failed"),
        ("2026-11-25 19:42:16,010 - shop.pay - ERROR - charge failed: no card", "shop.pay", "charge failed: no card"),
        ("19:42:16.010 [http-1] ERROR c.s.Pay - charge failed", "c.s.Pay", "charge failed"),
        ("ERROR:shop.pay:charge failed", "shop.pay", "charge failed"),
        (
            "2026-11-25T19:42:16.010+01:00 ERROR 4711 --- [nio-80-1] c.s.Pay   : charge failed", "c.s.Pay",
            "charge failed"
        ),
        ("2026/11/23 18:59:58 [error] connect() failed (111: refused)", "", "connect() failed (111: refused)"),
        ("2026-11-25T19:42:16Z ERROR timeout: no answer - given up", "", "timeout: no answer - given up"),
        ("[2026-11-25 19:42:16] CRITICAL out of memory", "", "out of memory"),
        ("ERROR: no level", "", "no level"),
        // No head of a line.
        ("charge failed at 19:42:16 ERROR", "", "charge failed at 19:42:16 ERROR"),
        ("17 orders failed", "", "17 orders failed"),
        ("2026-11-25 19:42:16 something happened", "", "2026-11-25 19:42:16 something happened"),
        ("2026-11-25 19:42:16 ERROR", "", "2026-11-25 19:42:16 ERROR"),
        ("", "", ""), ("[", "", "["), ("1:2:3 [", "", "1:2:3 ["), ("::: |", "", "::: |"),
        ("1:2:3 error |-", "", "-"), ("error:", "", "error:"), ("error:a", "", "a"),
    ])
    func aLinesHeadIsNoPartOfItsMessage(_ line: String, _ logger: String, _ message: String) throws {
        var draft = EventDraft()
        let text = draft.append([UInt8](line.utf8).span)
        let head = LineHead(text, draft.arena)
        #expect(draft.text(head?.message ?? text) == message)
        #expect(draft.text(head?.logger ?? EventDraft.none) == logger)
    }

    /// Any bytes are read without a fault, and what is found lies within the line.
    @Test func headsOfAnyLines() {
        var random = SystemRandomNumberGenerator()
        let words = [
            "2026-11-25", " ", "19:42:16", "[", "]", "ERROR", "error", " - ", " : ", ":", "|", "-", "7", "a", "\t",
        ]
        for _ in 0..<20_000 {
            let line = (0..<Int.random(in: 0..<12, using: &random)).map { _ in words.randomElement() ?? "" }.joined()
            var draft = EventDraft()
            let text = draft.append([UInt8](line.utf8).span)
            guard let head = LineHead(text, draft.arena) else { continue }
            #expect(!head.message.isEmpty && head.message.upperBound == text.upperBound, "\(line)")
            #expect(head.logger.isEmpty || head.logger.lowerBound >= text.lowerBound, "\(line)")
        }
    }

    @Test func errorsBeyondTheLimitOfGroupsCountByApp() {
        let log = ErrorLog()
        let words = ["a", "b", "c", "d", "e", "g", "h", "i", "k", "l"]
        func word(_ number: Int) -> String { "\(number)".map { words[Int("\($0)") ?? 0] }.joined() + "z" }
        log.observe(observed((0..<ErrorLog.groupsLimit).map { (start + Int64($0), "failed " + word($0)) }))
        #expect(log.list(.standard).count == ErrorLog.groupsLimit)
        log.observe(observed([(start, "one more"), (start, "and another")]))
        log.observe(observed([(start, "of another app")], labels: [("app", "web")]))
        let beyond = log.list(.standard).filter { $0.id.hasPrefix("e_overflow") }
        #expect(beyond.map(\.count).sorted() == [1, 2])
        #expect(Set(beyond.map(\.app)) == ["shop", "web"])
    }
}
