import Access
import Bytes
import Errors
import Model
import Query
import Receive

/// `/api/v1/observability/errors…`: groups of alike errors, read.
struct ErrorRoutes: Sendable {
    let backend: Backend
    /// Finds the lines of occurrences.
    let logs: ObservabilityLogs

    var routes: [Route] {
        [
            ObservabilityRoute.make("errors", ["GET", "POST"]) { call in
                call.method == "POST"
                    ? try await ErrorCapture(backend: backend).answer(call) : try refusal(call) ?? list(call)
            },
            ObservabilityRoute.make("errors/summary") { call in try summary(call) },
            ObservabilityRoute.make("errors/top") { call in try top(call) },
            ObservabilityRoute.make("errors/{id}", ["GET", "DELETE"]) { call in
                call.method == "DELETE"
                    ? try await ErrorChanges(backend: backend).delete(call) : try await detail(call)
            },
            ObservabilityRoute.make("errors/{id}/{what}", ["GET", "POST"]) { call in
                if call.method == "POST" { return try await ErrorChanges(backend: backend).answer(call) }
                if let refusal = refusal(call) { return refusal }
                switch call.captures[1] {
                case "events": return try events(call)
                case "trend": return try trend(call)
                default: return ErrorAnswers.observability(404, "there is no such route", code: "not_found")
                }
            },
            ObservabilityRoute.make("errors/{id}/events/{event}") { call in try event(call) },
        ]
    }

    /// Routes with methods that need different scopes take any token; reading needs one that may read.
    private func refusal(_ call: Call) -> Answer? {
        call.identity.denial(of: .read).map { ErrorAnswers.denied($0, path: call.path) }
    }

    private func log() throws(ParameterError) -> ErrorLog {
        guard let log = backend.errors else { throw ParameterError("errors are not observed by this server") }
        return log
    }

    private func list(_ call: Call) throws(ParameterError) -> Answer {
        let now = backend.clock.nowNanoseconds()
        let began = Machine.monotonicNanoseconds()
        let common = try ObservabilityParameters(call.parameters, now: now)
        var filter = try ErrorRoutes.filter(call, common)
        if call.parameters.value("start") != nil || call.parameters.value("since") != nil {
            filter.range = common.range
        }
        let found = try log().list(call.identity.tenant, filter)
        let page = Array(found.dropFirst(common.offset).prefix(common.limit))
        return .object(page.map(ErrorShapes(now: now).summary), total: found.count, common, now, began)
    }

    private func top(_ call: Call) throws(ParameterError) -> Answer {
        let now = backend.clock.nowNanoseconds()
        let began = Machine.monotonicNanoseconds()
        let common = try ObservabilityParameters(call.parameters, now: now, limit: 10, most: 50)
        var filter = try ErrorRoutes.filter(call, common)
        filter.range = common.range
        switch call.parameters.value("by") ?? "count" {
        case "count": filter.order = .count
        case "users": filter.order = .users
        case "trend": filter.order = .trend
        case "latest": filter.order = .lastSeen
        case let other: throw ParameterError("by is count, users, trend or latest, not '\(other)'")
        }
        let found = try log().list(call.identity.tenant, filter)
        let page = Array(found.dropFirst(common.offset).prefix(common.limit))
        let shapes = ErrorShapes(now: now, window: common.range)
        return .object(page.map(shapes.summary), total: found.count, common, now, began)
    }

    static func filter(_ call: Call, _ common: ObservabilityParameters) throws(ParameterError) -> ErrorFilter {
        let parameters = call.parameters
        var filter = ErrorFilter()
        filter.app = call.identity.app ?? common.app
        filter.environment = common.env
        filter.release = parameters.value("release")
        filter.level = parameters.value("level").flatMap { level in
            level.lowercased() == "all" ? nil : LogLevel([UInt8](level.utf8).span)?.name ?? level.lowercased()
        }
        filter.type = parameters.value("type")
        filter.text = parameters.value("q")
        filter.trace = parameters.value("trace_id")
        filter.isAscending = common.isAscending
        let status = parameters.value("status") ?? "all"
        if status != "all" {
            guard let known = ErrorStatus(rawValue: status) else {
                throw ParameterError("status is unresolved, resolved, ignored, regressed or all, not '\(status)'")
            }
            filter.status = known
        }
        if let text = parameters.value("sort") {
            guard let order = ErrorFilter.Order(rawValue: text) else {
                throw ParameterError("sort is last_seen, first_seen, count, users or trend, not '\(text)'")
            }
            filter.order = order
        }
        return filter
    }

    private func summary(_ call: Call) throws(ParameterError) -> Answer {
        let now = backend.clock.nowNanoseconds()
        let hours = try ObservabilityParameters.whole(call.parameters, "hours", 1...168) ?? 24
        let common = try ObservabilityParameters(call.parameters, now: now)
        return ErrorSummary(
            log: try log(), tenant: call.identity.tenant, app: call.identity.app ?? common.app, hours: hours, now: now
        ).json(common).answer()
    }

    /// The group that a call names, if the caller may see it.
    static func group(_ call: Call, _ log: ErrorLog) -> ErrorGroup? {
        guard let group = log.group(call.identity.tenant, call.captures[0]),
            call.identity.app.map({ $0 == group.app }) ?? true
        else { return nil }
        return group
    }

    static func missing(_ call: Call) -> Answer {
        ErrorAnswers.observability(404, "there is no error group \(call.captures[0])", code: "not_found")
    }

    private func detail(_ call: Call) async throws -> Answer {
        if let refusal = refusal(call) { return refusal }
        guard let group = ErrorRoutes.group(call, try log()) else { return ErrorRoutes.missing(call) }
        return ErrorShapes(now: backend.clock.nowNanoseconds())
            .detail(group, stored: try await storedContext(group, call)).answer()
    }

    /// What the newest occurrence's line says of its context, as it is stored; nil if it is gone or says nothing.
    private func storedContext(_ group: ErrorGroup, _ call: Call) async throws -> JSONValue? {
        guard let newest = group.samples.last?.event,
            let line = try await logs.line(
                at: newest.time, call, { backend.errorID(of: $0, call.identity) == group.id })
        else { return nil }
        return LineFields(line.entry.line).value("context").map { .raw($0) }
    }

    private func events(_ call: Call) throws(ParameterError) -> Answer {
        let now = backend.clock.nowNanoseconds()
        let began = Machine.monotonicNanoseconds()
        let common = try ObservabilityParameters(call.parameters, now: now)
        guard let group = ErrorRoutes.group(call, try log()) else { return ErrorRoutes.missing(call) }
        let samples = common.isAscending ? group.samples : group.samples.reversed()
        let page = samples.dropFirst(common.offset).prefix(common.limit)
        return .object(
            page.map(ErrorShapes(now: now).sample), name: "events", total: samples.count, common, now, began,
            more: [("total_count", .int(group.count))])
    }

    private func event(_ call: Call) throws(ParameterError) -> Answer {
        guard let group = ErrorRoutes.group(call, try log()) else { return ErrorRoutes.missing(call) }
        let wanted = call.captures[1]
        let found =
            switch wanted {
            case "latest": group.samples.last
            case "first": group.samples.first
            default: group.samples.first { "\($0.number)" == wanted }
            }
        guard let found else {
            return ErrorAnswers.observability(
                404, "occurrence \(wanted) is not among those that are kept; see errors/\(group.id)/events",
                code: "not_found")
        }
        return ErrorShapes(now: backend.clock.nowNanoseconds()).sample(found).answer()
    }

    private func trend(_ call: Call) throws(ParameterError) -> Answer {
        let now = backend.clock.nowNanoseconds()
        let common = try ObservabilityParameters(call.parameters, now: now, since: 7 * Nanoseconds.perDay)
        guard let group = ErrorRoutes.group(call, try log()) else { return ErrorRoutes.missing(call) }
        let step = call.parameters.value("step") ?? "1h"
        guard step == "1h" || step == "1d" else { throw ParameterError("step is 1h or 1d, not '\(step)'") }
        let unit = step == "1h" ? Nanoseconds.perHour : Nanoseconds.perDay
        let counts = step == "1h" ? group.hours : group.days
        let first = max(common.range.start, now - 90 * Nanoseconds.perDay) / unit
        let last = min(common.range.end, now) / unit
        let points: [JSONValue] =
            first <= last ? (first...last).map { ["t": .time($0 * unit), "count": .int(counts[$0] ?? 0)] } : []
        return JSONValue.object([
            ("error_id", .text(group.id)), ("step", .text(step)), ("points", .array(points)), ("timestamp", .time(now)),
        ]).answer()
    }
}

extension Answer {
    /// A page of a list in the shape that all lists have.
    static func object(
        _ items: [JSONValue], name: String = "errors", total: Int, _ common: ObservabilityParameters, _ now: Int64,
        _ began: Int64, more: [(name: String, value: JSONValue)] = []
    ) -> Answer {
        let took = Double(Machine.monotonicNanoseconds() - began) / 1e6
        return JSONValue.object(
            [
                ("count", .int(items.count)), (name, .array(items)), ("timestamp", .time(now)), ("total", .int(total)),
                ("next", common.next(shown: items.count, total: total)),
                ("stats", ["scanned_bytes": 0, "took_ms": .optional(took), "partial": false]),
            ] + more
        ).answer()
    }
}

/// What happened in the last hours, by type, app and hour.
struct ErrorSummary {
    let log: ErrorLog
    let tenant: TenantID
    let app: String?
    let hours: Int
    let now: Int64

    /// Occurrences by hour as a clock of the zone shows it. An hour that it shows twice, at the end of summer time, has
    /// those of both.
    static func trend(
        _ sums: [Int64: Int], in hours: ClosedRange<Int64>, _ common: ObservabilityParameters
    ) -> [(name: String, value: JSONValue)] {
        var trend: [(name: String, count: Int)] = []
        for hour in hours {
            let name = common.hour(hour * Nanoseconds.perHour)
            if let last = trend.last, last.name == name {
                trend[trend.count - 1].count += sums[hour] ?? 0
            } else {
                trend.append((name, sums[hour] ?? 0))
            }
        }
        return trend.map { ($0.name, .int($0.count)) }
    }

    /// Occurrences by the level that each had.
    private func levels(_ groups: [ErrorGroup], _ range: TimeRange) -> JSONValue {
        var counts: [String: Int] = [:]
        for group in groups { counts.merge(group.levels(in: range), uniquingKeysWith: +) }
        let sorted = counts.filter { $0.value > 0 }.sorted { ($0.value, $1.key) > ($1.value, $0.key) }
        return .object(sorted.map { ($0.key, JSONValue.int($0.value)) })
    }

    func json(_ common: ObservabilityParameters) -> JSONValue {
        let length = Int64(hours) * Nanoseconds.perHour
        // Hours count whole: the first is the one in which the period begins.
        let range = TimeRange(start: now - length, end: now + 1)
        var filter = ErrorFilter()
        filter.app = app
        let groups = log.list(tenant, filter)
        let current = groups.filter { $0.count(in: range) > 0 }
        let before = TimeRange(start: range.start - length, end: range.start - Nanoseconds.perHour)
        let total = current.reduce(0) { $0 + $1.count(in: range) }
        let previous = groups.reduce(0) { $0 + $1.count(in: before) }
        let last = now / Nanoseconds.perHour
        let sums = log.hours(tenant, app: app, in: range)
        let trend = ErrorSummary.trend(sums, in: (last - Int64(hours))...last, common)
        func sum(_ name: (ErrorGroup) -> String) -> JSONValue {
            var counts: [String: Int] = [:]
            for group in current { counts[name(group), default: 0] += group.count(in: range) }
            return .object(
                counts.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.map { ($0.key, JSONValue.int($0.value)) })
        }
        return .object([
            ("total_errors", .int(total)), ("unique_errors", .int(current.count)), ("by_type", sum(\.type)),
            ("hourly_trend", .object(trend)), ("period_hours", .int(hours)),
            ("new_errors", .int(current.count { range.contains($0.firstSeen) })),
            ("regressed_errors", .int(current.count { $0.status == .regressed })),
            ("resolved_errors", .int(groups.count { $0.status == .resolved && range.contains($0.statusSince) })),
            ("by_app", sum(\.app)), ("by_level", levels(current, range)),
            ("by_release", sum { $0.lastRelease.isEmpty ? "unknown" : $0.lastRelease }),
            ("users_affected", .int(current.reduce(0) { $0 + $1.userCount })),
            ("previous_period", ["total_errors": .int(previous)]),
            (
                "change_percent",
                previous == 0
                    ? .null : .optional((Double(total) - Double(previous)) * 100 / Double(previous), digits: 1)
            ),
            ("crash_free_rate", .null), ("timestamp", .time(now)),
        ])
    }
}
