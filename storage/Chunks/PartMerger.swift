public import Bytes
import Files
import Model

/// One part of several of the same tenant and day: block bytes stay as they are, directory, streams and maplet are made
/// anew. The maplet is rebuilt from the blocks' metadata, one block in memory at a time; every byte that will be copied
/// is compared with its checksum on the way, so that damage does not spread.
public enum PartMerger {
    /// A block of the output: one of the inputs' as it is, or one made of several.
    private enum Output {
        case copied(MergePlace)
        case packed(PackedBlock)

        var entry: BlockEntry {
            switch self {
            case .copied(let place): place.entry
            case .packed(let block): block.entry
            }
        }
    }

    /// - Parameters:
    ///   - inputs: open parts; the image reads from their files, so they must stay open until it is written.
    ///   - isUnclean: the inputs' rows may hold equal ones; true in any case if an input says so.
    ///   - packer: encodes row blocks and under-filled blocks anew; nil: every block is copied.
    public static func merge(
        _ inputs: [Part], configuration: PartConfiguration, id: Hash128, storeID: Hash128, isUnclean: Bool = false,
        packer: BlockPacker? = nil
    ) throws(PartError) -> PartImage {
        var configuration = configuration
        let names = Set(inputs.flatMap(\.fromLabelNames)).union(configuration.fromLabelNames)
        configuration.fromLabelNames = names.sorted()
        var assembler = try PartAssembler(
            configuration: configuration,
            summary: try summary(inputs, id: id, storeID: storeID, isUnclean: isUnclean))
        let streams = try StreamUnion(inputs)
        for output in try outputs(inputs, streams, assembler, packer) {
            switch output {
            case .packed(let block):
                assembler.add(.bytes(block.bytes), block.entry, streams: block.streams, traceHashes: block.traceHashes)
            case .copied(let place):
                try copy(place, of: inputs[place.input], ordinals: streams.ordinals[place.input], to: &assembler)
            }
        }
        return try assembler.finish(streams: streams.labels)
    }

    /// All blocks of the output by first time, then by sequence.
    private static func outputs(
        _ inputs: [Part], _ streams: StreamUnion, _ assembler: PartAssembler, _ packer: BlockPacker?
    ) throws(PartError) -> [Output] {
        let places = try order(inputs)
        guard let packer else { return places.map { .copied($0) } }
        var outputs: [Output] = []
        var isPacked = Set<Int>()
        let configuration = assembler.configuration
        for group in BlockPacker.groups(places, blockRows: configuration.blockRows) {
            let packed = try packer.pack(
                group, of: inputs, ordinals: streams.ordinals, configuration: configuration, traces: assembler.traces)
            guard let packed else { continue }
            outputs.append(.packed(packed))
            for place in group { isPacked.insert(place.input << 32 | place.block) }
        }
        for place in places where !isPacked.contains(place.input << 32 | place.block) {
            outputs.append(.copied(place))
        }
        return outputs.sorted { a, b in
            (a.entry.firstTime, a.entry.lowestSequence) < (b.entry.firstTime, b.entry.lowestSequence)
        }
    }

    private static func copy(
        _ place: MergePlace, of part: Part, ordinals: [UInt32], to assembler: inout PartAssembler
    ) throws(PartError) {
        let hashes = try checkedTraces(part, place.block, place.entry, assembler.traces)
        let blockStreams = try part.directory().streams(of: place.block).map { stream in
            var stream = stream
            stream.ordinal = ordinals[Int(stream.ordinal)]
            return stream
        }
        assembler.add(
            .copy(part.source, offset: place.entry.offset, count: place.entry.storedBytes), place.entry,
            streams: blockStreams, traceHashes: hashes)
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
    private static func order(_ inputs: [Part]) throws(PartError) -> [MergePlace] {
        var places: [MergePlace] = []
        for (input, part) in inputs.enumerated() {
            for (block, entry) in try part.directory().blocks.enumerated() {
                places.append(MergePlace(input: input, block: block, entry: entry))
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
