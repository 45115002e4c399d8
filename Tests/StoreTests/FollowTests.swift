import Bytes
import Model
import Store
import Synchronization
import Testing

/// Following what arrives.
@Suite struct FollowTests {
    private let folder = ScratchFolder()
    private let clock = TestClock()

    private var now: Int64 { clock.nowNanoseconds() }

    private func open(_ change: (inout StoreConfiguration) -> Void = { _ in }) throws -> Store {
        try Store.open(folder, clock, change)
    }

    private func lines(_ arrived: [ArrivedRows]) -> [String] {
        arrived.flatMap { piece in
            let hidden = piece.hiddenRows()
            return piece.rows.read { entries, arena in
                piece.range.filter { !hidden.contains($0) }.map { arena.extracting(entries[$0].line).text }
            }
        }
    }

    @Test func rowsComeInTheOrderOfTheirArrival() async throws {
        let store = try open()
        _ = try await store.append(batch([(now, "before")]))
        let wakes = Atomic<Int>(0)
        let follower = store.follow(.standard, limitBytes: 64 << 20) { wakes.add(1, ordering: .relaxed) }
        _ = try await store.append(batch([(now + 5, "a"), (now + 3, "b")]))
        _ = try await store.append(batch([(now + 5, "a"), (now - Nanoseconds.perDay, "yesterday")]))
        await store.flush()
        // A part holds these now: one is a repeat that only the part knows, the other is new and late.
        _ = try await store.append(batch([(now + 3, "b"), (now + 4, "late")]))
        #expect(lines(follower.take().arrived) == ["a", "b", "yesterday", "late"])
        #expect(wakes.load(ordering: .relaxed) == 1)
        #expect(follower.take().arrived.isEmpty)
        _ = try await store.append(batch([(now + 6, "c")]))
        #expect(wakes.load(ordering: .relaxed) == 2)
        // Waiting rows outlive the head that they lay in.
        await store.flush()
        #expect(lines(follower.take().arrived) == ["c"])
        follower.end()
        _ = try await store.append(batch([(now + 7, "d")]))
        #expect(follower.take().arrived.isEmpty)
        await store.close()
    }

    @Test func whatAFollowerIsTooSlowForIsCounted() async throws {
        let store = try open()
        let follower = store.follow(.standard, limitBytes: 1) {}
        defer { follower.end() }
        _ = try await store.append(batch([(now, "a")]))
        await store.flush()
        // Another piece of memory: one waits already, and that is more than allowed.
        _ = try await store.append(batch([(now + 1, "b"), (now + 2, "c")]))
        let (arrived, missed) = follower.take()
        #expect(lines(arrived) == ["a"])
        #expect(missed.count == 2)
        #expect(missed.samples.map(\.time) == [now + 1])
        _ = try await store.append(batch([(now + 3, "d")]))
        let next = follower.take()
        #expect(lines(next.arrived) == ["d"])
        #expect(next.missed.count == 0)
        await store.close()
    }
}
