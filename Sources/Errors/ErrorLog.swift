import Bytes
public import Model
import Receive
public import Store
import Synchronization

/// Error groups of all tenants: fills itself from rows, answers from memory.
public final class ErrorLog: RowObserver {
    /// Groups of a tenant; errors beyond count in one group of their app, so that counts by app stay exact.
    public static let groupsLimit = 10_000

    private static let sampleBudgetBytes = 16 << 20
    private static let memoLimit = 8192
    private static let manyGroups = 500
    private static let namesLimit = 20_000
    /// Rows observed before readers have their turn.
    private static let pieceRows = 512

    struct Key: Hashable, Sendable {
        /// Index in `tenants`.
        let tenant: Int
        let name: GroupName
    }

    /// The group of a line that was seen lately, and what else is counted there.
    struct Known: Sendable {
        let slot: Int
        let release: String
        let environment: String
    }

    struct Contents: Sendable {
        var slots: [ErrorGroup?] = []
        /// Of the groups in `slots`.
        var keys: [Key] = []
        var numbers: [Key: Int] = [:]
        var freeSlots: [Int] = []
        var tenants: [TenantID] = []
        var tenantNumbers: [TenantID: Int] = [:]
        /// By tenant.
        var groupCounts: [Int] = []
        var unsaved = Unsaved()
        let pages = SamplePages()
        /// Groups of lines that were seen lately, by a hash of stream and line: equal errors are only counted.
        var memo: [UInt64: Known] = [:]
        var reader = EventReader()
        var maker = FingerprintMaker()
        var scratch: [UInt8] = []
        /// Texts that many groups share.
        var names: Set<String> = []
        /// What labels say of a level, by stream ordinal of the rows that are observed.
        var labelLevels: [LineLevel?] = []
    }

    let contents = Mutex(Contents())

    public init() {}

    // MARK: rows

    public func observe(_ observed: ObservedRows) {
        var hidden = observed.hidden[...]
        contents.withLock { $0.labelLevels = [LineLevel?](repeating: nil, count: observed.streams.count) }
        for start in stride(from: observed.range.lowerBound, to: observed.range.upperBound, by: ErrorLog.pieceRows) {
            let end = min(start + ErrorLog.pieceRows, observed.range.upperBound)
            contents.withLock { contents in
                let tenant = contents.tenantNumber(observed.tenant)
                observed.rows.read { entries, arena in
                    for index in start..<end {
                        if hidden.first == index {
                            hidden.removeFirst()
                            continue
                        }
                        contents.take(entries[index], arena, observed, tenant)
                    }
                }
            }
        }
    }

    /// The group that a row of a batch belongs to; nil if it is no error.
    public static func groupID(of row: RowEntry, in batch: Batch) -> String? {
        let arena = batch.arena.span
        var reader = EventReader()
        var maker = FingerprintMaker()
        let isError = reader.read(
            time: row.time, line: arena.extracting(row.line), metadata: arena.extracting(row.metadata),
            labels: batch.streams[Int(row.stream)], level: "error", isError: true)
        return isError ? maker.make(reader.draft).name.text : nil
    }
}

/// How bad a line is.
enum LineLevel: Sendable {
    case known(LogLevel)
    /// A label that is none of the levels.
    case other(String)

    private static let metadataName = [UInt8](LogLevel.metadataName.utf8)
    private static let exceptionHints = [
        "Traceback (most recent", "\"stack", "\"exception", "\"exc_info", "\"traceback",
    ]
    .map { [UInt8]($0.utf8) }
    /// Each hint holds one of these, so that three searches do for most lines.
    private static let exceptionParts = ["raceback", "\"exc", "\"stack"].map { [UInt8]($0.utf8) }
    private static let exceptionNames = ["exception_type", "exception.type"].map { [UInt8]($0.utf8) }

    var isError: Bool {
        switch self {
        case .known(let level): level == .error || level == .critical || level == .fatal
        case .other: false
        }
    }

    var name: String {
        switch self {
        case .known(let level): level.name
        case .other(let name): name
        }
    }

    /// What an event of this level counts as: one that carries an exception is an error unless it says otherwise.
    var eventName: String {
        if case .known(.unknown) = self { return LogLevel.error.name }
        return name
    }

    /// What was found out when the entry came; nil where that is not known.
    init?(_ metadata: borrowing ByteSpan) {
        guard let range = LabelSet.range(of: LineLevel.metadataName.span, in: metadata, 0..<metadata.count) else {
            return nil
        }
        self = .known(LogLevel(metadata.extracting(range)) ?? .unknown)
    }

    /// What the stream's label says.
    init(_ labels: LabelSet) {
        guard let label = labels.value(of: "level") else {
            self = .known(.unknown)
            return
        }
        self = LogLevel([UInt8](label.utf8).span).map { .known($0) } ?? .other(label)
    }

    private static func mayHold(_ hints: [[UInt8]], _ line: borrowing ByteSpan) -> Bool {
        for hint in hints where ByteSearch.contains(hint.span, in: line) { return true }
        return false
    }

    /// Whether a line that is no error may carry an exception all the same.
    static func mayCarryException(_ line: borrowing ByteSpan, _ metadata: borrowing ByteSpan) -> Bool {
        if mayHold(exceptionParts, line), mayHold(exceptionHints, line) { return true }
        for name in exceptionNames where LabelSet.range(of: name.span, in: metadata, 0..<metadata.count) != nil {
            return true
        }
        return false
    }
}

extension ErrorLog.Contents {
    /// Counts a row if it is an error.
    mutating func take(_ entry: RowEntry, _ arena: borrowing ByteSpan, _ observed: ObservedRows, _ tenant: Int) {
        let line = arena.extracting(entry.line)
        let metadata = arena.extracting(entry.metadata)
        let level = LineLevel(metadata) ?? labelLevel(Int(entry.stream), observed)
        guard level.isError || LineLevel.mayCarryException(line, metadata) else { return }
        let labels = observed.streams[Int(entry.stream)]
        let hash = Hash.keyed64(
            line, seed: Hash.keyed64(labels.encoded, seed: UInt64(truncatingIfNeeded: tenant)))
        if let known = memo[hash] {
            slots[known.slot]?.countOne(
                entry.time, level: level.eventName, release: known.release, trace: LabelSet.traceID(in: metadata))
            slots[known.slot]?.tally(known.release, known.environment)
            return touch(known.slot)
        }
        guard
            reader.read(
                time: entry.time, line: line, metadata: metadata, labels: labels, level: level.eventName,
                isError: level.isError)
        else { return }
        let slot = countDraft(tenant)
        if memo.count >= ErrorLog.memoLimit { memo.removeAll(keepingCapacity: true) }
        let draft = reader.draft
        memo[hash] = ErrorLog.Known(
            slot: slot, release: draft.text(draft.release), environment: draft.text(draft.environment))
    }

    private mutating func labelLevel(_ ordinal: Int, _ observed: ObservedRows) -> LineLevel {
        if let known = labelLevels[ordinal] { return known }
        let level = LineLevel(observed.streams[ordinal])
        labelLevels[ordinal] = level
        return level
    }

    /// Counts the event that was read in its group, and keeps what is to be kept of it; the group's slot.
    private mutating func countDraft(_ tenant: Int) -> Int {
        let fingerprint = maker.make(reader.draft)
        var key = resolved(ErrorLog.Key(tenant: tenant, name: fingerprint.name))
        var slot = numbers[key]
        if slot == nil, groupCounts[tenant] >= ErrorLog.groupsLimit {
            key = ErrorLog.Key(tenant: tenant, name: GroupName(overflowOf: reader.draft.text(reader.draft.app)))
            slot = numbers[key]
        }
        let number = slot ?? insertNew(key, fingerprint.reason)
        let draft = reader.draft
        slots[number]?.countOne(
            draft.time, level: draft.level, release: draft.text(draft.release), trace: draft.text(draft.trace))
        // Where there are very many groups, a few occurrences of each have to do.
        let first = numbers.count < ErrorLog.manyGroups ? ErrorGroup.firstSamples : 1
        slots[number]?.note(
            draft, hasRoom: pages.rawBytes < ErrorLog.sampleBudgetBytes, first: first, scratch: &scratch)
        touch(number)
        return number
    }

    private mutating func insertNew(_ key: ErrorLog.Key, _ reason: Fingerprint.Reason) -> Int {
        let event = reader.draft.event
        var group = ErrorGroup(
            key.name, madeOf: key.name.isOverflow ? .overflow : reason, firstSeen: event.time, pages: pages)
        group.app = shared(event.app)
        group.type = shared(event.type)
        group.message = event.title
        group.culprit = event.culprit
        return insert(group, key)
    }

    /// A text that is kept once for all groups.
    private mutating func shared(_ text: String) -> String {
        if names.count > ErrorLog.namesLimit { names.removeAll() }
        return names.insert(text).memberAfterInsert
    }

    mutating func insert(_ group: ErrorGroup, _ key: ErrorLog.Key) -> Int {
        groupCounts[key.tenant] += 1
        let slot: Int
        if let free = freeSlots.popLast() {
            slot = free
            slots[slot] = group
            keys[slot] = key
        } else {
            slot = slots.count
            // Groups are large: a quarter more room at a time, not twice as much.
            if slots.count == slots.capacity { slots.reserveCapacity(slots.count + slots.count / 4 + 16) }
            slots.append(group)
            keys.append(key)
        }
        numbers[key] = slot
        return slot
    }

    mutating func tenantNumber(_ tenant: TenantID) -> Int {
        if let known = tenantNumbers[tenant] { return known }
        let number = tenants.count
        tenants.append(tenant)
        groupCounts.append(0)
        tenantNumbers[tenant] = number
        return number
    }

    /// The group that counts for a merged one.
    func resolved(_ key: ErrorLog.Key) -> ErrorLog.Key {
        guard let slot = numbers[key], let target = slots[slot]?.target else { return key }
        let other = ErrorLog.Key(tenant: key.tenant, name: target)
        return numbers[other] == nil ? key : other
    }

    /// Where the group of that name is, or that of the one it was merged into.
    func slot(_ tenant: TenantID, _ id: String) -> Int? {
        guard let number = tenantNumbers[tenant], let name = GroupName(id) else { return nil }
        return numbers[resolved(ErrorLog.Key(tenant: number, name: name))]
    }
}
