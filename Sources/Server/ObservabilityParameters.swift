import Files
import Model
import Query
import Receive

/// Parameters that all observability routes understand alike.
struct ObservabilityParameters: Sendable {
    /// From `start` or `since` to `end`; behind the end nothing is asked for.
    let range: TimeRange
    let app: String?
    let env: String?
    let limit: Int
    let isAscending: Bool
    /// Where the page begins, from `cursor`.
    let offset: Int
    /// In which days and hours are shown, from `tz`.
    let zone: TimeZoneTable

    /// - Parameters:
    ///   - since: how far back without `since` and `start`, in nanoseconds.
    ///   - limit: how many without `limit`; `most` is the most.
    init(
        _ parameters: RequestParameters, now: Int64, since: Int64 = Nanoseconds.perDay, limit standard: Int = 50,
        most: Int = 200
    ) throws(ParameterError) {
        let end =
            try parameters.value("end").map { text throws(ParameterError) in
                try ObservabilityParameters.instant(text, name: "end")
            } ?? now.addingReportingOverflow(1).partialValue
        var start = min(end, now).subtractingReportingOverflow(since).partialValue
        if let text = parameters.value("start") {
            start = try ObservabilityParameters.instant(text, name: "start")
        } else if let text = parameters.value("since") {
            guard let length = TimeParameters.prometheusDuration(text) else {
                throw ParameterError("since is a duration such as 15m, 24h or 7d, not '\(text)'")
            }
            let from = min(end, now).subtractingReportingOverflow(length)
            start = from.overflow ? .min : from.partialValue
        }
        if end < start { throw ParameterError("end lies before start") }
        range = TimeRange(start: start, end: end)
        app = parameters.value("app")
        env = parameters.value("env")
        limit = try ObservabilityParameters.whole(parameters, "limit", 1...most) ?? standard
        switch parameters.value("order") ?? "desc" {
        case "asc": isAscending = true
        case "desc": isAscending = false
        case let other: throw ParameterError("order is asc or desc, not '\(other)'")
        }
        if let text = parameters.value("cursor") {
            guard text.hasPrefix("o_"), let place = Int(text.dropFirst(2)), (0...1_000_000_000).contains(place) else {
                throw ParameterError("the cursor is not one that this server gave out")
            }
            offset = place
        } else {
            offset = 0
        }
        zone = try ObservabilityParameters.zone(parameters.value("tz"))
    }

    /// The cursor of the next page, if there is more than was shown.
    func next(shown: Int, total: Int) -> JSONValue {
        offset + shown < total && shown > 0 ? .text("o_\(offset + shown)") : .null
    }

    /// `YYYY-MM-DD` in the zone.
    func day(_ time: Int64) -> String { String(local(time).prefix(10)) }
    /// `YYYY-MM-DD HH:00` in the zone.
    func hour(_ time: Int64) -> String {
        let text = local(time)
        return text.prefix(10) + " " + text.dropFirst(11).prefix(2) + ":00"
    }

    private func local(_ time: Int64) -> String {
        let shift = zone.offsetSeconds(at: time).multipliedReportingOverflow(by: Nanoseconds.perSecond).partialValue
        let (moved, overflow) = time.addingReportingOverflow(shift)
        return RFC3339.format(overflow ? time : moved)
    }

    /// A whole number in `bounds`, or nil where it is not given.
    static func whole(
        _ parameters: RequestParameters, _ name: String, _ bounds: ClosedRange<Int>
    ) throws(ParameterError) -> Int? {
        guard let text = parameters.value(name) else { return nil }
        guard let number = Int(text), bounds.contains(number) else {
            throw ParameterError(
                "\(name) is a whole number from \(bounds.lowerBound) to \(bounds.upperBound), not '\(text)'")
        }
        return number
    }

    /// RFC 3339, or a number since 1970 whose magnitude tells seconds, milliseconds, microseconds or nanoseconds.
    static func instant(_ text: String, name: String) throws(ParameterError) -> Int64 {
        if let number = Int64(text) {
            var scaled = number
            var magnitude = number.magnitude
            while magnitude != 0, magnitude < 100_000_000_000_000_000 {
                (scaled, magnitude) = (scaled &* 1000, magnitude &* 1000)
            }
            return scaled
        }
        if let instant = RFC3339.parse([UInt8](text.utf8).span) { return instant }
        throw ParameterError("\(name) is a time such as 2026-11-23T19:05:37Z or 1795460737, not '\(text)'")
    }

    /// The zone called `name` in the system's tables, or a fixed offset; UTC for nil.
    static func zone(_ name: String?) throws(ParameterError) -> TimeZoneTable {
        guard let name, name != "UTC", name != "Z" else { return .utc }
        if let fixed = TimeZoneTable(offset: name) { return fixed }
        let isName = name.utf8.allSatisfy {
            ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7a) || ($0 >= 0x30 && $0 <= 0x39)
                || [0x2f, 0x2d, 0x2b, 0x5f].contains($0)
        }
        if isName, name.utf8.count < 64, !name.hasPrefix("/"),
            let bytes = try? PosixFileSystem().contents(of: "/usr/share/zoneinfo/" + name, limitBytes: 1 << 20),
            let table = try? TimeZoneTable(bytes)
        {
            return table
        }
        throw ParameterError("tz is a time zone such as Europe/Berlin, +08:00 or UTC, not '\(name)'")
    }
}

/// Answers of routes for people: bad parameters and queries become 400s with `detail` and `code`.
enum ObservabilityRoute {
    static func make(
        _ pattern: String, _ methods: Set<String> = Route.get,
        _ respond: @escaping @Sendable (Call) async throws -> Answer
    ) -> Route {
        Route(methods, "/api/v1/observability/" + pattern) { call in
            do {
                return try await respond(call)
            } catch let error as ParameterError {
                return ErrorAnswers.observability(400, error.message, code: "invalid_parameter")
            } catch let error as QueryError {
                return ErrorAnswers.observability(
                    ErrorAnswers.status(error), error.message, code: error.kind.rawValue)
            }
        }
    }
}
