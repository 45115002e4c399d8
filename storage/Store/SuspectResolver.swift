import Buffer
import Bytes
import Chunks
import Model
import Synchronization

/// Finds out whether suspect head rows are in an older part already, once per row (storage rule 8). Worker threads
/// only.
struct SuspectResolver: Sendable {
    let parts: [PartHandle]
    let cache: PartCache
    /// Equal rows that a deletion hides do not count.
    let deleted: DeletedEquals

    /// Rows of `rows`, ascending, that an older part holds too.
    func hiddenRows(_ chunk: HeadChunk, _ rows: Rows, _ directory: HeadStreams) -> [Int] {
        let known = chunk.suspects.withLock { $0 }
        guard !known.rows.isEmpty else { return [] }
        let streams = directory.labels
        var hidden: [Int] = []
        var blocks = BlockCache()
        let isUnresolved = zip(known.rows, known.isDuplicate).contains { $0 < rows.count && $1 == nil }
        let cutoffs =
            isUnresolved && !deleted.isEmpty
            ? deleted.cutoffs(rows, streams: streams, arrivedAt: chunk.firstSequence) : [:]
        for (index, row) in known.rows.enumerated() where row < rows.count {
            let isDuplicate: Bool
            if let found = known.isDuplicate[index] {
                isDuplicate = found
            } else {
                isDuplicate = isHeld(rows, row, streams, cutoffs[row] ?? 0, &blocks)
                chunk.suspects.withLock { $0.resolve(index, isDuplicate: isDuplicate) }
            }
            if isDuplicate { hidden.append(row) }
        }
        return hidden
    }

    /// - Parameter cutoff: equal rows in parts that cover nothing later are deleted.
    private func isHeld(
        _ rows: Rows, _ row: Int, _ streams: [LabelSet], _ cutoff: UInt64, _ blocks: inout BlockCache
    ) -> Bool {
        let entry = rows.entries[row]
        let hash = streams[Int(entry.stream)].hash
        for part in parts where entry.time >= part.summary.firstTime && entry.time <= part.summary.lastTime {
            if cutoff > 0, part.summary.coverage.intervals.allSatisfy({ $0.through <= cutoff }) { continue }
            guard let contents = try? cache.contents(part) else { continue }
            let isHeld = rows.arena.withSpan(count: rows.arena.releasedCount) { arena in
                do throws(PartError) {
                    return try contents.part.holds(
                        stream: hash, time: entry.time, line: arena.extracting(entry.line),
                        metadata: arena.extracting(entry.metadata), cache: &blocks)
                } catch {
                    _ = cache.damage(part, error)
                    return false
                }
            }
            if isHeld { return true }
        }
        return false
    }
}
