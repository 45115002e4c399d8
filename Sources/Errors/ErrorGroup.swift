public import Model

/// Whether somebody has to look at a group.
public enum ErrorStatus: String, Sendable, CaseIterable {
    case unresolved, resolved, ignored, regressed
}

/// A change of a group's state.
public struct ErrorHistoryEntry: Hashable, Sendable {
    /// Nanoseconds since 1970.
    public var at: Int64
    public var from: String
    public var to: String
    public var by: String
    public var comment: String
}

/// One occurrence, as it is kept.
public struct ErrorSample: Hashable, Sendable {
    /// Which occurrence of its group it was, from 1.
    public var number: Int
    /// Without frames: they are parsed again from the trace when somebody looks.
    let stored: ErrorEvent

    private static let tracebackLimit = 8 << 10

    init(number: Int, event: ErrorEvent) {
        self.number = number
        var event = event
        for index in event.exceptions.indices where !event.traceback.isEmpty { event.exceptions[index].frames = [] }
        if event.traceback.utf8.count > ErrorSample.tracebackLimit {
            event.traceback = String(decoding: event.traceback.utf8.prefix(ErrorSample.tracebackLimit), as: UTF8.self)
        }
        stored = event
    }

    public var event: ErrorEvent {
        var event = stored
        let parsed = event.traceback.isEmpty ? [] : StackParser.parse(event.traceback)
        guard parsed.count == event.exceptions.count else { return event }
        for index in parsed.indices { event.exceptions[index].frames = parsed[index].frames }
        return event
    }

    /// About how many bytes it holds.
    var sizeBytes: Int { 600 + 2 * (stored.traceback.utf8.count + stored.message.utf8.count) }
}

/// Alike errors of one app: counts that are exact, and a sample of what they were.
public struct ErrorGroup: Hashable, Sendable {
    static let hoursKept: Int64 = 24 * 8
    static let daysKept: Int64 = 90
    static let tracesLimit = 10
    static let namesLimit = 50
    static let usersLimit = 1000
    static let firstSamples = 50
    static let samplesLimit = 60
    static let sampleBytesLimit = 64 << 10
    static let historyLimit = 100

    public internal(set) var id: String
    public internal(set) var app: String
    public internal(set) var type: String
    public internal(set) var message: String
    public internal(set) var culprit: String
    /// Of the newest occurrence.
    public internal(set) var level: String
    /// Why these errors are one group.
    public internal(set) var reason: String
    public internal(set) var count = 0
    public internal(set) var firstSeen: Int64
    public internal(set) var lastSeen: Int64
    /// Occurrences by hour since 1970, of the last eight days that had any, and by day.
    public internal(set) var hours: [Int64: Int] = [:]
    public internal(set) var days: [Int64: Int] = [:]
    public internal(set) var levels: [String: Int] = [:]
    public internal(set) var releases: [String: Int] = [:]
    public internal(set) var environments: [String: Int] = [:]
    public internal(set) var firstRelease = ""
    public internal(set) var lastRelease = ""
    /// Newest last.
    public internal(set) var traces: [String] = []
    /// Hashes of users, up to `usersLimit`.
    var users: Set<UInt64> = []
    /// The first ones, then ever fewer.
    var kept: [ErrorSample] = []
    var newest: ErrorSample?
    public internal(set) var status = ErrorStatus.unresolved
    public internal(set) var statusSince: Int64
    /// Newest last.
    public internal(set) var history: [ErrorHistoryEntry] = []
    public internal(set) var assignee = ""
    /// An ignored group comes back at this time, or with this many occurrences; 0: never.
    public internal(set) var ignoredUntil: Int64 = 0
    public internal(set) var ignoredCount = 0
    /// The group that counts these errors now; empty for itself.
    public internal(set) var mergedInto = ""
    var isChanged = true
    var areSamplesChanged = true

    public var userCount: Int { users.count }

    init(id: String, event: ErrorEvent, reason: String) {
        self.id = id
        self.reason = reason
        app = event.app
        type = event.type
        message = event.title
        culprit = event.culprit
        level = event.level
        firstSeen = event.time
        lastSeen = event.time
        statusSince = event.time
    }

    /// Occurrences in the hours that a range touches.
    public func count(in range: TimeRange) -> Int {
        hours.reduce(0) { sum, hour in
            let start = hour.key.multipliedReportingOverflow(by: Nanoseconds.perHour).partialValue
            return range.overlaps(first: start, last: start + Nanoseconds.perHour - 1) ? sum + hour.value : sum
        }
    }

    /// Occurrences in each of the last `count` units of `length` up to that of `now`.
    public func trend(now: Int64, hours count: Int) -> [Int] {
        let last = ErrorGroup.floored(now, Nanoseconds.perHour)
        return (0..<count).map { hours[last - Int64(count - 1 - $0)] ?? 0 }
    }

    public func trend(now: Int64, days count: Int) -> [Int] {
        let last = ErrorGroup.floored(now, Nanoseconds.perDay)
        return (0..<count).map { days[last - Int64(count - 1 - $0)] ?? 0 }
    }

    static func floored(_ time: Int64, _ unit: Int64) -> Int64 {
        time % unit < 0 ? time / unit - 1 : time / unit
    }

    /// Counts one more occurrence at `time`; what else is known of it comes by `note`.
    mutating func countOne(_ time: Int64, trace: String) {
        isChanged = true
        count &+= 1
        firstSeen = min(firstSeen, time)
        lastSeen = max(lastSeen, time)
        hours[ErrorGroup.floored(time, Nanoseconds.perHour), default: 0] += 1
        days[ErrorGroup.floored(time, Nanoseconds.perDay), default: 0] += 1
        if !trace.isEmpty, traces.last != trace {
            if let known = traces.firstIndex(of: trace) { traces.remove(at: known) }
            if traces.count == ErrorGroup.tracesLimit { traces.removeFirst() }
            traces.append(trace)
        }
        comeBack(time)
    }

    /// A resolved group has regressed; an ignored one comes back when its condition is met.
    private mutating func comeBack(_ time: Int64) {
        switch status {
        case .resolved where time > statusSince:
            set(.regressed, at: time, by: "dendro", comment: "seen again")
        case .ignored
        where (ignoredUntil > 0 && time >= ignoredUntil) || (ignoredCount > 0 && count >= ignoredCount):
            set(.unresolved, at: time, by: "dendro", comment: "no longer to be ignored")
        default: break
        }
    }

    mutating func set(_ new: ErrorStatus, at: Int64, by: String, comment: String) {
        isChanged = true
        history.append(
            ErrorHistoryEntry(at: at, from: status.rawValue, to: new.rawValue, by: by, comment: comment))
        if history.count > ErrorGroup.historyLimit { history.removeFirst() }
        status = new
        statusSince = at
        (ignoredUntil, ignoredCount) = (0, 0)
    }

    /// What is kept of the occurrence that was counted last.
    /// - Parameters:
    ///   - hasRoom: whether all groups together may keep more.
    ///   - first: how many of the first occurrences are kept.
    mutating func note(_ event: ErrorEvent, hasRoom: Bool, first: Int = ErrorGroup.firstSamples) {
        level = event.level
        tally(event.level, event.release, event.environment)
        if !event.release.isEmpty {
            if firstRelease.isEmpty { firstRelease = event.release }
            lastRelease = event.release
        }
        if !event.user.isEmpty, users.count < ErrorGroup.usersLimit { users.insert(ErrorGroup.hash(event.user)) }
        keep(ErrorSample(number: count, event: event), hasRoom: hasRoom, first: first)
    }

    private mutating func keep(_ sample: ErrorSample, hasRoom: Bool, first: Int) {
        let isThinned = sample.number & (sample.number - 1) == 0
        let bytes = kept.reduce(0) { $0 + $1.sizeBytes }
        let mayStay = hasRoom && bytes < ErrorGroup.sampleBytesLimit && kept.count < ErrorGroup.samplesLimit
        if kept.isEmpty || (mayStay && (sample.number <= first || isThinned)) {
            kept.append(sample)
            areSamplesChanged = true
        }
        newest = sample
    }

    /// What is kept of occurrences, by number; the newest that was looked at is the last.
    public var samples: [ErrorSample] {
        guard let newest, newest.number != kept.last?.number else { return kept }
        return kept + [newest]
    }

    /// Counts an occurrence by what is known of it.
    mutating func tally(_ level: String, _ release: String, _ environment: String) {
        ErrorGroup.add(level, to: &levels)
        ErrorGroup.add(release, to: &releases)
        ErrorGroup.add(environment, to: &environments)
    }

    static func add(_ name: String, to counts: inout [String: Int]) {
        guard !name.isEmpty else { return }
        if counts[name] != nil || counts.count < namesLimit { counts[name, default: 0] += 1 }
    }

    /// Lets go of hours and days that are no longer shown.
    mutating func prune(now: Int64) {
        let oldestHour = ErrorGroup.floored(now, Nanoseconds.perHour) - ErrorGroup.hoursKept
        let oldestDay = ErrorGroup.floored(now, Nanoseconds.perDay) - ErrorGroup.daysKept
        if hours.keys.contains(where: { $0 < oldestHour }) { hours = hours.filter { $0.key >= oldestHour } }
        if days.keys.contains(where: { $0 < oldestDay }) { days = days.filter { $0.key >= oldestDay } }
    }
}
