public import Bytes
import Files
import Model

/// One part of several of the same tenant and day: block bytes stay as they are, directory, streams and maplet are made
/// anew. The maplet is rebuilt from the blocks' metadata, one block in memory at a time; every byte that will be copied
/// is compared with its checksum on the way, so that damage does not spread.
public enum PartMerger {
    private struct Place {
        let input: Int
        let block: Int
        let entry: BlockEntry
    }

    /// - Parameters:
    ///   - inputs: open parts; the image reads from their files, so they must stay open until it is written.
    ///   - isUnclean: the inputs' rows may hold equal ones; true in any case if an input says so.
    public static func merge(
        _ inputs: [Part], configuration: PartConfiguration, id: Hash128, storeID: Hash128, isUnclean: Bool = false
    ) throws(PartError) -> PartImage {
        var configuration = configuration
        let names = Set(inputs.flatMap(\.fromLabelNames)).union(configuration.fromLabelNames)
        configuration.fromLabelNames = names.sorted()
        var assembler = try PartAssembler(
            configuration: configuration,
            summary: try summary(inputs, id: id, storeID: storeID, isUnclean: isUnclean))
        let streams = try StreamUnion(inputs)
        for place in try order(inputs) {
            let part = inputs[place.input]
            let hashes = try checkedTraces(part, place.block, place.entry, assembler.traces)
            let piece = PartImage.Piece.copy(
                part.source, offset: place.entry.offset, count: place.entry.storedBytes)
            let map = streams.ordinals[place.input]
            let blockStreams = try part.directory().streams(of: place.block).map { stream in
                var stream = stream
                stream.ordinal = map[Int(stream.ordinal)]
                return stream
            }
            assembler.add(piece, place.entry, streams: blockStreams, traceHashes: hashes)
        }
        return try assembler.finish(streams: streams.labels)
    }

    /// Compares all bytes of a block with their checksums; the hashes of its indexed values.
    static func checkedTraces(
        _ part: Part, _ block: Int, _ entry: BlockEntry, _ traces: TraceNames
    ) throws(PartError) -> [UInt64] {
        var hashes: [UInt64] = []
        if entry.kind == .columns {
            try part.checkColumns(block, entry)
            try part.collectColumnTraces(block, traces, into: &hashes)
            return hashes
        }
        let decoder = try part.openBlock(block, entry, count: entry.storedBytes)
        try part.source.checked(base: entry.offset, prefix: "block \(block) ") { () throws(RegionError) in
            for section in RowSection.allCases { _ = try decoder.checked(section) }
            try decoder.collectTraces(traces, into: &hashes)
        }
        return hashes
    }

    /// All blocks by first time, then by sequence.
    private static func order(_ inputs: [Part]) throws(PartError) -> [Place] {
        var places: [Place] = []
        for (input, part) in inputs.enumerated() {
            for (block, entry) in try part.directory().blocks.enumerated() {
                places.append(Place(input: input, block: block, entry: entry))
            }
        }
        return places.sorted { a, b in
            if a.entry.firstTime != b.entry.firstTime { return a.entry.firstTime < b.entry.firstTime }
            if a.entry.lowestSequence != b.entry.lowestSequence {
                return a.entry.lowestSequence < b.entry.lowestSequence
            }
            return (a.input, a.block) < (b.input, b.block)
        }
    }

    static func summary(
        _ inputs: [Part], id: Hash128, storeID: Hash128, isUnclean: Bool = false
    ) throws(PartError) -> PartSummary {
        guard let first = inputs.first?.summary else { throw PartError.notWritable(reason: "nothing to merge") }
        var generation: UInt32 = 0
        var summary = PartSummary(id: id, storeID: storeID, tenant: first.tenant, day: first.day, isUnclean: isUnclean)
        for part in inputs {
            let input = part.summary
            guard input.tenant == first.tenant, input.day == first.day else {
                throw PartError.notWritable(
                    reason: "\(part.name) is of \(input.tenant) \(input.day), not of \(first.tenant) \(first.day)")
            }
            generation = max(generation, input.generation)
            summary.coverage.formUnion(input.coverage)
            summary.inputs.append(input.id)
            summary.isUnclean = summary.isUnclean || input.isUnclean
        }
        let (next, overflow) = generation.addingReportingOverflow(1)
        guard !overflow else { throw PartError.notWritable(reason: "generation \(generation) is the last") }
        summary.generation = next
        return summary
    }
}

/// All streams of some parts, each once, and for each part the new ordinals of its streams.
struct StreamUnion {
    private(set) var labels: [LabelSet] = []
    private(set) var ordinals: [[UInt32]] = []

    init(_ parts: [Part]) throws(PartError) {
        var known: [LabelSet: UInt32] = [:]
        for part in parts {
            var map: [UInt32] = []
            for stream in try part.streams() {
                if let ordinal = known[stream.labels] {
                    map.append(ordinal)
                } else {
                    let ordinal = UInt32(labels.count)
                    known[stream.labels] = ordinal
                    labels.append(stream.labels)
                    map.append(ordinal)
                }
            }
            ordinals.append(map)
        }
    }
}
