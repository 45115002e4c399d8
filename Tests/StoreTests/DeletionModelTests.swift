import Bytes
import Files
import Model
import Testing

@testable import Store

/// Deletions against a model: whatever is pushed, deleted, sealed, merged, rewritten and restarted in any order, a row
/// is there, once, if it came after the last deletion that is about it.
@Suite struct DeletionModelTests {
    struct Row: Hashable {
        let time: Int64
        let app: String
        let line: String
    }

    struct Erasure {
        let app: String
        let word: String
        let range: TimeRange

        func isAbout(_ row: Row) -> Bool {
            row.app == app && range.contains(row.time) && (word == "*" || row.line.contains(word))
        }
    }

    let folder = ScratchFolder()
    let clock = TestClock()

    private func open() throws -> Store {
        var configuration = StoreConfiguration(folder: folder.path)
        configuration.clock = clock
        configuration.minimumFreeBytes = 0
        configuration.rowFilters = WordFilters()
        configuration.mergeFanIn = 3
        return try Store.open(configuration)
    }

    private func visible(_ store: Store) throws -> [String] {
        try store.seen().rows.map { "\($0.time) \($0.labels) \($0.line)" }
    }

    @Test(arguments: [0, 1, 17, 21]) func aRowIsThereIfItCameAfterItsDeletion(seed: UInt64) async throws {
        var dice = SeededDice(seed: seed &+ 77)
        let start = clock.nowNanoseconds()
        var store = try open()
        var model: Set<Row> = []
        for step in 0..<60 {
            switch Int.random(in: 0..<11, using: &dice) {
            case 0...4:
                var rows: [Row] = []
                for _ in 0..<Int.random(in: 1...12, using: &dice) {
                    rows.append(row(start, &dice))
                    model.insert(rows[rows.count - 1])
                }
                for app in ["shop", "cart"] {
                    let mine = rows.filter { $0.app == app }.map { ($0.time, $0.line) }
                    if !mine.isEmpty { _ = try await store.append(batch(mine, app: app)) }
                }
            case 5...6: await store.flush()
            case 7...8:
                let first = start - Int64.random(in: 0...2, using: &dice) * Nanoseconds.perDay
                let erasure = Erasure(
                    app: Bool.random(using: &dice) ? "shop" : "cart",
                    word: ["*", "red", "1"].randomElement(using: &dice) ?? "*",
                    range: TimeRange(start: first, end: first + Int64.random(in: 1...60, using: &dice)))
                _ = try await store.requestDeletion(of: "\(erasure.app) \(erasure.word)", in: erasure.range)
                model = model.filter { !erasure.isAbout($0) }
            case 9:
                await store.close()
                if Bool.random(using: &dice) {
                    for file in folder.files("", "").filter({ $0.contains("catalog.sqlite") }) {
                        try PosixFileSystem().remove(file)
                    }
                }
                store = try open()
            default:
                clock.advance(days: 1)
                await store.applyDeletions()
            }
            let expected = model.sorted { ($0.time, $0.app, $0.line) < ($1.time, $1.app, $1.line) }
                .map { "\($0.time) {app=\"\($0.app)\"} \($0.line)" }
            let seen = try visible(store)
            let difference = Set(seen).symmetricDifference(expected).sorted().prefix(3)
            #expect(seen == expected, "step \(step): \(seen.count) rows, \(expected.count) expected; \(difference)")
        }
        await store.flush()
        clock.advance(days: 2)
        for _ in 0..<3 { await store.applyDeletions() }
        #expect(try visible(store).count == model.count)
        await store.close()
        #expect(try StoreVerification.run(folder: folder.path, isDeep: true).problems == [])
    }

    /// One of few rows, so that equal ones come again and again.
    private func row(_ start: Int64, _ dice: inout SeededDice) -> Row {
        let day = Int64.random(in: 0...2, using: &dice) * Nanoseconds.perDay
        return Row(
            time: start - day + Int64.random(in: 0..<40, using: &dice),
            app: Bool.random(using: &dice) ? "shop" : "cart",
            line: "\(["red", "blue"].randomElement(using: &dice) ?? "") \(Int.random(in: 0..<3, using: &dice))")
    }
}

/// The same numbers for the same seed (SplitMix64).
struct SeededDice: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
