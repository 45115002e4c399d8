import Bytes
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

/// Alike errors of one app: counts that are exact, and a sample of what they were.
public struct ErrorGroup: Sendable {
    static let hoursKept: Int64 = 24 * 8
    static let daysKept: Int64 = 90
    static let tracesLimit = 10
    /// Users that are told apart; no more are counted.
    public static let usersLimit = 1000
    static let firstSamples = 50
    static let samplesLimit = 60
    static let sampleBytesLimit = 64 << 10
    static let historyLimit = 100

    let name: GroupName
    public internal(set) var app: String
    public internal(set) var type: String
    public internal(set) var message: String
    public internal(set) var culprit: String
    /// Of the newest occurrence.
    public internal(set) var level: String
    let madeOf: Fingerprint.Reason
    public internal(set) var count = 0
    public internal(set) var firstSeen: Int64
    public internal(set) var lastSeen: Int64
    var hourCounts = UnitCounts()
    var dayCounts = UnitCounts()
    var levelCounts = NameCounts()
    /// Hours of each of `levelCounts`; empty while there is but one, whose hours are all.
    var levelHours: [UnitCounts] = []
    var releaseCounts = NameCounts()
    var environmentCounts = NameCounts()
    public internal(set) var firstRelease = ""
    public internal(set) var lastRelease = ""
    /// Newest last.
    public internal(set) var traces: [String] {
        get { packedTraces.texts }
        set { packedTraces = PackedTexts(newValue) }
    }
    var packedTraces = PackedTexts()
    /// Hashes of users, ascending, up to `usersLimit`.
    var users: [UInt64] = []
    /// The first occurrences, then ever fewer.
    var kept: [KeptSample] = []
    /// The newest that was looked at, unless it is the last of those.
    var newest: [UInt8] = []
    let pages: SamplePages
    public internal(set) var status = ErrorStatus.unresolved
    public internal(set) var statusSince: Int64
    /// Newest last.
    public internal(set) var history: [ErrorHistoryEntry] = []
    public internal(set) var assignee = ""
    /// An ignored group comes back at this time, with this many occurrences, or with this many users; 0: never.
    public internal(set) var ignoredUntil: Int64 = 0
    public internal(set) var ignoredCount = 0
    public internal(set) var ignoredUsers = 0
    /// The release that a resolved group was resolved in; nil: all that is later in time brings it back.
    public internal(set) var resolution: Resolution?
    /// The group that counts these errors now; nil: itself.
    var target: GroupName?
    /// Whether it is among those that are to be stored.
    var isChanged = false

    public var id: String { name.text }
    public var userCount: Int { users.count }
    public var mergedInto: String { target?.text ?? "" }
    /// Why these errors are one group.
    public var reason: String { madeOf.text }
    /// Occurrences by hour since 1970, of the last eight days that had any, and by day.
    public var hours: [Int64: Int] { hourCounts.dictionary }
    public var days: [Int64: Int] { dayCounts.dictionary }
    public var levels: [String: Int] { levelCounts.dictionary }
    public var releases: [String: Int] { releaseCounts.dictionary }
    public var environments: [String: Int] { environmentCounts.dictionary }

    init(_ name: GroupName, madeOf: Fingerprint.Reason, firstSeen: Int64, pages: SamplePages) {
        self.name = name
        self.madeOf = madeOf
        self.pages = pages
        (app, type, message, culprit, level) = ("", "", "", "", "")
        self.firstSeen = firstSeen
        lastSeen = firstSeen
        statusSince = firstSeen
    }

    /// Occurrences in the hours that a range touches.
    public func count(in range: TimeRange) -> Int {
        hourCounts.count(in: range)
    }

    /// Occurrences in each of the last `count` units of `length` up to that of `now`.
    public func trend(now: Int64, hours count: Int) -> [Int] {
        let last = ErrorGroup.floored(now, Nanoseconds.perHour)
        return (0..<count).map { hourCounts[last - Int64(count - 1 - $0)] }
    }

    public func trend(now: Int64, days count: Int) -> [Int] {
        let last = ErrorGroup.floored(now, Nanoseconds.perDay)
        return (0..<count).map { dayCounts[last - Int64(count - 1 - $0)] }
    }

    static func floored(_ time: Int64, _ unit: Int64) -> Int64 {
        time % unit < 0 ? time / unit - 1 : time / unit
    }

    /// Counts one more occurrence at `time`; what else is known of it comes by `note`.
    /// - Parameter release: is not counted yet.
    mutating func countOne(_ time: Int64, level: String, release: String, trace: String) {
        count &+= 1
        add(level: level, hour: ErrorGroup.floored(time, Nanoseconds.perHour))
        firstSeen = min(firstSeen, time)
        lastSeen = max(lastSeen, time)
        hourCounts.add(ErrorGroup.floored(time, Nanoseconds.perHour))
        dayCounts.add(ErrorGroup.floored(time, Nanoseconds.perDay))
        if !trace.isEmpty { packedTraces.makeLast(trace, limit: ErrorGroup.tracesLimit) }
        comeBack(time, release)
    }

    /// Before the occurrence is counted in `hourCounts`.
    private mutating func add(level: String, hour: Int64) {
        let former = levelCounts.items.count
        levelCounts.add(level)
        guard levelCounts.items.count > 1 else { return }
        if levelHours.isEmpty { levelHours = [hourCounts] }
        if levelCounts.items.count > former { levelHours.append(UnitCounts()) }
        guard let index = levelCounts.index(of: level) else { return }
        levelHours[index].add(hour)
    }

    /// Occurrences by level, in the hours that a range touches.
    public func levels(in range: TimeRange) -> [String: Int] {
        var found: [String: Int] = [:]
        for (index, item) in levelCounts.items.enumerated() {
            let hours = levelHours.isEmpty ? hourCounts : levelHours[index]
            found[item.name] = hours.count(in: range)
        }
        return found
    }

    /// A resolved group has regressed; an ignored one comes back when its condition is met.
    private mutating func comeBack(_ time: Int64, _ release: String) {
        switch status {
        case .resolved where time > statusSince:
            guard let resolution else { return set(.regressed, at: time, by: "dendro", comment: "seen again") }
            if resolution.isContradicted(by: release, isKnown: releaseCounts.has(release)) {
                set(.regressed, at: time, by: "dendro", comment: "seen again in release \(release)")
            }
        case .ignored
        where (ignoredUntil > 0 && time >= ignoredUntil) || (ignoredCount > 0 && count >= ignoredCount):
            set(.unresolved, at: time, by: "dendro", comment: "no longer to be ignored")
        default: break
        }
    }

    mutating func set(_ new: ErrorStatus, at: Int64, by: String, comment: String) {
        history.append(
            ErrorHistoryEntry(at: at, from: status.rawValue, to: new.rawValue, by: by, comment: comment))
        if history.count > ErrorGroup.historyLimit { history.removeFirst() }
        status = new
        statusSince = at
        (ignoredUntil, ignoredCount, ignoredUsers) = (0, 0, 0)
        resolution = nil
    }

    /// What is kept of the occurrence that was counted last.
    /// - Parameters:
    ///   - hasRoom: whether all groups together may keep more.
    ///   - first: how many of the first occurrences are kept.
    ///   - scratch: memory for its encoding.
    mutating func note(
        _ draft: borrowing EventDraft, hasRoom: Bool, first: Int = ErrorGroup.firstSamples, scratch: inout [UInt8]
    ) {
        level = draft.level
        let release = draft.text(draft.release)
        tally(release, draft.text(draft.environment))
        if !release.isEmpty {
            if firstRelease.isEmpty { firstRelease = release }
            lastRelease = release
        }
        if !draft.user.isEmpty {
            add(user: Hash.hash64(draft.arena.span.extracting(draft.user)))
            comeBackForUsers(draft.time)
        }
        keep(draft, hasRoom: hasRoom, first: first, &scratch)
    }

    private mutating func add(user: UInt64) {
        guard users.count < ErrorGroup.usersLimit else { return }
        var index = users.count
        while index > 0, users[index - 1] > user { index -= 1 }
        if index == 0 || users[index - 1] != user { users.insert(user, at: index) }
    }

    private mutating func comeBackForUsers(_ time: Int64) {
        guard status == .ignored, ignoredUsers > 0, users.count >= ignoredUsers else { return }
        set(.unresolved, at: time, by: "dendro", comment: "\(users.count) users are affected")
    }

    private mutating func keep(_ draft: borrowing EventDraft, hasRoom: Bool, first: Int, _ scratch: inout [UInt8]) {
        let isThinned = count & (count - 1) == 0
        let bytes = kept.reduce(0) { $0 + Int($1.count) }
        let mayStay = hasRoom && bytes < ErrorGroup.sampleBytesLimit && kept.count < ErrorGroup.samplesLimit
        let isKept = kept.isEmpty || (mayStay && (count <= first || isThinned))
        newest.removeAll(keepingCapacity: !isKept)
        if isKept {
            scratch.removeAll(keepingCapacity: true)
            let limit = hasRoom ? ErrorSample.tracebackLimit : ErrorSample.shortTracebackLimit
            ErrorSample.append(draft, number: count, tracebackLimit: limit, to: &scratch)
            kept.append(pages.add(scratch, number: count))
        } else {
            ErrorSample.append(draft, number: count, tracebackLimit: ErrorSample.tracebackLimit, to: &newest)
        }
    }

    /// What is kept of occurrences, by number; the newest that was looked at is the last.
    public var samples: [ErrorSample] {
        let found = kept.compactMap { pages.read($0) }
        guard !newest.isEmpty, let last = try? ErrorSample(newest) else { return found }
        return found + [last]
    }

    /// Counts an occurrence by what is known of it.
    mutating func tally(_ release: String, _ environment: String) {
        releaseCounts.add(release)
        environmentCounts.add(environment)
    }

    /// Lets go of hours and days that are no longer shown.
    mutating func prune(now: Int64) {
        hourCounts.dropBefore(ErrorGroup.floored(now, Nanoseconds.perHour) - ErrorGroup.hoursKept)
        for index in levelHours.indices {
            levelHours[index].dropBefore(ErrorGroup.floored(now, Nanoseconds.perHour) - ErrorGroup.hoursKept)
        }
        dayCounts.dropBefore(ErrorGroup.floored(now, Nanoseconds.perDay) - ErrorGroup.daysKept)
    }

    static func hash(_ text: String) -> UInt64 { Hash.hash64([UInt8](text.utf8)) }
}
