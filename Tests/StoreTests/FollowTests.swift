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

    /// Everything that waits.
    private func taken(_ follower: Follower) -> [ArrivedRows] {
        var arrived: [ArrivedRows] = []
        while let piece = follower.take().arrived { arrived.append(piece) }
        return arrived
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
        #expect(lines(taken(follower)) == ["a", "b", "yesterday", "late"])
        #expect(wakes.load(ordering: .relaxed) == 1)
        #expect(taken(follower).isEmpty)
        _ = try await store.append(batch([(now + 6, "c")]))
        #expect(wakes.load(ordering: .relaxed) == 2)
        // Waiting rows outlive the head that they lay in.
        await store.flush()
        #expect(lines(taken(follower)) == ["c"])
        follower.end()
        _ = try await store.append(batch([(now + 7, "d")]))
        #expect(taken(follower).isEmpty)
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
        #expect(follower.isWaiting)
        let (arrived, missed) = follower.take()
        #expect(lines([arrived].compactMap { $0 }) == ["a"])
        #expect(!follower.isWaiting)
        #expect(missed.count == 2)
        #expect(missed.samples.map(\.time) == [now + 1])
        _ = try await store.append(batch([(now + 3, "d")]))
        let next = follower.take()
        #expect(lines([next.arrived].compactMap { $0 }) == ["d"])
        #expect(next.missed.count == 0)
        await store.close()
    }

    @Test func whatIsTakenMakesRoomAgain() async throws {
        let store = try open()
        let size = store.statistics.headBytes
        _ = try await store.append(batch([(now, "before")]))
        // Room for two pieces of memory of this size; each append after a flush begins a new one.
        let follower = store.follow(.standard, limitBytes: (store.statistics.headBytes - size) * 2) {}
        defer { follower.end() }
        for index in 1...3 {
            await store.flush()
            _ = try await store.append(batch([(now + Int64(index), "\(index)")]))
        }
        let first = follower.take()
        #expect(lines([first.arrived].compactMap { $0 }) == ["1"])
        #expect(first.missed.count == 1)
        await store.flush()
        _ = try await store.append(batch([(now + 4, "4")]))
        #expect(lines(taken(follower)) == ["2", "4"])
        await store.close()
    }
}
