import Buffer
import Bytes
import Chunks
import Columns
import Model
import Synchronization

/// One tenant's data at one moment, for one query. Holds the view, so no file of it is collected meanwhile.
struct Snapshot: StoreSnapshot {
    let tenant: TenantID
    let view: View
    let table: StreamTable
    let streamCount: Int
    let oldestTime: Int64
    let indexedNames: [String]
    let cache: PartCache
    let hiddenRows: HiddenRowsCache
    /// Days with parts whose files are gone: answers touching them are incomplete.
    let missing: [(day: Day, text: String)]

    func labels(_ stream: StreamID) -> LabelSet { table.labels(stream.index) }

    func streams(_ request: ScanRequest) throws(ScanError) -> [StreamID] {
        if !view.tombstones(tenant, request.range).isEmpty { return try visibleStreams(request) }
        let selected = table.select(request.tests, count: streamCount)
        var present = [Bool](repeating: false, count: streamCount)
        for (_, day) in days(in: request.range) {
            for part in day.parts where part.overlaps(request.range) {
                guard let contents = try? cache.contents(part) else { continue }
                contents.markStreams(in: request.range, selected: selected, present: &present)
            }
            for head in day.heads { mark(head, in: request.range, selected: selected, present: &present) }
        }
        return present.indices.filter { present[$0] }.map { StreamID(UInt32($0)) }
    }

    /// Heads keep no times per stream: their rows are few enough to be looked at.
    private func mark(_ head: Head, in range: TimeRange, selected: [Bool], present: inout [Bool]) {
        for chunk in head.chunks where chunk.overlaps(range) {
            let rows = chunk.rows
            let numbers = head.streamNumbers
            rows.entries.withSpan(count: rows.count) { entries in
                for index in 0..<entries.count where range.contains(entries[index].time) {
                    let number = Int(numbers[Int(entries[index].stream)])
                    if number < selected.count && selected[number] { present[number] = true }
                }
            }
        }
    }

    func plan(_ request: ScanRequest) throws(ScanError) -> ScanPlan {
        var plan = ScanPlan()
        let selected = table.select(request.tests, count: streamCount)
        let strict =
            request.demotedTests.isEmpty
            ? selected : table.select(request.tests + request.demotedTests, count: streamCount)
        for (key, day) in days(in: request.range) {
            for part in day.parts where part.overlaps(request.range) {
                plan.partsConsidered += 1
                do throws(PartError) {
                    try add(part, request, selected, strict, to: &plan)
                } catch {
                    plan.warnings.append(cache.damage(part, error))
                }
            }
            for head in day.heads { add(head, key, day.parts, request, selected, to: &plan) }
        }
        if let touched = request.range.days {
            for loss in missing where touched.contains(loss.day) { plan.warnings.append(loss.text) }
        }
        hide(request, in: &plan)
        return plan
    }

    private func days(in range: TimeRange) -> [(TenantDay, DayView)] {
        guard let touched = range.days else { return [] }
        return view.days.filter { $0.key.tenant == tenant && touched.contains($0.key.day) }
            .sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    private func add(
        _ part: PartHandle, _ request: ScanRequest, _ selected: [Bool], _ strict: [Bool], to plan: inout ScanPlan
    ) throws(PartError) {
        let (contents, bytesRead) = try cache.contentsAndCost(part)
        plan.planningBytes += bytesRead
        plan.blocksConsidered += contents.blockCount
        let names = contents.part.fromLabelNames
        let isMixed = request.demotedTests.contains { names.contains($0.name.text) }
        let map = contents.streamMap(isMixed ? selected : strict)
        guard map.contains(where: { $0 != .none }) else {
            plan.blocksPruned += contents.blockCount
            return
        }
        var candidates: [Bool]?
        if let values = request.tracedValues {
            let probe = try contents.part.blocks(mayHold: values, names: indexedNames)
            candidates = probe.blocks.map { found in
                var marks = [Bool](repeating: false, count: contents.blockCount)
                for index in found where index < marks.count { marks[index] = true }
                return marks
            }
            plan.planningBytes += probe.bytesRead
        }
        for index in 0..<contents.blockCount {
            guard candidates?[index] ?? true, contents.mayHold(block: index, request.range, map) else {
                plan.blocksPruned += 1
                continue
            }
            plan.units.append(BlockUnit(part: part, contents: contents, index: index, streams: map, cache: cache))
        }
    }

    private func add(
        _ head: Head, _ key: TenantDay, _ parts: [PartHandle], _ request: ScanRequest, _ selected: [Bool],
        to plan: inout ScanPlan
    ) {
        let chunks = head.chunks.filter { $0.overlaps(request.range) }
        guard !chunks.isEmpty else { return }
        // Rows first, streams after: every ordinal that a released row has is then among the numbers.
        let rows = chunks.map(\.rows)
        let map = head.streamNumbers.map { number in
            Int(number) < selected.count && selected[Int(number)] ? StreamID(number) : StreamID.none
        }
        guard map.contains(where: { $0 != .none }) else { return }
        let suspects = SuspectResolver(parts: parts, cache: cache, deleted: DeletedEquals(view, tenant))
        for (chunk, rows) in zip(chunks, rows) where rows.count > 0 {
            plan.units.append(
                HeadUnit(chunk: chunk, rows: rows, directory: head.directory, streams: map, suspects: suspects))
        }
    }
}

extension HeadChunk {
    /// Whether a row of the chunk may lie in the range.
    func overlaps(_ range: TimeRange) -> Bool {
        let (first, last) = bounds
        return first <= last && range.overlaps(first: first, last: last)
    }
}

/// A chunk of a head as a unit of a scan.
struct HeadUnit: ScanUnit {
    let chunk: HeadChunk
    let rows: Rows
    let directory: HeadStreams
    let streams: [StreamID]
    let suspects: SuspectResolver

    var firstTime: Int64 { chunk.bounds.first }
    var lastTime: Int64 { chunk.bounds.last }
    var rowCount: Int { rows.count }
    var arrival: UInt64 { chunk.firstSequence }
    var storedBytes: Int { 0 }

    func counts() throws(ScanError) -> [StreamCount]? { nil }

    func load(_ need: ScanNeed) throws(ScanError) -> LoadedRows {
        let hidden = suspects.hiddenRows(chunk, rows, directory)
        return LoadedRows(
            rows: rows, isSorted: false, streams: streams, hidden: hidden, storedBytes: 0,
            rawBytes: rows.arena.releasedCount)
    }
}

/// A block of a part as a unit of a scan.
struct BlockUnit: ScanUnit {
    let part: PartHandle
    let contents: PartContents
    let index: Int
    let streams: [StreamID]
    let cache: PartCache

    var firstTime: Int64 { contents.directory.blocks[index].firstTime }
    var lastTime: Int64 { contents.directory.blocks[index].lastTime }
    var rowCount: Int { contents.directory.blocks[index].rows }
    var arrival: UInt64 { contents.directory.blocks[index].lowestSequence }
    /// Deletions up to here are about all of the block's rows. A block from both sides of a deletion was packed after
    /// that had ended, and holds none of its rows: it must not be taken for one from before.
    var lastSequence: UInt64 { contents.directory.blocks[index].highestSequence }
    var storedBytes: Int { contents.directory.blocks[index].storedBytes }

    func counts() throws(ScanError) -> [StreamCount]? {
        part.summary.isUnclean ? nil : contents.counts(block: index, streams)
    }

    func volume() throws(ScanError) -> UnitVolume? {
        if part.summary.isUnclean { return nil }
        let known = try guarded { () throws(PartError) in
            let size = { (histogram: VolumeHistogram?) in histogram?.memoryBytes ?? 0 }
            return try cache.blocks.volumes.region(place, size: size) { () throws(PartError) in
                try contents.part.volume(index)
            }
        }
        guard let histogram = known.region, histogram.bucketCount > 0 else { return nil }
        return UnitVolume(
            histogram: histogram, streams: numberedStreams, storedBytesRead: known.isNew ? histogram.encodedBytes : 0)
    }

    func load(_ need: ScanNeed) throws(ScanError) -> LoadedRows {
        do throws(PartError) {
            let block = try contents.part.readBlock(index, need: need == .times ? .times : .rows)
            return LoadedRows(
                rows: block.rows, isSorted: true, streams: streams, hidden: [], storedBytes: block.storedBytes,
                rawBytes: block.rawBytes)
        } catch {
            throw ScanError(cache.damage(part, error))
        }
    }
}
