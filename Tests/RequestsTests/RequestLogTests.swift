import Bytes
import Index
import Model
import Store
import Testing

@testable import Requests

struct RequestLogTests {
    private let start: Int64 = 1_795_460_400_000_000_000  // a full hour

    /// Rows of one app as the store shows them.
    private func observed(_ lines: [(Int64, String)], app: String = "shop") -> ObservedRows {
        let entries = AppendOnly<RowEntry>(capacity: lines.count)
        let arena = AppendOnly<UInt8>(capacity: lines.reduce(0) { $0 + $1.1.utf8.count })
        for (time, line) in lines {
            let bytes = [UInt8](line.utf8)
            let offset = arena.writtenCount
            arena.append(bytes.span)
            entries.append(
                RowEntry(
                    time: time, stream: 0, lineOffset: offset, lineCount: bytes.count, metadataOffset: offset,
                    metadataCount: 0))
        }
        arena.release()
        entries.release()
        return ObservedRows(
            tenant: .standard, rows: Rows(entries: entries, arena: arena, count: lines.count), range: 0..<lines.count,
            streams: [LabelSet([("app", app)])])
    }

    private func line(_ milliseconds: Double, status: Int, path: String) -> String {
        #"{"method":"GET","path":"\#(path)","status":\#(status),"duration_ms":\#(milliseconds)}"#
    }

    @Test func figuresEqualThoseOfABruteForceCount() throws {
        var random = SystemRandomNumberGenerator()
        let log = RequestLog()
        var durations: [Double] = []
        var lines: [(Int64, String)] = []
        var errors = 0
        for index in 0..<5000 {
            let milliseconds = Double(Int.random(in: 1...20_000, using: &random)) / 10
            let status = [200, 200, 200, 404, 500, 503].randomElement(using: &random) ?? 200
            if status >= 500 { errors += 1 }
            durations.append(milliseconds)
            let time = start + Int64(index) * 3 * Nanoseconds.perSecond
            lines.append((time, line(milliseconds, status: status, path: "/o/\(index)")))
        }
        log.observe(observed(Array(lines[..<2000])))
        log.observe(observed(Array(lines[2000...])))
        let range = TimeRange(start: start, end: start + 6 * Nanoseconds.perHour)
        let sum = log.summary(.standard, app: "shop", in: range)
        #expect(sum.count == 5000)
        #expect(sum.serverErrors == errors)
        let average = durations.reduce(0, +) / 5000
        #expect(abs((sum.average ?? 0) - average) < 0.001)
        let sorted = durations.sorted()
        for rank in [0.5, 0.95, 0.99] {
            let exact = sorted[Int((rank * 5000).rounded(.up)) - 1]
            let found = try #require(sum.quantile(rank))
            #expect(abs(found - exact) / exact < 0.017, "rank \(rank)")
        }
        let hour = TimeRange(start: start + Nanoseconds.perHour, end: start + 2 * Nanoseconds.perHour)
        #expect(log.summary(.standard, in: hour).count == 1200)
        #expect(log.series(.standard, in: hour, stepSeconds: 60).map(\.count) == [Int](repeating: 20, count: 60))
        let route = try #require(log.routes(.standard, in: range).first)
        #expect(route.route == "GET /o/{id}")
        #expect(route.slowCount == durations.count { $0 > 500 })
    }

    @Test func slowRequestsAreFoundByTheirFields() {
        let log = RequestLog()
        log.observe(
            observed([
                (start, line(600, status: 200, path: "/a/1")), (start + 1, line(900, status: 500, path: "/b")),
                (start + 2, line(500, status: 200, path: "/a/2")), (start + 3, line(700, status: 200, path: "/a/3")),
            ]))
        var filter = SlowRequestFilter(range: .all)
        #expect(log.slow(.standard, filter).requests.map(\.milliseconds) == [900, 700, 600])
        filter.order = .time
        #expect(log.slow(.standard, filter).requests.map(\.path) == ["/a/3", "/b", "/a/1"])
        filter.path = "/a/{id}"
        #expect(log.slow(.standard, filter).requests.map(\.path) == ["/a/3", "/a/1"])
        filter.path = nil
        filter.status = 500
        #expect(log.slow(.standard, filter).total == 1)
        filter.app = "other"
        #expect(log.slow(.standard, filter).total == 0)
    }

    @Test func aRestartKeepsEverything() {
        let log = RequestLog()
        for hour in 0..<6 {
            log.observe(
                observed([(start + Int64(hour) * Nanoseconds.perHour, line(600, status: 503, path: "/x"))], app: "a/b"))
        }
        var records: [StateRecord] = []
        for case .put(let record) in log.takeChanges(isFinal: true) { records.append(record) }
        #expect(log.takeChanges(isFinal: true).isEmpty)
        let again = RequestLog()
        again.restore { kind in StateListing(records: records.filter { $0.kind == kind }) }
        #expect(again.summary(.standard, in: .all) == log.summary(.standard, in: .all))
        #expect(again.apps(.standard) == ["a/b"])
        #expect(
            again.slow(.standard, SlowRequestFilter(range: .all)).requests
                == log.slow(.standard, SlowRequestFilter(range: .all)).requests)
        again.dropBefore(start + 4 * Nanoseconds.perHour)
        #expect(again.summary(.standard, in: .all).count == 2)
        let deletions = again.takeChanges(isFinal: true).filter { if case .delete = $0 { true } else { false } }
        #expect(deletions.count == 4)
    }

    /// At each moment what was handed out to be stored gives back all figures, whether as hours or as a journal.
    @Test func aCrashLosesNoRequest() {
        let log = RequestLog()
        var records: [StateRecord] = []
        var journals = 0
        for round in 0..<30 {
            let from = start + Int64(round % 7) * Nanoseconds.perHour
            log.observe(
                observed(
                    (0..<40).map { index in
                        (
                            from + Int64(index) * 80 * Nanoseconds.perSecond,
                            line(
                                Double(30 * index + round), status: [200, 404, 503][index % 3],
                                path: "/r\(index % 5)/\(index)")
                        )
                    }, app: round % 2 == 0 ? "shop" : "a/b"))
            for change in log.takeChanges(isFinal: round % 11 == 10) {
                switch change {
                case .put(let record):
                    records.removeAll { $0.kind == record.kind && $0.key == record.key }
                    records.append(record)
                case .delete(let kind, let key): records.removeAll { $0.kind == kind && $0.key == key }
                }
            }
            journals = max(journals, records.count { $0.kind == .requestJournal })
            let again = RequestLog()
            again.restore { kind in StateListing(records: records.filter { $0.kind == kind }) }
            for app in ["shop", "a/b"] {
                #expect(again.summary(.standard, app: app, in: .all) == log.summary(.standard, app: app, in: .all))
                #expect(again.routes(.standard, app: app, in: .all) == log.routes(.standard, app: app, in: .all))
                let slow = SlowRequestFilter(range: .all)
                #expect(again.slow(.standard, slow).requests == log.slow(.standard, slow).requests)
            }
            let range = TimeRange(start: start, end: start + 8 * Nanoseconds.perHour)
            #expect(
                again.series(.standard, in: range, stepSeconds: 60) == log.series(.standard, in: range, stepSeconds: 60)
            )
        }
        #expect(journals > 3)
    }

    @Test func anHourStaysWithinItsBounds() {
        let log = RequestLog()
        for piece in 0..<6 {
            log.observe(
                observed(
                    (0..<500).map { index in
                        (
                            start + Int64(index),
                            line(Double(501 + piece * 500 + index), status: 200, path: "/r\(piece)x\(index)y")
                        )
                    }))
        }
        let page = log.slow(.standard, SlowRequestFilter(range: .all))
        #expect(page.isEstimate)
        #expect(page.total <= RequestHour.slowLimit * 5 / 4)
        #expect(page.requests.first?.milliseconds == 3500)
        #expect(log.routes(.standard, in: .all, limit: 10_000).count == RequestHour.routesLimit)
        #expect(log.routes(.standard, in: .all, limit: 10_000).reduce(0) { $0 + $1.figures.count } == 3000)
    }
}
