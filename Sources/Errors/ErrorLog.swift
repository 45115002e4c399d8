import Bytes
public import Index
public import Model
import Receive
public import Store
import Synchronization

/// Error groups of all tenants: fills itself from rows, answers from memory.
public final class ErrorLog: RowObserver {
    /// Groups of a tenant; errors beyond count in one group of their app.
    public static let groupsLimit = 10_000
    /// Of one app, so that counts by app stay exact.
    static func overflowID(_ app: String) -> String {
        "e_overflow_" + String(ErrorGroup.hash(app), radix: 16)
    }

    private static let sampleBudgetBytes = 16 << 20
    private static let memoLimit = 8192
    static let manyGroups = 500
    /// Samples are no counts: a crash may lose those of this time.
    private static let samplesSavedNanoseconds: Int64 = 60 * 1_000_000_000

    struct Key: Hashable, Sendable {
        let tenant: TenantID
        let id: String
    }

    /// The group of a line that was seen lately, and what else is counted there.
    struct Known: Sendable {
        let key: Key
        let release: String
        let environment: String
    }

    struct Contents: Sendable {
        var groups: [Key: ErrorGroup] = [:]
        var groupCounts: [TenantID: Int] = [:]
        var dropped: [StateChange] = []
        var sampleBytes = 0
        /// Monotonic time of the last save of samples, nanoseconds.
        var samplesSavedAt: Int64 = 0
        /// Groups of lines that were seen lately, by a hash of stream and line: equal errors are only counted.
        var memo: [UInt64: Known] = [:]
    }

    let contents = Mutex(Contents())
    private static let exceptionHints = [
        "Traceback (most recent", "\"stack", "\"exception", "\"exc_info", "\"traceback",
    ]
    .map { [UInt8]($0.utf8) }
    private static let levelName = [UInt8](LogLevel.metadataName.utf8)
    private static let exceptionNames = ["exception_type", "exception.type"].map { [UInt8]($0.utf8) }

    public init() {}

    // MARK: rows

    public func observe(_ observed: ObservedRows) {
        let hidden = Set(observed.hidden)
        observed.rows.read { entries, arena in
            for index in observed.range where hidden.isEmpty || !hidden.contains(index) {
                let entry = entries[index]
                let line = arena.extracting(entry.line)
                let metadata = arena.extracting(entry.metadata)
                let level = ErrorLog.level(metadata, labels: observed.streams[Int(entry.stream)])
                let isError = level == "error" || level == "critical" || level == "fatal"
                guard isError || ErrorLog.mayCarryException(line, metadata) else { continue }
                take(entry, line, metadata, observed, level: level, isError: isError)
            }
        }
    }

    /// The normalised level: what was found out when the entry came, else the stream's label.
    static func level(_ metadata: borrowing ByteSpan, labels: LabelSet) -> String {
        if let range = LabelSet.range(of: levelName.span, in: metadata, 0..<metadata.count) {
            return LogLevel(metadata.extracting(range))?.name ?? "unknown"
        }
        guard let label = labels.value(of: "level") else { return "unknown" }
        return LogLevel([UInt8](label.utf8).span)?.name ?? label
    }

    static func mayCarryException(_ line: borrowing ByteSpan, _ metadata: borrowing ByteSpan) -> Bool {
        for hint in exceptionHints where ByteSearch.contains(hint.span, in: line) { return true }
        for name in exceptionNames where LabelSet.range(of: name.span, in: metadata, 0..<metadata.count) != nil {
            return true
        }
        return false
    }

    private func take(
        _ entry: RowEntry, _ line: borrowing ByteSpan, _ metadata: borrowing ByteSpan, _ observed: ObservedRows,
        level: String, isError: Bool
    ) {
        let labels = observed.streams[Int(entry.stream)]
        let hash = Hash.hash64(line, seed: Hash.hash64(labels.encoded, seed: ErrorGroup.hash(observed.tenant.name)))
        let trace = LabelSet.traceID(in: metadata)
        let isKnown = contents.withLock { contents -> Bool in
            guard let known = contents.memo[hash], contents.groups[known.key] != nil else { return false }
            contents.groups[known.key]?.tally(level, known.release, known.environment)
            contents.groups[known.key]?.countOne(entry.time, trace: trace)
            return true
        }
        if isKnown { return }
        guard
            let event = EventReader.read(
                time: entry.time, line: line, metadata: metadata, labels: labels, level: level, isError: isError)
        else { return }
        let fingerprint = Fingerprint(event)
        contents.withLock { contents in
            let key = contents.add(event, fingerprint, observed.tenant, sampleBudget: ErrorLog.sampleBudgetBytes)
            if contents.memo.count >= ErrorLog.memoLimit { contents.memo.removeAll(keepingCapacity: true) }
            contents.memo[hash] = Known(
                key: key, release: event.release, environment: event.environment)
        }
    }

    /// The group that a row of a batch belongs to; nil if it is no error.
    public static func groupID(of row: RowEntry, in batch: Batch) -> String? {
        let arena = batch.arena.span
        let event = EventReader.read(
            time: row.time, line: arena.extracting(row.line), metadata: arena.extracting(row.metadata),
            labels: batch.streams[Int(row.stream)], level: "error", isError: true)
        return event.map { Fingerprint($0).id }
    }

    // MARK: keeping

    public func restore(_ list: (StateKind) -> StateListing) {
        let records = list(.errorGroup).records
        contents.withLock { contents in
            for record in records where !record.key.hasSuffix("/samples") {
                guard let key = ErrorLog.parse(record.key), let group = try? ErrorGroup(record.bytes) else { continue }
                contents.groups[key] = group
                contents.groupCounts[key.tenant, default: 0] += 1
            }
            for record in records where record.key.hasSuffix("/samples") {
                guard let key = ErrorLog.parse(String(record.key.dropLast(8))) else { continue }
                try? contents.groups[key]?.decodeSamples(record.bytes)
                contents.sampleBytes += contents.groups[key]?.kept.reduce(0) { $0 + $1.sizeBytes } ?? 0
            }
        }
    }

    public func takeChanges(isFinal: Bool) -> [StateChange] {
        contents.withLock { contents in
            var changes = contents.dropped
            contents.dropped = []
            let now = Machine.monotonicNanoseconds()
            let areSamplesDue = isFinal || now - contents.samplesSavedAt > ErrorLog.samplesSavedNanoseconds
            if areSamplesDue { contents.samplesSavedAt = now }
            for (key, group) in contents.groups {
                let name = ErrorLog.text(key)
                if group.isChanged {
                    contents.groups[key]?.isChanged = false
                    changes.append(.put(StateRecord(kind: .errorGroup, key: name, bytes: group.encode())))
                }
                guard areSamplesDue, group.areSamplesChanged else { continue }
                contents.groups[key]?.areSamplesChanged = false
                changes.append(
                    .put(StateRecord(kind: .errorGroup, key: name + "/samples", bytes: group.encodeSamples())))
            }
            return changes
        }
    }

    /// Groups outlive the lines that they are made of; only their hours go.
    public func dropBefore(_ time: Int64) {
        contents.withLock { contents in
            let newest = contents.groups.values.reduce(Int64.min) { max($0, $1.lastSeen) }
            for key in Array(contents.groups.keys) { contents.groups[key]?.prune(now: max(time, newest)) }
        }
    }

    static func text(_ key: Key) -> String { key.tenant.name.replacing("/", with: "%2F") + "/" + key.id }

    private static func parse(_ text: String) -> Key? {
        let parts = text.split(separator: "/")
        guard parts.count == 2 else { return nil }
        return Key(tenant: TenantID(String(parts[0]).replacing("%2F", with: "/")), id: String(parts[1]))
    }
}

extension ErrorLog.Contents {
    /// Counts an event in its group, and keeps what is to be kept of it; the group's key.
    mutating func add(
        _ event: ErrorEvent, _ fingerprint: Fingerprint, _ tenant: TenantID, sampleBudget: Int
    ) -> ErrorLog.Key {
        var key = resolved(ErrorLog.Key(tenant: tenant, id: fingerprint.id))
        if groups[key] == nil {
            if groupCounts[tenant] ?? 0 >= ErrorLog.groupsLimit {
                key = ErrorLog.Key(tenant: tenant, id: ErrorLog.overflowID(event.app))
            }
            if groups[key] == nil {
                groups[key] = ErrorGroup(id: key.id, event: event, reason: fingerprint.reason)
                groupCounts[tenant, default: 0] += 1
            }
        }
        let before = groups[key]?.kept.count ?? 0
        groups[key]?.countOne(event.time, trace: event.trace)
        // Where there are very many groups, a few occurrences of each have to do.
        let first = groups.count < ErrorLog.manyGroups ? ErrorGroup.firstSamples : 1
        groups[key]?.note(event, hasRoom: sampleBytes < sampleBudget, first: first)
        if let kept = groups[key]?.kept, kept.count > before { sampleBytes += kept[before].sizeBytes }
        return key
    }

    /// The group that counts for a merged one.
    func resolved(_ key: ErrorLog.Key) -> ErrorLog.Key {
        guard let target = groups[key]?.mergedInto, !target.isEmpty else { return key }
        let other = ErrorLog.Key(tenant: key.tenant, id: target)
        return groups[other] == nil ? key : other
    }
}
