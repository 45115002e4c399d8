import Bytes
import Model
import Store
import Synchronization

/// What the simulated clients know: which batches they sent, which were acknowledged, which were deleted.
final class Ledger: Sendable {
    struct Entry: Sendable {
        var rows: [(time: Int64, line: String)]
        var key: UInt64?
    }

    struct State: Sendable {
        var sent: [Int: Entry] = [:]
        var acknowledged: Set<Int> = []
        /// Batches whose deletion was asked for, and those for which that was acknowledged.
        var deletionsAsked: Set<Int> = []
        var deleted: Set<Int> = []
        /// Snapshots that were made, and the batches that each must hold.
        var archives: [String: Set<Int>] = [:]
    }

    private let state: Mutex<State>

    init(_ state: State = State()) {
        self.state = Mutex(state)
    }

    var now: State { state.withLock { $0 } }

    func change(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }

    /// The word that only rows of a batch have.
    static func word(_ batch: Int) -> String { "b\(batch)x" }
}

extension Ledger.Entry {
    /// The batch, in the stream `{app="sim", n=…}`.
    func batch(stream: Int) -> Batch {
        var batch = Batch()
        let ordinal = batch.intern(LabelSet([("app", "sim"), ("n", String(stream))]))
        for row in rows {
            batch.append(
                time: row.time, stream: ordinal, line: [UInt8](row.line.utf8).span, metadata: [UInt8]().span, flags: [])
        }
        batch.key = key.map { Hash128(high: 11, low: $0) }
        return batch
    }
}

/// `sim word`: rows of `{app="sim"}` with the word.
struct WordFilters: RowFilterCompiler {
    struct Equals: ValueTest {
        func matches(_ value: borrowing ByteSpan) -> Bool { value.text == "sim" }
    }

    struct Filter: RowFilter {
        let word: String

        var tests: [LabelTest] { [LabelTest(name: [UInt8]("app".utf8), test: Equals())] }
        var isDecidedByLabels: Bool { false }

        func matches(_ loaded: LoadedRows, in range: TimeRange, labels: (StreamID) -> LabelSet) -> [Int] {
            loaded.rows.read { entries, arena in
                (0..<entries.count).filter { row in
                    range.contains(entries[row].time) && loaded.streams[Int(entries[row].stream)] != .none
                        && arena.extracting(entries[row].line).text.hasPrefix(word)
                }
            }
        }
    }

    func compile(_ query: String, demotedNames: [String]) throws(RowFilterError) -> any RowFilter {
        Filter(word: String(query.dropFirst(4)))
    }
}
