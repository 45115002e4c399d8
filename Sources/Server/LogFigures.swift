import Access
import Bytes
import LogQL
import Model
import Query
import Receive

/// Counts of log lines over time: `logs/histogram` and `logs/errors`.
struct LogFigures: Sendable {
    private static let bucketsLimit = 2000
    private static let widths: [Int64] =
        [1, 2, 5, 10, 15, 30].map { $0 * Nanoseconds.perSecond }
        + [1, 2, 5, 10, 15, 30].map { $0 * Nanoseconds.perMinute } + [1, 2, 3, 6, 12].map { $0 * Nanoseconds.perHour }
        + [1, 2, 7, 14, 28].map { $0 * Nanoseconds.perDay }

    let backend: Backend
    let executor: QueryExecutor

    var routes: [Route] {
        [
            ObservabilityRoute.make("logs/histogram") { try await histogram($0) },
            ObservabilityRoute.make("logs/errors") { try await errors($0) },
        ]
    }

    // MARK: Histogram

    private func histogram(_ call: Call) async throws -> Answer {
        let began = Machine.monotonicNanoseconds()
        let now = backend.clock.nowNanoseconds()
        let bounds = try LogsRequest.range(call.parameters, now: now)
        let range = TimeRange(start: max(bounds.start, 0), end: bounds.end)
        let buckets = try ObservabilityParameters.whole(call.parameters, "buckets", 1...Self.bucketsLimit) ?? 60
        let label = call.parameters.value("by") ?? "level"
        guard LabelSet.isName(label) else { throw ParameterError("by is a label's name, not '\(label)'") }
        let (length, overflow) = range.end.subtractingReportingOverflow(range.start)
        guard !range.isEmpty, !overflow else { throw ParameterError("end lies before start") }
        // The next round width: no more buckets than asked for, but for the ends.
        let least = length / Int64(buckets)
        let width = Self.widths.first { $0 >= least } ?? LineCounts.rounded(least, up: true, Nanoseconds.perDay)
        var counts = LineCounts(backend, executor, call.identity)
        let found = try await counts.counts(
            try LogsQuery.text(call.parameters), by: [label == "level" ? "detected_level" : label], in: range,
            width: width)
        let first = LineCounts.rounded(range.start, up: false, width)
        let last = LineCounts.rounded(range.end - 1, up: false, width)
        let steps = Int(clamping: (last - first) / width) + 1
        var series: [String: [Int]] = [:]
        for count in found {
            let value = count.labels.pairs.first?.value ?? ""
            let name = label == "level" ? LevelNames.name(value.isEmpty ? "unknown" : value) : value
            let index = Int(clamping: (count.time - first) / width)
            guard (0..<steps).contains(index) else { continue }
            series[name, default: Array(repeating: 0, count: steps)][index] += count.lines
        }
        let totals = series.mapValues { $0.reduce(0, +) }
        return document(
            [
                ("count", .int(steps)), ("total", .int(totals.values.reduce(0, +))), ("total_is_estimate", false),
                ("by", .text(label)), ("start", .time(first)), ("step_s", .int(Int(width / Nanoseconds.perSecond))),
                (
                    "series",
                    .object(series.sorted { $0.key < $1.key }.map { ($0.key, .array($0.value.map { .int($0) })) })
                ),
                ("totals", Self.object(totals)),
            ], counts, began, now
        ).answer()
    }

    // MARK: Errors

    /// What is asked of `logs/errors`.
    private struct ErrorsRequest {
        let common: ObservabilityParameters
        let range: TimeRange
        /// Days that averages are over.
        let days: Double
        let isHourly: Bool
        let group: String
        let query: String

        init(_ parameters: RequestParameters, now: Int64) throws(ParameterError) {
            common = try ObservabilityParameters(parameters, now: now, since: 7 * Nanoseconds.perDay)
            if ["since", "start", "end"].contains(where: { parameters.value($0) != nil }) {
                range = TimeRange(start: max(common.range.start, 0), end: common.range.end)
                days = max(Double(range.end - range.start) / Double(Nanoseconds.perDay), 1)
            } else {
                // The last days of the calendar, today as far as it has come.
                let count = try ObservabilityParameters.whole(parameters, "days", 1...30) ?? 7
                let today = common.dayStart(now)
                let start = common.dayStart(
                    today - Int64(count - 1) * Nanoseconds.perDay + 12 * Nanoseconds.perHour)
                range = TimeRange(start: start, end: now.addingReportingOverflow(1).partialValue)
                days = Double(count)
            }
            switch parameters.value("by") ?? "day" {
            case "day": isHourly = false
            case "hour": isHourly = true
            case let other: throw ParameterError("by is day or hour, not '\(other)'")
            }
            group = parameters.value("group") ?? "app"
            guard ["app", "level", "path"].contains(group) else {
                throw ParameterError("group is app, level or path, not '\(group)'")
            }
            var text = try LogsQuery.text(parameters)
            if try LevelNames.wanted(parameters) == nil {
                text += " | detected_level=~" + LabelSet.quoted(LevelNames.errors.joined(separator: "|"))
            }
            if group == "path" { text += " | json | logfmt" }
            query = text
        }
    }

    private func errors(_ call: Call) async throws -> Answer {
        let began = Machine.monotonicNanoseconds()
        let now = backend.clock.nowNanoseconds()
        let request = try ErrorsRequest(call.parameters, now: now)
        var counts = LineCounts(backend, executor, call.identity)
        let labels = ["app", "detected_level"] + (request.group == "path" ? ["path"] : [])
        // Zones differ by quarters of hours.
        let isWholeHours =
            request.common.zone.offsetSeconds(at: request.range.start) % 3600 == 0
            && request.common.zone.offsetSeconds(at: now) % 3600 == 0
        let width = isWholeHours ? Nanoseconds.perHour : 15 * Nanoseconds.perMinute
        let found = try await counts.counts(request.query, by: labels, in: request.range, width: width)
        var byDate: [String: Int] = [:]
        var steps: [String: Int] = [:]
        var byApp: [String: Int] = [:]
        var byLevel: [String: Int] = [:]
        var byPath: [String: Int] = [:]
        for count in found {
            byDate[request.common.day(count.time), default: 0] += count.lines
            if request.isHourly { steps[request.common.hour(count.time), default: 0] += count.lines }
            byApp[count.labels.value(of: "app") ?? "unknown", default: 0] += count.lines
            byLevel[LevelNames.name(count.labels.value(of: "detected_level") ?? "unknown"), default: 0] += count.lines
            byPath[count.labels.value(of: "path") ?? "", default: 0] += count.lines
        }
        let total = byApp.values.reduce(0, +)
        let length = request.range.end - request.range.start
        let earlier = TimeRange(start: max(request.range.start - length, 0), end: request.range.start)
        let previous = try await counts.total(request.query, in: earlier)
        let change = previous > 0 ? Double(total - previous) * 100 / Double(previous) : nil
        let series = (request.isHourly ? steps : byDate).sorted { $0.key < $1.key }
        var members: [(name: String, value: JSONValue)] = [
            ("total_errors", .int(total)), ("by_date", Self.object(byDate)),
            ("avg_per_day", .optional(Double(total) / request.days, digits: 2)),
            ("by_app", Self.object(byApp)), ("by_level", Self.object(byLevel)),
            ("previous_period", ["total_errors": .int(previous)]), ("change_percent", .optional(change, digits: 2)),
            ("series", .array(series.map { ["t": .text($0.key), "count": .int($0.value)] })),
            ("start", .time(request.range.start)), ("end", .time(request.range.end)),
        ]
        if request.group == "path" { members.append(("by_path", Self.object(byPath.filter { !$0.key.isEmpty }))) }
        members += [("count", .int(series.count)), ("total", .int(total)), ("total_is_estimate", false), ("next", nil)]
        return document(members, counts, began, now).answer()
    }

    // MARK: Answers

    /// Names and numbers, sorted by name.
    static func object(_ counts: [String: Int]) -> JSONValue {
        .object(counts.sorted { $0.key < $1.key }.map { ($0.key, .int($0.value)) })
    }

    private func document(
        _ members: [(name: String, value: JSONValue)], _ counts: LineCounts, _ began: Int64, _ now: Int64
    ) -> JSONValue {
        let took = Double(Machine.monotonicNanoseconds() - began) / 1e6
        var all = members
        all.append(("timestamp", .time(now)))
        all.append(
            (
                "stats",
                [
                    "scanned_bytes": .int(counts.scannedBytes), "took_ms": .optional(took),
                    "partial": .bool(!counts.warnings.isEmpty),
                ]
            ))
        if !counts.warnings.isEmpty { all.append(("warnings", .array(counts.warnings.map { .text($0) }))) }
        return .object(all)
    }
}

extension ObservabilityParameters {
    /// When the day of `time` begins in the zone.
    func dayStart(_ time: Int64) -> Int64 {
        func local(_ instant: Int64) -> Int64 {
            instant + zone.offsetSeconds(at: instant) * Nanoseconds.perSecond
        }
        let midnight = LineCounts.rounded(local(time), up: false, Nanoseconds.perDay)
        let guess = midnight - zone.offsetSeconds(at: time) * Nanoseconds.perSecond
        // The offset at midnight may be another one.
        return midnight - zone.offsetSeconds(at: guess) * Nanoseconds.perSecond
    }
}

extension LabelSet {
    /// Whether a label may have this name.
    static func isName(_ name: String) -> Bool {
        guard let first = name.utf8.first, first < 0x30 || first > 0x39 else { return false }
        return name.utf8.allSatisfy {
            $0 == 0x5f || ($0 >= 0x30 && $0 <= 0x39) || (($0 | 0x20) >= 0x61 && ($0 | 0x20) <= 0x7a)
        }
    }
}
