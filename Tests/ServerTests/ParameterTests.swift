import Model
import Testing

@testable import Server

private let now: Int64 = 1_795_460_737_600_661_661
private let second = Nanoseconds.perSecond

@Suite struct ParameterTests {
    @Test(arguments: [
        ("1795460737", 1_795_460_737 * second), ("1795460737.5", 1_795_460_737 * second + 500_000_000),
        ("1795460737.6006", 1_795_460_737 * second + 601_000_000), ("4000000000", 4_000_000_000 * second),
        ("1795460737600", 1_795_460_737_600), ("1795460737600661661", 1_795_460_737_600_661_661),
        ("2026-11-23T19:05:37Z", 1_795_460_737 * second),
        ("2026-11-23T20:05:37.25+01:00", 1_795_460_737 * second + 250_000_000),
        ("0", 0), ("-5", -5 * second), ("1.5e3", 1500 * second),
    ])
    func timesAreRead(text: String, expected: Int64) throws {
        #expect(try TimeParameters.time(text, name: "start") == expected)
    }

    @Test(arguments: [
        "abc", "now-1h", "1e9", "2026-11-23T19:05:37", "99999999999999999999", "0x10", "inf", "nan.", "9e300.0", "",
        " 1",
    ])
    func badTimesAreRefused(text: String) {
        #expect(throws: ParameterError.self) { try TimeParameters.time(text, name: "start") }
    }

    @Test func badTimesNameTheParameter() {
        #expect(
            throws: ParameterError(
                "could not parse 'start' parameter: strconv.ParseInt: parsing \"abc\": invalid syntax")
        ) { try TimeParameters.time("abc", name: "start") }
    }

    @Test(arguments: [
        ("60", 60 * second), ("60.5", 60 * second + second / 2), ("0.1", second / 10), ("1m", 60 * second),
        ("1h30m", 5400 * second), ("1500ms", 1500 * Nanoseconds.perMillisecond), ("1d", 86400 * second),
        ("1y", 365 * 86400 * second), ("-5", -5 * second), ("0", 0),
    ])
    func durationsAreRead(text: String, expected: Int64) throws {
        #expect(try TimeParameters.duration(text) == expected)
    }

    @Test(arguments: ["1.5s", "30m1h", "h", "1", "5 m", "-1h", "1h1h", "99999999999999y"].filter { $0 != "1" })
    func badDurationsAreRefused(text: String) {
        #expect(throws: ParameterError("cannot parse \"\(text)\" to a valid duration")) {
            try TimeParameters.duration(text)
        }
    }

    @Test func formsComeBeforeQueries() throws {
        let parameters = try RequestParameters(
            query: "query=url&limit=7&match=a", form: "query=form+text%21&match[]=b&match=c")
        #expect(parameters.first("query") == "form text!")
        #expect(parameters.first("limit") == "7")
        #expect(parameters.all("match[]", "match") == ["b", "c", "a"])
        #expect(parameters.first("absent") == nil)
    }

    @Test(arguments: ["a=%", "a=%2", "a=%zz", "%g0=1"])
    func brokenEscapesAreRefused(query: String) {
        #expect(throws: ParameterError.self) { try RequestParameters(query: query) }
    }

    @Test func pathsKeepPlus() throws {
        #expect(try RequestParameters.decoded("a+b%2Fc".utf8, plusIsSpace: false) == "a+b/c")
    }

    private func range(_ query: String, points: Int = 11_000) throws -> RangeParameters {
        try RangeParameters(try RequestParameters(query: query), now: now, pointsLimit: points)
    }

    @Test func rangesHaveDefaults() throws {
        let range = try range("query=x")
        #expect(range.end == now)
        #expect(range.start == now - Nanoseconds.perHour)
        #expect(range.limit == 100)
        #expect(!range.isForward)
        #expect(range.stepNanoseconds == 14 * second)
        #expect(range.intervalNanoseconds == 0)
    }

    @Test func startGoesBeforeSince() throws {
        #expect(try range("start=1795460000&since=5m").start == 1_795_460_000 * second)
        #expect(try range("since=5m").start == now - 300 * second)
        // With an end in the past, `since` counts from the end.
        #expect(try range("since=5m&end=1795460000").start == 1_795_459_700 * second)
    }

    @Test(arguments: [
        ("start=10&end=9", "end timestamp must not be before or equal to start time"),
        ("limit=0", "limit must be a positive value"), ("limit=-1", "limit must be a positive value"),
        ("limit=abc", "strconv.Atoi: parsing \"abc\": invalid syntax"),
        ("direction=sideways", "invalid direction 'sideways'"),
        (
            "step=0", "zero or negative query resolution step widths are not accepted. Try a positive integer"
        ),
        (
            "step=-1", "zero or negative query resolution step widths are not accepted. Try a positive integer"
        ),
        ("step=1.5s", "cannot parse \"1.5s\" to a valid duration"),
        (
            "step=1&start=0&end=11001",
            "exceeded maximum resolution of 11,000 points per time series. "
                + "Try increasing the value of the step parameter"
        ),
        ("since=abc", "could not parse 'since' parameter: not a valid duration string: \"abc\""),
    ])
    func badRangesAreRefused(query: String, text: String) {
        #expect(throws: ParameterError(text)) { try range(query) }
    }

    @Test(arguments: [
        "start=-9223372036854775808&end=9223372036854775807&step=0.000000001", "end=-9223372036854775808&since=100y",
    ])
    func extremesDoNotTrap(query: String) {
        _ = try? range(query)
    }

    @Test(arguments: ["step=1&start=0&end=11000", "start=10&end=10", "direction=FORWARD", "direction=Backward"])
    func edgesAreAccepted(query: String) throws {
        _ = try range(query)
    }
}

@Suite struct LogsRequestTests {
    private func request(_ query: String) throws -> LogsRequest {
        try LogsRequest(try RequestParameters(query: query), now: now)
    }

    @Test(arguments: [
        ("", "{}"), ("trace_id=abc", "{trace_id=\"abc\"}"), ("app=a%22b", "{app=\"a\\\"b\"}"),
        ("app=shop&q=failed+payment", "{app=\"shop\"} |= \"failed payment\""),
        ("q=%7Bapp%3D%22x%22%7D&trace_id=t", "{app=\"x\"} | trace_id=\"t\""),
        ("level=ERROR", "{} | detected_level=~\"error\""), ("level=ALL", "{}"),
        ("min_level=warning", "{} | detected_level=~\"warn|error|critical|fatal\""),
    ])
    func parametersBecomeAQuery(query: String, logql: String) throws {
        #expect(try request(query).query == logql)
    }

    @Test(arguments: [
        "limit=0", "limit=5001", "order=up", "format=xml", "cursor=c_x_1", "cursor=c_1_-1", "level=loud", "since=soon",
        "start=tomorrow", "start=20&end=10", "cursor=c_9223372036854775807_1",
    ])
    func badParametersAreRefused(query: String) {
        #expect(throws: ParameterError.self) { try request(query) }
    }

    @Test(arguments: [
        ("1795460737", 1_795_460_737 * second), ("1795460737600", 1_795_460_737_600 * Nanoseconds.perMillisecond),
        ("1795460737600661661", now), ("2026-11-23T19:05:37Z", 1_795_460_737 * second),
    ])
    func instantsAreReadByMagnitude(text: String, expected: Int64) throws {
        #expect(try request("start=\(text)&end=1795999999").start == expected)
    }

    @Test func cursorsGoOnBehindWhatWasShown() throws {
        let request = try request("start=1795460000&end=1795470000&cursor=c_1795465000000000000_3")
        #expect(request.end == 1_795_465_000 * second + 1)
        #expect(request.skippedEntries == 3)
        let ascending = try self.request("order=asc&start=1795460000&end=1795470000&cursor=c_1795465000000000000_3")
        #expect(ascending.start == 1_795_465_000 * second)
    }
}
