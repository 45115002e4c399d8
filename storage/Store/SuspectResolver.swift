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

    /// Rows of `rows`, ascending, that an older part holds too.
    func hiddenRows(_ chunk: HeadChunk, _ rows: Rows, _ head: Head) -> [Int] {
        let known = chunk.suspects.withLock { $0 }
        guard !known.rows.isEmpty else { return [] }
        let streams = head.streams
        var hidden: [Int] = []
        var blocks = BlockCache()
        for (index, row) in known.rows.enumerated() where row < rows.count {
            let isDuplicate: Bool
            if let found = known.isDuplicate[index] {
                isDuplicate = found
            } else {
                isDuplicate = isHeld(rows, row, streams, &blocks)
                chunk.suspects.withLock { $0.resolve(index, isDuplicate: isDuplicate) }
            }
            if isDuplicate { hidden.append(row) }
        }
        return hidden
    }

    private func isHeld(_ rows: Rows, _ row: Int, _ streams: [LabelSet], _ blocks: inout BlockCache) -> Bool {
        let entry = rows.entries[row]
        let hash = streams[Int(entry.stream)].hash
        for part in parts where entry.time >= part.summary.firstTime && entry.time <= part.summary.lastTime {
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
