public import Bytes
public import Files
public import Model

/// The writer: appends commit groups to the active segment, opens the next one when it is full or has failed, and
/// recycles segments that are no longer needed.
///
/// After a failed write or sync the kernel may have dropped the pages and call later syncs a success: the file is
/// never written again, and the next segment's header says how far it counts.
public final class SegmentLog: @unchecked Sendable {
    // Invariant behind @unchecked: used by one thread at a time. The committer owns it from its start to its end.

    /// The segment that groups are appended to.
    private struct Active {
        let file: any File
        var summary: SegmentSummary
        let seed: UInt32
        let previousEnd: UInt64
        /// The last group holds records and no later group vouches for it yet.
        var isLastGroupOpen = false
    }

    public let folder: String
    /// Sequence of the next record. Sequences of failed groups are not used again.
    public private(set) var nextSequence: UInt64
    /// Duration of the last sync, and number of syncs of segments.
    public private(set) var lastSyncNanoseconds: Int64 = 0
    public private(set) var syncCount = 0

    private let files: any FileSystem
    private let storeID: Hash128
    private let segmentBytes: Int
    private var active: Active?
    private var closed: [SegmentSummary]
    private var spares: SpareSegments
    private var nextID: UInt64
    /// The last segment with anything durable in it, and how far: what the next segment's header names.
    private var previous: (id: UInt64, end: UInt64) = (0, 0)
    /// Files whose first group failed: nothing in them was acknowledged, so they go before another segment is opened.
    private var discarded: [String] = []
    /// A removed segment might come back after a crash, because syncing the folder failed.
    private var isFolderDirty = false
    /// A group is put together here; its memory is used again.
    private var buffer: [UInt8] = []

    /// A log in `folder`, which is made if it does not exist. No segment is opened before the first append.
    /// - Parameters:
    ///   - nextSequence: 1 + the highest sequence that anything known to the caller has used.
    ///   - report: what `WALReplay` found in the folder.
    public init(
        folder: String, files: any FileSystem, storeID: Hash128, nextSequence: UInt64,
        after report: ReplayReport = ReplayReport(), segmentBytes: Int = WALFormat.segmentBytes
    ) throws(WALError) {
        self.folder = folder
        self.files = files
        self.storeID = storeID
        self.segmentBytes = max(WALFormat.aligned(segmentBytes), 4 * WALFormat.alignmentBytes)
        self.nextSequence = max(nextSequence, report.lastSequence &+ 1, 1)
        closed = report.segments
        spares = SpareSegments(folder: folder, files: files, found: report.spareIDs)
        nextID = report.highestID &+ 1
        if let last = report.segments.last(where: { $0.end > 0 }) { previous = (last.id, UInt64(last.end)) }
        if !files.exists(folder) {
            do throws(FileError) { try files.createFolder(folder) } catch { throw WALError.file(error) }
        }
    }

    /// Segments oldest first, the active one last.
    public var segments: [SegmentSummary] {
        active.map { closed + [$0.summary] } ?? closed
    }

    public var segmentCount: Int { closed.count + (active == nil ? 0 : 1) }

    /// Bytes of all segment files, spares not counted.
    public var totalBytes: Int {
        closed.reduce(active?.summary.sizeBytes ?? 0) { $0 + $1.sizeBytes }
    }

    /// What keeps the oldest closed segment alive: seal the heads of these rows to get its space back.
    public var oldestSegmentPins: [SegmentPin] { closed.first?.pins ?? [] }

    /// The rows in segments whose file has failed: their heads should be sealed soon.
    public var failedSegmentPins: [SegmentPin] { closed.filter(\.isCut).flatMap(\.pins) }

    /// Writes `group` as one commit group and syncs it. When this returns, a crash can no longer lose the records;
    /// when it throws, none of them counts.
    /// - Returns: the sequences of the records, in order.
    public func append(group: [EncodedRecord]) throws(WALError) -> ClosedRange<UInt64> {
        precondition(!group.isEmpty, "BUG: append of no records")
        let recordBytes = group.reduce(0) { $0 + $1.sizeBytes }
        for record in group where record.sizeBytes > WALFormat.recordBytes {
            throw WALError.tooLarge(sizeBytes: record.sizeBytes, limitBytes: WALFormat.recordBytes)
        }
        guard recordBytes <= Int(UInt32.max) / 2 else {
            throw WALError.tooLarge(sizeBytes: recordBytes, limitBytes: Int(UInt32.max) / 2)
        }
        try makeRoom(WALFormat.groupSize(recordBytes))
        let first = nextSequence
        nextSequence += UInt64(group.count)
        try writeGroup(group, first: first, recordBytes: recordBytes)
        var sequence = first
        for record in group {
            for (day, _) in record.days { active?.summary.note(record.tenant, day, sequence: sequence) }
            sequence += 1
        }
        active?.isLastGroupOpen = true
        return first...(nextSequence - 1)
    }

    /// Writes and syncs a group without records, if the last group is still without a later one that vouches for it.
    public func writeEmptyGroup() throws(WALError) {
        guard active?.isLastGroupOpen == true else { return }
        try writeGroup([], first: nextSequence, recordBytes: 0)
        active?.isLastGroupOpen = false
    }

    /// Writes and syncs a group without records, in a new segment if need be.
    public func prove() throws(WALError) {
        try makeRoom(WALFormat.alignmentBytes)
        try writeGroup([], first: nextSequence, recordBytes: 0)
        active?.isLastGroupOpen = false
    }

    /// Closes the active segment; the next append opens another.
    public func rotate() {
        // If this fails the segment ends before the empty group: everything acknowledged is in it all the same.
        try? writeEmptyGroup()
        guard let ending = active else { return }
        ending.file.close()
        closed.append(ending.summary)
        previous = (ending.summary.id, UInt64(ending.summary.end))
        active = nil
    }

    /// Recycles or removes every closed segment whose days are all covered, from their first sequence here to their
    /// last. The newest segment stays, and so does one whose header says where an older, failed one ends, as long as
    /// that is there.
    /// - Returns: how many segments went.
    @discardableResult
    public func release(where covered: (TenantID, Day, ClosedRange<UInt64>) -> Bool) throws(WALError) -> Int {
        do throws(FileError) {
            if isFolderDirty { try syncFolder() }
            let cut = Set(closed.filter(\.isCut).map(\.id))
            let newest = active == nil ? closed.last?.id : nil
            var kept: [SegmentSummary] = []
            var gone: [SegmentSummary] = []
            for segment in closed {
                let isNeeded = segment.id == newest || cut.contains(segment.previousID) || !segment.isCovered(covered)
                if isNeeded { kept.append(segment) } else { gone.append(segment) }
            }
            while let segment = gone.first {
                isFolderDirty = true
                do throws(FileError) {
                    try spares.retire(segment, isFit: segment.sizeBytes == segmentBytes && !segment.isCut)
                } catch {
                    closed = (kept + gone).sorted { $0.id < $1.id }
                    throw error
                }
                gone.removeFirst()
            }
            let count = closed.count - kept.count
            closed = kept
            if isFolderDirty { try syncFolder() }
            return count
        } catch {
            throw WALError.file(error)
        }
    }

    private func syncFolder() throws(FileError) {
        try files.syncFolder(folder)
        isFolderDirty = false
    }

    private static let zeros = [UInt8](repeating: 0, count: WALFormat.alignmentBytes)

    /// One write, one sync; on failure the segment is given up.
    private func writeGroup(_ group: [EncodedRecord], first: UInt64, recordBytes: Int) throws(WALError) {
        guard let segment = active else { preconditionFailure("BUG: a group without a segment") }
        let start = segment.summary.end
        let size = WALFormat.groupSize(recordBytes)
        buffer.removeAll(keepingCapacity: buffer.capacity <= 2 * WALFormat.groupBytes)
        buffer.reserveCapacity(size)
        buffer.append(SegmentLog.zeros, 0..<WALFormat.headerBytes)
        var sequence = first
        for record in group {
            record.append(to: &buffer, sequence: sequence, seed: segment.seed)
            sequence += 1
        }
        precondition(
            buffer.count == WALFormat.headerBytes + recordBytes && start + size <= segment.summary.sizeBytes,
            "BUG: group of \(buffer.count) bytes at \(start) of \(segment.summary.sizeBytes)")
        GroupHeader(
            storeID: storeID, segmentID: segment.summary.id, firstSequence: first, recordCount: UInt32(group.count),
            recordBytes: UInt32(recordBytes), durableEnd: UInt64(start), previousID: segment.summary.previousID,
            previousEnd: segment.previousEnd
        ).put(into: &buffer)
        buffer.append(SegmentLog.zeros, 0..<(size - buffer.count))
        do throws(FileError) {
            try segment.file.write(buffer, at: start)
            let begin = Machine.monotonicNanoseconds()
            try segment.file.sync()
            lastSyncNanoseconds = Machine.monotonicNanoseconds() &- begin
            syncCount += 1
        } catch {
            abandon()
            throw WALError.file(error)
        }
        active?.summary.end = start + size
    }

    /// Gives up the active segment after a failure.
    private func abandon() {
        guard var failed = active else { return }
        active = nil
        failed.file.close()
        if failed.summary.end == 0 {
            discarded.append(folder + "/" + WALFormat.name(failed.summary.id))
        } else {
            failed.summary.isCut = true
            closed.append(failed.summary)
            previous = (failed.summary.id, UInt64(failed.summary.end))
        }
    }

    /// Makes sure that the active segment has room for a group of `size` bytes and for the empty group after it.
    private func makeRoom(_ size: Int) throws(WALError) {
        let needed = size + WALFormat.alignmentBytes
        if let active, active.summary.end + needed > active.summary.sizeBytes { rotate() }
        guard active == nil else { return }
        do throws(FileError) {
            try openSegment(sizeBytes: max(segmentBytes, needed))
        } catch {
            throw WALError.file(error)
        }
    }

    private func openSegment(sizeBytes: Int) throws(FileError) {
        while let path = discarded.first {
            if files.exists(path) { try files.remove(path) }
            discarded.removeFirst()
        }
        let id = nextID
        nextID &+= 1
        let path = folder + "/" + WALFormat.name(id)
        let file: any File
        if sizeBytes == segmentBytes, try spares.take(as: path, sizeBytes: sizeBytes) {
            file = try discardingOnFailure(path) { () throws(FileError) in try files.open(path, .update) }
        } else {
            file = try files.open(path, .create)
            try discardingOnFailure(path) { () throws(FileError) in
                do throws(FileError) {
                    try file.preallocate(bytes: sizeBytes)
                } catch {
                    file.close()
                    throw error
                }
            }
        }
        try discardingOnFailure(path) { () throws(FileError) in
            do throws(FileError) {
                try syncFolder()
            } catch {
                file.close()
                throw error
            }
        }
        active = Active(
            file: file, summary: SegmentSummary(id: id, sizeBytes: sizeBytes, previousID: previous.id),
            seed: RecordFrame.seed(storeID: storeID, segmentID: id), previousEnd: previous.end)
    }

    /// Runs `body`; if it fails, the new file at `path` goes before the next attempt.
    private func discardingOnFailure<R>(_ path: String, _ body: () throws(FileError) -> R) throws(FileError) -> R {
        do throws(FileError) {
            return try body()
        } catch {
            discarded.append(path)
            throw error
        }
    }
}
