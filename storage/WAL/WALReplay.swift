public import Bytes
public import Files
import Model

/// Reads a log back after a stop or a crash.
public enum WALReplay {
    /// Hands every record in `folder` to `handler`, in sequence order. Damage never stops it: what cannot be used is
    /// copied to `quarantine` and reported. Holds one group, or one damaged stretch of a segment, in memory.
    /// - Throws: only if the folder cannot be read.
    public static func replay(
        folder: String, quarantine: String, files: any FileSystem, storeID: Hash128,
        handler: (ReplayedRecord) -> Void
    ) throws(WALError) -> ReplayReport {
        let names: [String]
        do throws(FileError) { names = try files.list(folder) } catch { throw WALError.file(error) }
        var replay = Replay(folder: folder, quarantine: quarantine, files: files, storeID: storeID)
        var ids: [UInt64] = []
        for name in names {
            if let id = WALFormat.id(of: name) { ids.append(id) }
            if let id = WALFormat.id(of: name, "spare") { replay.report.spareIDs.append(id) }
        }
        ids.sort()
        replay.report.highestID = max(ids.last ?? 0, replay.report.spareIDs.max() ?? 0)
        let readers = ids.compactMap { replay.open($0) }
        for (index, reader) in readers.enumerated() {
            replay.read(reader, next: readers[(index + 1)...], handler)
        }
        return replay.report
    }
}

/// A replay under way.
private struct Replay {
    let folder: String
    let quarantine: String
    let files: any FileSystem
    let storeID: Hash128
    var report = ReplayReport()

    /// Opens segment `id` and finds its first header; nil if it is set aside as a whole.
    mutating func open(_ id: UInt64) -> SegmentReader? {
        let path = folder + "/" + WALFormat.name(id)
        do throws(FileError) {
            let file = try files.open(path, .read)
            let reader = SegmentReader(file: file, sizeBytes: try file.size(), id: id, storeID: storeID)
            guard let stranger = reader.stranger else { return reader }
            reader.file.close()
            setAside(path, "belongs to another store or segment (\(stranger.storeID.hex), \(stranger.segmentID))")
        } catch {
            report.damages.append(
                WALDamage(path: path, range: 0..<0, lostSequences: [], copy: nil, reason: "cannot be opened: \(error)"))
        }
        return nil
    }

    private mutating func setAside(_ path: String, _ reason: String) {
        let name = path.split(separator: "/").last.map(String.init) ?? "segment.wal"
        var target = quarantine + "/" + name
        var attempt = 1
        while files.exists(target), attempt < 1000 {
            target = quarantine + "/" + name + "." + String(attempt)
            attempt += 1
        }
        let isMoved: Bool
        do throws(FileError) {
            try files.createFolder(quarantine)
            try files.rename(path, to: target)
            try files.syncFolder(quarantine)
            try files.syncFolder(folder)
            isMoved = true
        } catch {
            isMoved = false
        }
        report.quarantinedFiles += isMoved ? 1 : 0
        report.damages.append(
            WALDamage(path: path, range: 0..<0, lostSequences: [], copy: isMoved ? target : nil, reason: reason))
    }

    /// Hands over the records of one segment.
    mutating func read(
        _ reader: SegmentReader, next: ArraySlice<SegmentReader>, _ handler: (ReplayedRecord) -> Void
    ) {
        defer { reader.file.close() }
        let named = next.compactMap { $0.first?.previousID == reader.id ? $0.first?.previousEnd : nil }.max()
        var segment = SegmentReplay(
            reader: reader, limit: named.map { Int(clamping: $0) },
            following: next.lazy.compactMap { $0.first?.firstSequence }.first, lastSequence: report.lastSequence)
        segment.run { record in
            report.records += 1
            report.rows += record.batch.rows.count
            handler(record)
        }
        report.lastSequence = max(report.lastSequence, segment.lastSequence)
        report.tornBytes += segment.tornBytes
        report.segments.append(segment.summary)
        for loss in segment.losses {
            let copy = self.copy(loss.range, of: reader)
            report.damages.append(
                WALDamage(
                    path: reader.file.path, range: loss.range, lostSequences: loss.sequences, copy: copy,
                    reason: loss.reason))
        }
    }

    /// Copies a stretch of a segment to quarantine; nil if that fails. A copy of an earlier start is left as it is.
    private mutating func copy(_ range: Range<Int>, of reader: SegmentReader) -> String? {
        guard !range.isEmpty else { return nil }
        let offset = String(range.lowerBound, radix: 16)
        let target = quarantine + "/" + WALFormat.name(reader.id) + "." + offset + ".damaged"
        if files.exists(target) { return target }
        do throws(FileError) {
            try files.createFolder(quarantine)
            let file = try files.open(target, .create)
            defer { file.close() }
            var offset = range.lowerBound
            while offset < range.upperBound {
                let end = min(offset + 1 << 20, range.upperBound)
                try file.write(reader.bytes(offset..<end), at: offset - range.lowerBound)
                offset = end
            }
            try file.sync()
            try files.syncFolder(quarantine)
            report.quarantinedFiles += 1
            return target
        } catch {
            return nil
        }
    }
}
