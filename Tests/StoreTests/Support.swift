import Bytes
import Files
import Glibc
import Model
import Store
import Synchronization

/// A clock that tests move.
final class TestClock: WallClock {
    private let now: Mutex<Int64>

    init(_ start: Int64 = 1_795_460_737_000_000_000) {
        now = Mutex(start)
    }

    func nowNanoseconds() -> Int64 { now.withLock { $0 } }
    func advance(days: Int64) { now.withLock { $0 += days * Nanoseconds.perDay } }
}

/// A folder of the machine that goes with the test.
final class ScratchFolder: Sendable {
    let path: String

    init() {
        path = "/tmp/dendro-test-\(getpid())-\(UInt64.random(in: 0 ... .max))"
        try? PosixFileSystem().createFolder(path)
    }

    deinit {
        ScratchFolder.remove(path)
    }

    private static func remove(_ path: String) {
        let files = PosixFileSystem()
        if let names = try? files.list(path) {
            for name in names { remove(path + "/" + name) }
        }
        if (try? files.removeFolder(path)) == nil { try? files.remove(path) }
    }

    /// Paths of all files below `folder` whose name ends in `suffix`, sorted.
    func files(_ folder: String, _ suffix: String) -> [String] {
        var found: [String] = []
        func walk(_ path: String) {
            for name in (try? PosixFileSystem().list(path)) ?? [] {
                let inner = path + "/" + name
                if name.hasSuffix(suffix) { found.append(inner) } else if isFolder(inner) { walk(inner) }
            }
        }
        walk(path + "/" + folder)
        return found
    }

    private func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}

/// A row as a test sees it.
struct SeenRow: Hashable, Comparable, CustomStringConvertible {
    let time: Int64
    let labels: String
    let line: String
    let metadata: String

    static func < (a: SeenRow, b: SeenRow) -> Bool { (a.time, a.labels, a.line) < (b.time, b.labels, b.line) }

    var description: String { "\(time) \(labels) \(line) \(metadata)" }
}

extension Store {
    /// A store in the test's folder, with the test's clock, that does not look at the machine's free space.
    static func open(
        _ folder: ScratchFolder, _ clock: TestClock, _ change: (inout StoreConfiguration) -> Void = { _ in }
    ) throws -> Store {
        var configuration = StoreConfiguration(folder: folder.path)
        configuration.clock = clock
        configuration.minimumFreeBytes = 0
        change(&configuration)
        return try Store.open(configuration)
    }

    /// Every visible row of the default tenant in `range`, sorted, and the warnings of the plan.
    func seen(_ request: ScanRequest = ScanRequest(range: .all)) throws -> (rows: [SeenRow], plan: ScanPlan) {
        let snapshot = snapshot(.standard)
        var plan = try snapshot.plan(request)
        var found: [SeenRow] = []
        for unit in plan.units {
            let loaded: LoadedRows
            do {
                loaded = try unit.load(.rows)
            } catch {
                plan.warnings.append("\(error)")
                continue
            }
            let hidden = Set(loaded.hidden)
            loaded.rows.read { entries, arena in
                for index in 0..<entries.count where !hidden.contains(index) {
                    let entry = entries[index]
                    let stream = loaded.streams[Int(entry.stream)]
                    guard stream != .none, request.range.contains(entry.time) else { continue }
                    let metadata = LabelSet(canonical: [UInt8](copying: arena.extracting(entry.metadata)))
                    found.append(
                        SeenRow(
                            time: entry.time, labels: snapshot.labels(stream).description,
                            line: arena.extracting(entry.line).text, metadata: metadata.description))
                }
            }
        }
        return (found.sorted(), plan)
    }

    func lines(_ request: ScanRequest = ScanRequest(range: .all)) throws -> [String] {
        try seen(request).rows.map(\.line)
    }
}

/// A batch of `lines` at the given times in the stream `{app=…}`.
func batch(
    _ lines: [(Int64, String)], app: String = "shop", trace: String? = nil, key: UInt64? = nil
) -> Batch {
    var batch = Batch()
    let stream = batch.intern(LabelSet([("app", app)]))
    let metadata = trace.map { LabelSet([("trace_id", $0)]).encoded } ?? []
    for (time, line) in lines {
        batch.append(
            time: time, stream: stream, line: [UInt8](line.utf8).span, metadata: metadata.span,
            flags: trace == nil ? [] : .traced)
    }
    batch.key = key.map { Hash128(high: 7, low: $0) }
    return batch
}
