import Bytes
public import Index
import Model
import Store
import Synchronization

// How groups are kept. Each belongs to one of 64 records of its tenant. Those are written rarely, for each holds many
// groups that did not change; until then a journal tells what did, in the same transaction as the position up to which
// rows were observed, so that counts stay exact over a crash. The newest occurrences are no counts: a crash may lose
// those of some seconds.
extension ErrorLog {
    private static let records: UInt64 = 64
    private static let rewrittenNanoseconds: Int64 = 10 * 1_000_000_000
    private static let journalLimitBytes = 4 << 20

    /// Changes that are not in records yet.
    struct Unsaved: Sendable {
        /// Slots of groups that changed since the last call.
        var changed: [Int] = []
        /// Records to be written anew.
        var records: Set<Record> = []
        var journalNumber: UInt64 = 0
        var journalBytes = 0
        var firstJournal: UInt64 = 0
        /// A group is gone: the journal may still have it.
        var mustRewrite = false
        /// Monotonic time of the last rewriting, nanoseconds.
        var rewrittenAt: Int64 = 0
        var dropped: [StateChange] = []
    }

    struct Record: Hashable, Sendable {
        let tenant: Int
        let number: UInt64
    }

    static func record(_ key: Key) -> Record {
        Record(tenant: key.tenant, number: key.name.digest % records)
    }

    public func takeChanges(isFinal: Bool) -> [StateChange] {
        contents.withLock { contents in
            let now = Machine.monotonicNanoseconds()
            let unsaved = contents.unsaved
            let isDue =
                isFinal || unsaved.mustRewrite || unsaved.journalBytes > ErrorLog.journalLimitBytes
                || now - unsaved.rewrittenAt > ErrorLog.rewrittenNanoseconds
            guard isDue else { return contents.journal() }
            contents.unsaved.rewrittenAt = now
            return contents.rewritten()
        }
    }

    public func restore(_ list: (StateKind) -> StateListing) {
        contents.withLock { contents in
            contents.pages.restore(list(.errorSamples).records)
            for record in list(.errorGroup).records {
                guard let (text, version) = ErrorGroupRecord.text(record.bytes),
                    let slash = record.key.lastIndex(of: "/")
                else {
                    contents.unsaved.dropped.append(.delete(.errorGroup, key: record.key))
                    continue
                }
                let tenant = contents.tenantNumber(
                    TenantID(String(record.key[..<slash]).replacing("%2F", with: "/")))
                var reader = ByteReader(text)
                while reader.offset < text.count, contents.restore(tenant, &reader, version) != nil {}
            }
            let journal = list(.errorJournal).records.compactMap { record in
                UInt64(record.key).map { ($0, record.bytes) }
            }
            for (number, bytes) in journal.sorted(by: { $0.0 < $1.0 }) {
                contents.restoreJournal(bytes)
                contents.unsaved.dropped.append(.delete(.errorJournal, key: "\(number)"))
                contents.unsaved.mustRewrite = true
            }
            contents.adoptSamples()
        }
    }

    /// Groups outlive the lines that they are made of; only their hours go.
    public func dropBefore(_ time: Int64) {
        contents.withLock { contents in
            let newest = contents.slots.reduce(Int64.min) { max($0, $1?.lastSeen ?? .min) }
            for slot in contents.slots.indices { contents.slots[slot]?.prune(now: max(time, newest)) }
        }
    }
}

extension ErrorLog.Contents {
    /// Notes that a group is to be stored.
    mutating func touch(_ slot: Int) {
        guard slots[slot]?.isChanged == false else { return }
        slots[slot]?.isChanged = true
        unsaved.changed.append(slot)
    }

    private mutating func takeChanged() -> [Int] {
        let changed = unsaved.changed
        unsaved.changed.removeAll(keepingCapacity: true)
        for slot in changed where slots[slot]?.isChanged == true {
            slots[slot]?.isChanged = false
            unsaved.records.insert(ErrorLog.record(keys[slot]))
        }
        return changed
    }

    /// What changed since the last call, as one more record of the journal: tenant's name, then the group.
    fileprivate mutating func journal() -> [StateChange] {
        var text: [UInt8] = []
        var one: [UInt8] = []
        for slot in takeChanged() {
            guard let group = slots[slot] else { continue }
            one.removeAll(keepingCapacity: true)
            group.encode(to: &one, hasNewest: false)
            text.appendPrefixed(tenants[keys[slot].tenant].name)
            text.appendPrefixed(one)
        }
        guard !text.isEmpty else { return [] }
        let record = StateRecord(
            kind: .errorJournal, key: "\(unsaved.journalNumber)", bytes: ErrorGroupRecord.bytes(text))
        unsaved.journalNumber += 1
        unsaved.journalBytes += record.bytes.count
        return [.put(record)]
    }

    /// All records that have changed groups, in place of the journal.
    fileprivate mutating func rewritten() -> [StateChange] {
        _ = takeChanged()
        var changes = unsaved.dropped
        unsaved.dropped = []
        if !unsaved.records.isEmpty {
            var texts: [ErrorLog.Record: [UInt8]] = [:]
            for record in unsaved.records { texts[record] = [] }
            var one: [UInt8] = []
            for slot in slots.indices {
                let record = ErrorLog.record(keys[slot])
                guard let group = slots[slot], unsaved.records.contains(record) else { continue }
                one.removeAll(keepingCapacity: true)
                group.encode(to: &one, hasNewest: true)
                texts[record]?.appendPrefixed(one)
            }
            for (record, text) in texts {
                let name = tenants[record.tenant].name.replacing("/", with: "%2F") + "/\(record.number)"
                changes.append(
                    text.isEmpty
                        ? .delete(.errorGroup, key: name)
                        : .put(StateRecord(kind: .errorGroup, key: name, bytes: ErrorGroupRecord.bytes(text))))
            }
            unsaved.records.removeAll(keepingCapacity: true)
        }
        changes += pages.takeChanges()
        for number in unsaved.firstJournal..<unsaved.journalNumber {
            changes.append(.delete(.errorJournal, key: "\(number)"))
        }
        unsaved.firstJournal = unsaved.journalNumber
        unsaved.journalBytes = 0
        unsaved.mustRewrite = false
        return changes
    }

    // MARK: restoring

    /// Reads one group and returns its slot; nil where the text is damaged.
    fileprivate mutating func restore(_ tenant: Int, _ reader: inout ByteReader, _ version: UInt64) -> Int? {
        guard let bytes = try? reader.prefixed() else { return nil }
        var one = ByteReader(bytes)
        guard let group = try? ErrorGroup(&one, version: version, pages: pages) else { return nil }
        let key = ErrorLog.Key(tenant: tenant, name: group.name)
        guard let slot = numbers[key] else { return insert(group, key) }
        // A journal has no newest occurrence.
        let newest = slots[slot]?.newest ?? []
        slots[slot] = group
        if group.newest.isEmpty { slots[slot]?.newest = newest }
        return slot
    }

    fileprivate mutating func restoreJournal(_ bytes: [UInt8]) {
        guard let (text, version) = ErrorGroupRecord.text(bytes) else { return }
        var reader = ByteReader(text)
        while reader.offset < text.count {
            guard let name = try? reader.prefixedText(),
                let slot = restore(tenantNumber(TenantID(name)), &reader, version)
            else { return }
            touch(slot)
        }
    }

    /// Occurrences whose page is not there are forgotten, also in the records.
    fileprivate mutating func adoptSamples() {
        for slot in slots.indices {
            guard let kept = slots[slot]?.kept else { continue }
            let found = pages.adopt(kept)
            if found.count < kept.count {
                slots[slot]?.kept = found
                touch(slot)
            }
        }
        pages.dropUnwanted()
    }
}
