import Bytes
import Files
import Index
import Model
import Store
import Synchronization
import Testing

/// Counts rows by line and keeps the counts.
final class CountingObserver: RowObserver {
    private let counts = Mutex<[String: Int]>([:])

    var lines: [String: Int] { counts.withLock { $0 } }

    func restore(_ list: (StateKind) -> StateListing) {
        for record in list(.requestHour).records {
            counts.withLock { $0[record.key] = Int(record.bytes.first ?? 0) }
        }
    }

    func observe(_ rows: ObservedRows) {
        let hidden = Set(rows.hidden)
        rows.rows.read { entries, arena in
            for index in rows.range where !hidden.contains(index) {
                let line = arena.extracting(entries[index].line).text
                counts.withLock { $0[line, default: 0] += 1 }
            }
        }
    }

    func takeChanges(isFinal: Bool) -> [StateChange] {
        counts.withLock { counts in
            counts.map { .put(StateRecord(kind: .requestHour, key: $0.key, bytes: [UInt8(clamping: $0.value)])) }
        }
    }

    func dropBefore(_ time: Int64) {}
}

struct ObservationTests {
    private let start: Int64 = 1_795_460_737_000_000_000
    private let clock = TestClock()

    private func open(_ folder: ScratchFolder, _ observer: CountingObserver) throws -> Store {
        try Store.open(folder, clock) { $0.observers = [observer] }
    }

    private func crashed(_ folder: ScratchFolder) throws -> ScratchFolder {
        let copy = ScratchFolder()
        try duplicate(folder.path, to: copy.path)
        return copy
    }

    /// What a crash would leave: everything that was written.
    private func duplicate(_ path: String, to target: String) throws {
        let files = PosixFileSystem()
        for name in try files.list(path) {
            let (from, to) = (path + "/" + name, target + "/" + name)
            if (try? files.list(from)) != nil {
                try files.createFolder(to)
                try duplicate(from, to: to)
            } else {
                let source = try files.open(from, .read)
                let file = try files.open(to, .create)
                try file.write(try source.read(at: 0, count: try source.size()), at: 0)
                source.close()
                file.close()
            }
        }
    }

    @Test func everyRowIsObservedOnceOverCrashesAndSeals() async throws {
        var folder = ScratchFolder()
        var expected: [String: Int] = [:]
        for round in 0..<4 {
            let observer = CountingObserver()
            let store = try open(folder, observer)
            for step in 0..<6 {
                let line = "round \(round) step \(step)"
                _ = try await store.append(batch([(start + Int64(round * 10 + step), line)]))
                expected[line] = 1
                if step == 1 { await store.flush() }
                if step == 3 { try await store.saveObservations() }
            }
            // A crash with two rows that were observed, perhaps, and not kept.
            let copy = try crashed(folder)
            await store.close()
            folder = copy
        }
        let observer = CountingObserver()
        let store = try open(folder, observer)
        try await store.saveObservations()
        #expect(observer.lines == expected)
        await store.close()
    }

    @Test func equalRowsOfOlderPartsAreNotObservedAgain() async throws {
        let folder = ScratchFolder()
        let observer = CountingObserver()
        let store = try open(folder, observer)
        _ = try await store.append(batch([(start, "once")]))
        await store.flush()
        _ = try await store.append(batch([(start, "once"), (start + 1, "other")]))
        try await store.saveObservations()
        #expect(observer.lines == ["once": 1, "other": 1])
        await store.close()
    }

    @Test func rowsFromBeforeAnythingWasObservedAreObservedFromTheirParts() async throws {
        let folder = ScratchFolder()
        let first = try Store.open(folder, clock)
        _ = try await first.append(batch([(start, "old"), (start + 1, "older")]))
        await first.flush()
        _ = try await first.append(batch([(start + 2, "in the log")]))
        await first.close()

        let observer = CountingObserver()
        let store = try open(folder, observer)
        while store.isRebuildingObservations { await Task.yield() }
        try await store.saveObservations()
        #expect(observer.lines == ["old": 1, "older": 1, "in the log": 1])
        await store.close()

        let again = CountingObserver()
        let reopened = try open(folder, again)
        #expect(again.lines == observer.lines)
        await reopened.close()
    }
}
