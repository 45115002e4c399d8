import Buffer
import Bytes
import Chunks
import Model

extension Snapshot {
    /// Wraps the units that deletions may be about.
    func hide(_ request: ScanRequest, in plan: inout ScanPlan) {
        let asked = view.tombstones(tenant, request.range)
        if asked.isEmpty { return }
        var selections: [(tombstone: ActiveTombstone, selected: [Bool])] = []
        for tombstone in asked {
            guard let filter = tombstone.filter else {
                plan.warnings.append(
                    "the deletion \(tombstone.request.id) cannot be understood: entries that it is about may be shown")
                continue
            }
            selections.append((tombstone, table.select(filter.tests, count: streamCount)))
        }
        plan.units = plan.units.map { hide($0, selections) }
    }

    private func hide(
        _ unit: any ScanUnit, _ selections: [(tombstone: ActiveTombstone, selected: [Bool])]
    ) -> any ScanUnit {
        var touching: [(tombstone: ActiveTombstone, streams: [StreamID])] = []
        var place: BlockPlace?
        if let block = unit as? BlockUnit {
            place = block.place
            let present = block.contents.directory.streams(of: block.index)
            for (tombstone, selected) in selections
            where !tombstone.isClean(block.part.summary.id)
                && tombstone.touches(first: block.firstTime, last: block.lastTime, sequence: block.lastSequence)
            {
                let streams = block.contents.streamMap(selected)
                guard present.contains(where: { streams[Int($0.ordinal)] != .none }) else { continue }
                touching.append((tombstone, streams))
            }
        } else if let head = unit as? HeadUnit {
            for (tombstone, selected) in selections
            where tombstone.touches(first: head.firstTime, last: head.lastTime, sequence: head.arrival) {
                let streams = head.directory.numbers.map { number in
                    Int(number) < selected.count && selected[Int(number)] ? StreamID(number) : StreamID.none
                }
                guard streams.contains(where: { $0 != .none }) else { continue }
                touching.append((tombstone, streams))
            }
        }
        if touching.isEmpty { return unit }
        return HidingUnit(
            base: unit, tombstones: touching, place: place, cache: hiddenRows,
            labels: { [table] in table.labels($0.index) })
    }

    /// Streams that have a row in the range which no deletion hides; for ranges that a deletion touches.
    func visibleStreams(_ request: ScanRequest) throws(ScanError) -> [StreamID] {
        var present = [Bool](repeating: false, count: streamCount)
        for unit in try plan(request).units {
            if let block = unit as? BlockUnit {
                for stream in block.contents.directory.streams(of: block.index)
                where request.range.overlaps(first: stream.firstTime, last: stream.lastTime) {
                    mark(block.streams[Int(stream.ordinal)], &present)
                }
            } else {
                let loaded = try unit.load(.times)
                var hidden = loaded.hidden[...]
                loaded.rows.read { entries, _ in
                    for index in 0..<entries.count {
                        if hidden.first == index {
                            hidden.removeFirst()
                        } else if request.range.contains(entries[index].time) {
                            mark(loaded.streams[Int(entries[index].stream)], &present)
                        }
                    }
                }
            }
        }
        return present.indices.filter { present[$0] }.map { StreamID(UInt32($0)) }
    }

    private func mark(_ stream: StreamID, _ present: inout [Bool]) {
        if stream != .none, Int(stream.index) < present.count { present[Int(stream.index)] = true }
    }
}
