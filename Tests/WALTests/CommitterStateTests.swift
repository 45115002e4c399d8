import Testing

@testable import WAL

@Suite struct CommitterStateTests {
    typealias State = CommitterState<Int, String>

    private func text(_ action: State.Action) -> String {
        switch action {
        case .commit(let entries): "commit \(entries)"
        case .writeEmptyGroup: "empty"
        case .perform(let works): "perform \(works)"
        case .wait(let nanoseconds): "wait \(nanoseconds.map { String($0) } ?? "-")"
        case .finish: "finish"
        }
    }

    @Test func aLoneWaiterIsCommittedAtOnceAndLaterOnesJoinTheNextGroup() {
        var state = State()
        #expect(text(state.next(now: 0)) == "wait -")
        #expect(!state.hasWork)
        #expect(state.submit(1, bytes: 10) == .accepted)
        #expect(state.hasWork)
        #expect(text(state.next(now: 0)) == "commit [1]")
        #expect(state.submit(2, bytes: 10) == .accepted)
        #expect(state.submit(3, bytes: 10) == .accepted)
        state.committed(now: 5)
        #expect(text(state.next(now: 6)) == "commit [2, 3]")
        state.committed(now: 9)
        #expect(text(state.next(now: 9)) == "wait \(WALFormat.silenceNanoseconds)")
    }

    @Test func groupsEndAtTheirLimits() {
        var state = State()
        for entry in 0..<(WALFormat.groupRecords + 3) { _ = state.submit(entry, bytes: 1) }
        guard case .commit(let first) = state.next(now: 0) else { return #expect(Bool(false)) }
        #expect(first == Array(0..<WALFormat.groupRecords))
        state.committed(now: 0)
        #expect(text(state.next(now: 0)) == "commit [1024, 1025, 1026]")
        state.committed(now: 0)
        _ = state.submit(1, bytes: WALFormat.groupBytes - 1)
        _ = state.submit(2, bytes: 1)
        _ = state.submit(3, bytes: 1)
        _ = state.submit(4, bytes: WALFormat.groupBytes * 3)
        for expected in ["[1, 2]", "[3]", "[4]"] {
            #expect(text(state.next(now: 0)) == "commit \(expected)")
            state.committed(now: 0)
        }
        #expect(state.waitingBytes == 0)
    }

    @Test func silenceAsksForOneEmptyGroup() {
        var state = State()
        _ = state.submit(1, bytes: 1)
        _ = state.next(now: 0)
        state.committed(now: 100)
        let due = 100 + WALFormat.silenceNanoseconds
        #expect(text(state.next(now: due - 1)) == "wait 1")
        #expect(text(state.next(now: due)) == "empty")
        state.wroteEmptyGroup()
        #expect(text(state.next(now: due)) == "wait -")
        #expect(text(state.next(now: due * 9)) == "wait -")
    }

    @Test func aNewGroupPutsTheEmptyOneOff() {
        var state = State()
        _ = state.submit(1, bytes: 1)
        _ = state.next(now: 0)
        state.committed(now: 0)
        _ = state.submit(2, bytes: 1)
        #expect(text(state.next(now: WALFormat.silenceNanoseconds * 2)) == "commit [2]")
        state.committed(now: WALFormat.silenceNanoseconds * 2)
        #expect(text(state.next(now: WALFormat.silenceNanoseconds * 3 - 1)) == "wait 1")
    }

    @Test func failureFailsAllWhoWaitAndTheNextSubmitProbes() {
        var state = State()
        _ = state.submit(1, bytes: 5)
        _ = state.next(now: 0)
        _ = state.submit(2, bytes: 5)
        _ = state.submit(3, bytes: 5)
        #expect(state.failed() == [2, 3])
        #expect(state.isFailing && state.waitingBytes == 0)
        #expect(text(state.next(now: WALFormat.silenceNanoseconds * 9)) == "wait -")
        #expect(state.submit(4, bytes: 5) == .accepted)
        #expect(text(state.next(now: 0)) == "commit [4]")
        state.committed(now: 0)
        #expect(!state.isFailing)
    }

    @Test func theQueueIsBoundedInBytes() {
        var state = State()
        #expect(state.submit(1, bytes: WALFormat.queueBytes + 5) == .accepted)
        #expect(state.submit(2, bytes: 1) == .overloaded)
        _ = state.next(now: 0)
        #expect(state.submit(3, bytes: WALFormat.queueBytes) == .accepted)
        #expect(state.submit(4, bytes: 1) == .overloaded)
    }

    @Test func workRunsBetweenGroupsAndStarvesNobody() {
        var state = State()
        #expect(state.perform("a") == true)
        #expect(state.perform("b") == true)
        _ = state.submit(1, bytes: 1)
        #expect(text(state.next(now: 0)) == #"perform ["a", "b"]"#)
        #expect(state.perform("c") == true)
        #expect(text(state.next(now: 0)) == "commit [1]")
        _ = state.submit(2, bytes: 1)
        state.committed(now: 0)
        #expect(text(state.next(now: 0)) == #"perform ["c"]"#)
        #expect(text(state.next(now: 0)) == "commit [2]")
        state.committed(now: 0)
    }

    @Test func stopDrainsAndThenRefuses() {
        var state = State()
        _ = state.submit(1, bytes: 1)
        _ = state.next(now: 0)
        _ = state.submit(2, bytes: 1)
        _ = state.perform("w")
        state.stop()
        #expect(state.submit(3, bytes: 1) == .stopping)
        state.committed(now: 0)
        #expect(text(state.next(now: 0)) == #"perform ["w"]"#)
        #expect(text(state.next(now: 0)) == "commit [2]")
        state.committed(now: 0)
        #expect(text(state.next(now: 0)) == "empty")
        state.wroteEmptyGroup()
        #expect(state.perform("late") == true)
        #expect(text(state.next(now: 0)) == #"perform ["late"]"#)
        #expect(text(state.next(now: 0)) == "finish")
        #expect(state.isFinished)
        #expect(state.perform("later") == false)
    }

    /// All short histories of submits, works, outcomes, silence and stop: every entry is committed or failed exactly
    /// once, in order, and after stop everything ends.
    @Test func everyShortHistoryAnswersEveryEntryOnce() {
        let events = 5
        let length = 7
        var histories = 1
        for _ in 0..<length { histories *= events }
        for history in 0..<histories {
            var state = State()
            var rest = history
            var submitted: [Int] = []
            var answered: [Int] = []
            var works = 0
            var performed = 0
            var now: Int64 = 0
            func step(failing: Bool) -> Bool {
                switch state.next(now: now) {
                case .commit(let entries):
                    answered += entries
                    if failing { answered += state.failed() } else { state.committed(now: now) }
                case .writeEmptyGroup: state.wroteEmptyGroup()
                case .perform(let some): performed += some.count
                case .wait: return false
                case .finish: return false
                }
                return true
            }
            for index in 0..<length {
                switch rest % events {
                case 0: if state.submit(index, bytes: 30 << 20) == .accepted { submitted.append(index) }
                case 1: if state.perform("w") { works += 1 }
                case 2: _ = step(failing: false)
                case 3: _ = step(failing: true)
                default: now += WALFormat.silenceNanoseconds
                }
                rest /= events
            }
            state.stop()
            var steps = 0
            while !state.isFinished, steps < 100 {
                _ = step(failing: false)
                steps += 1
            }
            guard state.isFinished, answered == submitted, works == performed else {
                Issue.record("history \(history): \(answered) of \(submitted), works \(performed) of \(works)")
                return
            }
        }
    }
}
