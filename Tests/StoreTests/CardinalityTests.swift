import Bytes
import Files
import Model
import Testing

@testable import Store

/// Labels with too many values in a day (storage rule 12).
@Suite struct CardinalityTests {
    let folder = ScratchFolder()
    let clock = TestClock()

    private var now: Int64 { clock.nowNanoseconds() }

    private func open(_ change: (inout StoreConfiguration) -> Void = { _ in }) throws -> Store {
        try Store.open(folder, clock) {
            $0.labelValuesLimit = 20
            change(&$0)
        }
    }

    /// One line of each of some streams.
    private func streams(_ names: [(String, String)], time: Int64, app: String = "shop") -> Batch {
        var batch = Batch()
        for (index, name) in names.enumerated() {
            let stream = batch.intern(LabelSet([("app", app), name]))
            let line = [UInt8]("line \(name.1)".utf8)
            batch.append(time: time + Int64(index), stream: stream, line: line.span, metadata: [UInt8]().span)
        }
        return batch
    }

    @Test func aNameWithTooManyValuesInADayIsNoLabelFromThenOn() async throws {
        var store = try open()
        _ = try await store.append(streams((0..<20).map { ("pod", "p\($0)") }, time: now))
        _ = try await store.append(streams([("zone", "a"), ("zone", "b")], time: now))
        await store.flush()
        #expect(store.demotedNames() == [])
        await store.close()
        // What a day's parts hold counts after a restart as well.
        store = try open()
        _ = try await store.append(streams([("pod", "p20")], time: now + 50))
        await store.flush()
        #expect(store.demotedNames() == ["pod"])
        #expect(store.demotedNames(TenantID("other")) == [])
        await store.close()
        store = try open()
        #expect(store.demotedNames() == ["pod"])
        await store.close()
    }

    @Test func daysAndProtectedNamesDoNotAddUp() async throws {
        let store = try open()
        for day in 0..<4 {
            let time = now - Int64(day) * Nanoseconds.perDay
            _ = try await store.append(streams((0..<15).map { ("pod", "d\(day)p\($0)") }, time: time))
        }
        for app in 0..<50 { _ = try await store.append(streams([("zone", "a")], time: now, app: "app\(app)")) }
        await store.flush()
        #expect(store.demotedNames() == [])
        await store.close()
    }

    @Test func tooManyStreamsDemoteTheNameWithMostValues() async throws {
        let store = try open {
            $0.labelValuesLimit = 1000
            $0.streamsLimit = 30
        }
        _ = try await store.append(streams((0..<12).map { ("zone", "z\($0)") }, time: now))
        _ = try await store.append(streams((0..<19).map { ("pod", "p\($0)") }, time: now))
        await store.flush()
        #expect(store.demotedNames() == ["pod"])
        await store.close()
    }

    @Test func onlyPartsFromBeforeArePrunedByTheLabel() async throws {
        let store = try open()
        _ = try await store.append(streams((0..<20).map { ("pod", "p\($0)") }, time: now))
        await store.flush()
        _ = try await store.append(streams([("pod", "p20")], time: now + 50))
        // The name is demoted before the head is sealed, as its part says then.
        _ = await store.onCatalogThread {}
        await store.flush()
        #expect(store.demotedNames() == ["pod"])
        let equals = WordFilters.Equals(wanted: [UInt8]("p3".utf8))
        var request = ScanRequest(range: .all)
        request.demotedTests = [LabelTest(name: [UInt8]("pod".utf8), test: equals)]
        #expect(try store.lines(request) == ["line p3", "line p20"])
        // A line that may carry it as metadata: whoever asks has to compare it.
        _ = try await store.append(batch([(now + 99, "metadata")]))
        await store.flush()
        #expect(try store.lines(request) == ["line p3", "line p20", "metadata"])
        await store.close()
    }
}
