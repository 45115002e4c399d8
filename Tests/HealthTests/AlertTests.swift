import Testing

@testable import Health

@Suite struct AlertTests {
    private static let second: Int64 = 1_000_000_000
    private let rule = AlertRule(
        "cpu_high", signal: "cpu_percent", source: "system", threshold: 80, unit: "%", forSeconds: 20, keepSeconds: 20,
        title: "CPU")

    /// Judges values ten seconds after each other; gives the states and how often somebody was told.
    private func run(_ values: [Double?], _ rule: AlertRule) -> (states: [String], notices: Int, book: AlertBook) {
        var book = AlertBook(rules: [rule], serial: 7)
        var states: [String] = []
        var notices = 0
        for (index, value) in values.enumerated() {
            var outcome = AlertBook.Outcome()
            let now = Int64(index) * 10 * AlertTests.second
            book.judge(rule, source: "system", value: value, message: "m", now: now, into: &outcome)
            states.append(book.alerts.values.first?.state(now: now).rawValue ?? "ok")
            notices += outcome.notices.count
        }
        return (states, notices, book)
    }

    @Test func firesAfterItsWaitAndResolvesBelowItsClearValueOnly() {
        let run = run([50, 90, 90, 90, 75, nil, 71, 71, 71], rule)
        #expect(
            run.states == [
                "ok", "pending", "pending", "firing", "firing", "firing", "firing", "firing", "resolved",
            ])
        #expect(run.notices == 2)
    }

    /// A sampled signal's readings are of other tenants: they leave the standard tenant's alert alone, and end theirs.
    @Test func tenantsAreJudgedApart() {
        var quick = rule
        (quick.forSeconds, quick.keepSeconds) = (0, 0)
        var book = AlertBook(rules: [quick], serial: 7)
        var outcome = AlertBook.Outcome()
        book.judge(quick, source: "system", value: 90, message: "m", now: 0, into: &outcome)
        var reading = SignalReading("cpu_percent", source: "one/system", value: 95, message: "")
        reading.tenant = "one"
        book.judge(quick, [reading], isSampled: true, now: 10 * AlertTests.second, &outcome)
        #expect(Set(book.open("cpu_high/").map(\.tenant)) == [Alert.standardTenant, "one"])
        #expect(book.open("cpu_high/").last?.message == "CPU 95 % above 80 %")
        book.judge(quick, [], isSampled: true, now: 20 * AlertTests.second, &outcome)
        #expect(book.open("cpu_high/").map(\.tenant) == [Alert.standardTenant])
        book.judge(quick, [], now: 30 * AlertTests.second, &outcome)
        #expect(book.open("cpu_high/").isEmpty)
    }

    @Test func aShortExcessTellsNobody() {
        let run = run([90, 70, 90, 70], rule)
        #expect(run.states == ["pending", "ok", "pending", "ok"])
        #expect(run.notices == 0)
    }

    @Test func manyChangesAreOneAlertThatFlaps() {
        var quick = rule
        (quick.forSeconds, quick.keepSeconds) = (0, 0)
        let run = run([90, 10, 90, 10, 90, 10], quick)
        #expect(run.book.alerts.count == 1)
        #expect(run.book.alerts.values.first?.isFlapping == true)
    }

    @Test func acknowledgedAndSilencedAlertsSaySo() throws {
        var (_, _, book) = run([90, 90, 90], rule)
        let id = try #require(book.alerts.keys.first)
        var outcome = AlertBook.Outcome()
        let now = 30 * AlertTests.second
        _ = book.change(id, .acknowledge, by: "ada", comment: "", now: now, into: &outcome)
        #expect(book.alerts[id]?.state(now: now) == .acknowledged)
        _ = book.change(id, .silence(until: now + 5), by: "ada", comment: "", now: now, into: &outcome)
        #expect(book.alerts[id]?.state(now: now) == .silenced)
        #expect(book.alerts[id]?.state(now: now + 5) == .acknowledged)
        #expect(book.change("none", .resolve, by: "", comment: "", now: now, into: &outcome) == nil)
        book.noteNotice(id, Alert.Notice(channel: "webhook", at: 3, isSent: false))
        let alert = try #require(book.alerts[id])
        #expect(Alert(alert.encoded) == alert)
        #expect(Alert(Array(alert.encoded.dropLast(1))) == nil)
        #expect(AlertRule(rule.texts[...]) == rule)
    }
}
