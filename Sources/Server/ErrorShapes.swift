import Errors
import Model
import Receive

/// How groups of errors and their occurrences are shown.
struct ErrorShapes {
    let now: Int64
    /// Occurrences in it are what `count` says where a list is about a window; nil: all.
    var window: TimeRange?

    private func text(_ text: String) -> JSONValue { text.isEmpty ? .null : .text(text) }

    /// One line of a list.
    func summary(_ group: ErrorGroup) -> JSONValue {
        .object([
            ("error_id", .text(group.id)), ("error_type", .text(group.type)), ("message", .text(group.message)),
            ("count", .int(window.map { group.count(in: $0) } ?? group.count)), ("total_count", .int(group.count)),
            ("first_seen", .time(group.firstSeen)), ("last_seen", .time(group.lastSeen)),
            ("status", .text(group.status.rawValue)), ("level", .text(group.level)), ("app", .text(group.app)),
            ("culprit", text(group.culprit)), ("users", .int(group.userCount)),
            ("trend", .array(group.trend(now: now, hours: 24).map { .int($0) })),
            ("is_new", .bool(group.firstSeen > now - Nanoseconds.perDay)),
            ("is_regression", .bool(group.status == .regressed)), ("assignee", text(group.assignee)),
            ("resolved_in_release", text(group.resolution.map { $0.isAfter ? "" : $0.release } ?? "")),
            ("resolved_after_release", text(group.resolution.map { $0.isAfter ? $0.release : "" } ?? "")),
            ("release_first", text(group.firstRelease)), ("release_last", text(group.lastRelease)),
            ("fingerprint_version", "g1"),
        ])
    }

    /// Everything known of a group.
    /// - Parameter stored: the `context` of the newest line as it is stored, if it has one.
    func detail(_ group: ErrorGroup, stored: JSONValue? = nil) -> JSONValue {
        let latest = group.samples.last
        let event = latest?.event
        var members: [(name: String, value: JSONValue)] = []
        if case .object(let shown) = summary(group) { members = shown }
        let related =
            "/api/v1/observability/logs?app=\(Self.escaped(group.app))&level=\(Self.escaped(group.level))&since=24h"
        let occurrences: JSONValue = [
            "total": .int(group.count),
            "last_24h": .int(group.trend(now: now, hours: 24).reduce(0, +)),
            "per_hour": .array(group.trend(now: now, hours: 24).map { .int($0) }),
            "per_day": .array(group.trend(now: now, days: 30).map { .int($0) }),
        ]
        members += [
            ("traceback", .text(event?.traceback ?? "")), ("context", stored ?? context(event)),
            ("trace_id", text(event?.trace ?? "")),
            ("frames", .array(event?.exceptions.last?.frames.map(frame) ?? [])),
            ("cause_chain", .array(event?.exceptions.map(exception) ?? [])),
            (
                "tags",
                [
                    "level": tags(group.levels), "release": tags(group.releases),
                    "environment": tags(group.environments),
                ]
            ),
            ("breadcrumbs", []), ("request", context(event)),
            ("user", event.map { $0.user.isEmpty ? .null : ["id": .text($0.user)] } ?? .null),
            ("release", text(event?.release ?? "")), ("environment", text(event?.environment ?? "")),
            ("occurrences", occurrences), ("latest_event", latest.map(sample) ?? .null),
            ("first_event", group.samples.first.map(sample) ?? .null),
            ("sample_trace_ids", .array(group.traces.reversed().map { .text($0) })),
            ("related_logs_url", .text(related)), ("history", .array(group.history.map(Self.history))),
            ("why_grouped", .text(group.reason)), ("merged_into", text(group.mergedInto)),
        ]
        return .object(members)
    }

    /// One occurrence.
    func sample(_ sample: ErrorSample) -> JSONValue {
        let event = sample.event
        return .object([
            ("event_id", .text("\(sample.number)")), ("timestamp", .time(event.time)), ("level", .text(event.level)),
            ("error_type", .text(event.type)), ("message", .text(event.message)), ("app", .text(event.app)),
            ("trace_id", text(event.trace)), ("logger", text(event.logger)), ("release", text(event.release)),
            ("environment", text(event.environment)), ("user", text(event.user)), ("context", context(event)),
            ("traceback", text(event.traceback)), ("cause_chain", .array(event.exceptions.map(exception))),
        ])
    }

    private func context(_ event: ErrorEvent?) -> JSONValue {
        guard let event else { return [:] }
        return ["method": text(event.method), "path": text(event.path)]
    }

    private func exception(_ exception: ParsedException) -> JSONValue {
        ["type": text(exception.type), "value": text(exception.value), "frames": .array(exception.frames.map(frame))]
    }

    private func frame(_ frame: StackFrame) -> JSONValue {
        [
            "file": .text(frame.file), "function": .text(frame.function), "module": text(frame.module),
            "line": frame.line == 0 ? .null : .int(frame.line), "in_app": .bool(frame.isInApp),
            "context": frame.source.isEmpty ? [] : [.text(frame.source)],
        ]
    }

    private func tags(_ counts: [String: Int]) -> JSONValue {
        .array(
            counts.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.map {
                ["value": .text($0.key), "count": .int($0.value)]
            })
    }

    static func history(_ entry: ErrorHistoryEntry) -> JSONValue {
        [
            "at": .time(entry.at), "from": .text(entry.from), "to": .text(entry.to), "by": .text(entry.by),
            "comment": .text(entry.comment),
        ]
    }

    /// Text for a URL's parameter.
    static func escaped(_ text: String) -> String {
        var out = ""
        for byte in text.utf8 {
            let isPlain =
                (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7a) || (byte >= 0x30 && byte <= 0x39)
                || [0x2d, 0x2e, 0x5f, 0x7e].contains(byte)
            if isPlain {
                out.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let hex = String(byte, radix: 16, uppercase: true)
                out += "%" + (hex.count < 2 ? "0" : "") + hex
            }
        }
        return out
    }
}
