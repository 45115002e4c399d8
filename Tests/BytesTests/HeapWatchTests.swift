import Bytes
import Testing

struct HeapWatchTests {
    /// What the watch says to each figure in megabytes; a negative one is what a trim has left.
    private func answers(_ figures: [Int]) -> [Bool] {
        var watch = HeapWatch()
        var answers: [Bool] = []
        for figure in figures {
            if figure < 0 {
                watch.trimmed(residentBytes: -figure << 20)
            } else {
                answers.append(watch.isTrimDue(residentBytes: figure << 20))
            }
        }
        return answers
    }

    @Test func trimsWhatGrewAndNothingElse() {
        #expect(HeapWatch.slackBytes == 12 << 20)
        // What starting has left goes at once.
        #expect(answers([100, -90, 102, 103]) == [true, false, true])
        // Memory that a trim cannot give back is not asked for again.
        #expect(answers([100, -100, 160, -150, 150, 162, 163]) == [true, true, false, false, true])
        // Growth counts from the lowest since.
        #expect(answers([100, -100, 60, 72, 73]) == [true, false, false, true])
    }

    @Test func knowsNothingWithoutAFigure() {
        #expect(answers([0, 0, 0]) == [false, false, false])
    }

    @Test func thisProcessIsResident() {
        #expect(Machine.residentBytes() > 1 << 20)
    }

    @Test func trimmingGivesFreePagesBack() {
        // Other tests of this process take memory meanwhile: a quarter of it, in one of some tries.
        #expect((0..<8).contains { _ in bytesGivenBack() > 16 << 20 })
    }

    private func bytesGivenBack() -> Int {
        // Buffers with small ones in between: freeing every large one leaves holes that only a trim gives back.
        var kept: [[UInt8]] = []
        var large: [[UInt8]] = []
        for _ in 0..<1024 {
            large.append([UInt8](repeating: 1, count: 64 << 10))
            kept.append([UInt8](repeating: 1, count: 64))
        }
        let before = Machine.residentBytes()
        large = []
        Machine.trimHeap()
        return kept.count == 1024 ? before - Machine.residentBytes() : 0
    }
}
