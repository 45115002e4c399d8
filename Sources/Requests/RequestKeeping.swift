import Bytes
public import Index
import Model
import Store
import Synchronization

// How hours are kept: each is a record, written rarely, for it holds many requests that were counted before. Until then
// a journal tells what came, in the same transaction as the position up to which rows were observed. Hours that are no
// longer fresh are held as they are stored, and read when somebody asks.
extension RequestLog {
    private static let rewrittenNanoseconds: Int64 = 10 * 1_000_000_000
    private static let journalLimitBytes = 8 << 20
    private static let sizeLimit = 64 << 20

    /// Changes that are not in records yet.
    struct Unsaved: Sendable {
        var journal = RequestJournal()
        /// Of stored journals: the first, the next, their bytes.
        var firstNumber: UInt64 = 0
        var nextNumber: UInt64 = 0
        var storedBytes = 0
        var mustRewrite = false
        /// Monotonic time of the last rewriting, nanoseconds.
        var rewrittenAt: Int64 = 0
        var dropped: [StateChange] = []
    }

    public func restore(_ list: (StateKind) -> StateListing) {
        contents.withLock { contents in
            for record in list(.requestHour).records {
                guard let (key, hour) = RequestLog.parse(record.key),
                    (try? RequestHour(record.bytes, app: key.app, .figures)) != nil
                else {
                    contents.unsaved.dropped.append(.delete(.requestHour, key: record.key))
                    continue
                }
                contents.append(Slot(key: key, hour: hour, figures: nil, packed: record.bytes))
            }
            contents.openFresh()
            let journals = list(.requestJournal).records.compactMap { record in
                UInt64(record.key).map { ($0, record.bytes) }
            }
            for (number, bytes) in journals.sorted(by: { $0.0 < $1.0 }) {
                var reader = ByteReader(bytes)
                if let size = try? reader.count(limit: RequestLog.sizeLimit),
                    let text = try? Codec.best.decompress(
                        bytes.span.extracting(reader.offset..<bytes.count), rawSize: size)
                {
                    try? contents.replay(text)
                }
                contents.unsaved.dropped.append(.delete(.requestJournal, key: "\(number)"))
                contents.unsaved.mustRewrite = true
            }
            contents.settle()
        }
    }

    public func takeChanges(isFinal: Bool) -> [StateChange] {
        contents.withLock { contents in
            let now = Machine.monotonicNanoseconds()
            let unsaved = contents.unsaved
            let isDue =
                isFinal || unsaved.mustRewrite || unsaved.journal.isFull
                || unsaved.storedBytes > RequestLog.journalLimitBytes
                || now - unsaved.rewrittenAt > RequestLog.rewrittenNanoseconds
            guard isDue else { return contents.journal() }
            contents.unsaved.rewrittenAt = now
            return contents.rewritten()
        }
    }

    public func dropBefore(_ time: Int64) {
        let oldest = RequestLog.hour(of: time)
        contents.withLock { contents in
            let old = contents.slots.filter { $0.hour < oldest }
            guard !old.isEmpty else { return }
            contents.unsaved.dropped += old.map { .delete(.requestHour, key: RequestLog.text($0.key, $0.hour)) }
            contents.unsaved.mustRewrite = true
            let kept = contents.slots.filter { $0.hour >= oldest }
            (contents.slots, contents.numbers, contents.newest) = ([], [:], [:])
            for slot in kept { contents.append(slot) }
        }
    }

    /// `hour/tenant/app`: hours since 1970; apps may hold slashes.
    static func text(_ key: Key, _ hour: Int64) -> String {
        "\(hour)/\(key.tenant.name.replacing("/", with: "%2F"))/\(key.app)"
    }

    private static func parse(_ text: String) -> (Key, Int64)? {
        let parts = text.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let hour = Int64(parts[0]) else { return nil }
        let tenant = String(parts[1]).replacing("%2F", with: "/")
        return (Key(tenant: TenantID(tenant), app: String(parts[2])), hour)
    }
}

extension RequestLog.Slot {
    /// The hour, or as much of it as is wanted.
    func read(_ part: RequestHour.Part) -> RequestHour {
        if let figures { return figures }
        return (try? RequestHour(packed, app: key.app, part)) ?? RequestHour()
    }
}

extension RequestLog.Contents {
    /// Makes a slot ready to be counted in.
    mutating func open(_ slot: Int) {
        guard slots[slot].figures == nil else { return }
        slots[slot].figures = slots[slot].read(.all)
        slots[slot].packed = []
    }

    fileprivate mutating func openFresh() {
        for index in slots.indices
        where slots[index].hour > (newest[slots[index].key] ?? .min) &- RequestLog.freshHours { open(index) }
    }

    /// What was counted since the last call, as one more journal: its size, then itself compressed.
    fileprivate mutating func journal() -> [StateChange] {
        guard !unsaved.journal.bytes.isEmpty,
            let packed = try? Codec.best.compress(unsaved.journal.bytes.span)
        else { return [] }
        var out: [UInt8] = []
        out.appendVarint(unsaved.journal.bytes.count)
        out.append(contentsOf: packed)
        let record = StateRecord(kind: .requestJournal, key: "\(unsaved.nextNumber)", bytes: out)
        unsaved.nextNumber += 1
        unsaved.storedBytes += out.count
        unsaved.journal.next()
        return [.put(record)]
    }

    /// All hours that changed, in place of the journals.
    fileprivate mutating func rewritten() -> [StateChange] {
        var changes = unsaved.dropped
        unsaved.dropped = []
        for index in slots.indices where slots[index].isChanged {
            slots[index].isChanged = false
            guard let figures = slots[index].figures else { continue }
            let bytes = figures.encode()
            let key = RequestLog.text(slots[index].key, slots[index].hour)
            changes.append(.put(StateRecord(kind: .requestHour, key: key, bytes: bytes)))
            if !figures.isFresh {
                slots[index].packed = bytes
                slots[index].figures = nil
            }
        }
        for number in unsaved.firstNumber..<unsaved.nextNumber {
            changes.append(.delete(.requestJournal, key: "\(number)"))
        }
        unsaved.firstNumber = unsaved.nextNumber
        unsaved.storedBytes = 0
        unsaved.mustRewrite = false
        unsaved.journal.next()
        return changes
    }
}
