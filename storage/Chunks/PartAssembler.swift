import Bytes
import Model

/// Puts blocks, streams, directory, maplet and footer together: the common end of writing and merging.
struct PartAssembler {
    let configuration: PartConfiguration
    let traces: TraceNames
    /// Identity and origin; the counts are filled in at the end.
    var summary: PartSummary
    private(set) var directory = PartDirectory()
    private var pieces: [PartImage.Piece] = []
    private var pairs = TracePairs()
    /// Where the next block begins, in bytes.
    private(set) var offset = PartFormat.headerBytes

    init(configuration: PartConfiguration, summary: PartSummary) throws(PartError) {
        guard configuration.codec.isAvailable else {
            throw PartError.notWritable(reason: "this build of dendro has no \(configuration.codec)")
        }
        self.configuration = configuration
        self.summary = summary
        traces = TraceNames(configuration.indexedNames, seed: summary.id.low)
        pieces.append(.bytes([]))  // the header, which names the oldest reader of what follows
    }

    /// Adds a block that lies at `offset`, its streams by ordinal of the new part, and its trace hashes.
    mutating func add(
        _ piece: PartImage.Piece, _ entry: BlockEntry, streams: some Collection<BlockStream>, traceHashes: [UInt64]
    ) {
        var entry = entry
        entry.offset = offset
        pairs.add(traceHashes, block: directory.blocks.count)
        directory.append(entry, streams: streams)
        pieces.append(piece)
        offset += piece.count
    }

    /// The finished part with `streams`, labels by ordinal.
    mutating func finish(streams labels: [LabelSet]) throws(PartError) -> PartImage {
        guard !directory.blocks.isEmpty else { throw PartError.notWritable(reason: "it has no rows") }
        guard directory.blocks.count <= PartLimits.blocks, labels.count <= PartLimits.streams else {
            throw PartError.notWritable(
                reason: "\(directory.blocks.count) blocks, \(labels.count) streams are too many for one part")
        }
        let hasColumns = directory.blocks.contains { $0.kind == .columns }
        pieces[0] = .bytes(PartFormat.header(id: summary.id, hasColumns: hasColumns))
        let streams = labels.map { PartStream(hash: $0.hash, labels: $0) }
        let tracePairs = pairs.isOverfull ? Int.max : pairs.count
        var ready = TracePairs()
        swap(&ready, &pairs)
        let maplet = try TraceMaplet(
            ready, blockCount: directory.blocks.count, valueSeed: traces.seed, codec: configuration.codec)
        var footer = PartFooter(summary: total())
        footer.tracedRows = directory.blocks.reduce(0) { $0 &+ UInt64($1.tracedRows) }
        footer.streamCount = streams.count
        footer.streams = add(try StreamsRegion.encode(streams, codec: configuration.codec))
        footer.directory = add(try directory.encoded(codec: configuration.codec))
        footer.mapletState = maplet.state
        footer.maplet = maplet.parameters
        footer.pages = add(maplet.pages)
        footer.exceptions = add(maplet.exceptions)
        footer.exceptionIndexBytes = maplet.exceptionIndexBytes
        footer.indexedNames = configuration.indexedNames
        footer.fromLabelNames = configuration.fromLabelNames
        let encoded = footer.encoded()
        guard encoded.count <= PartLimits.footerBytes else {
            throw PartError.notWritable(reason: "footer of \(encoded.count) bytes is too long")
        }
        summary = footer.summary
        summary.fileBytes = UInt64(offset + encoded.count + PartFormat.tailBytes)
        let tail = PartTail(
            footerBytes: encoded.count, footerChecksum: Checksum.crc32c(encoded), fileBytes: summary.fileBytes)
        pieces.append(.bytes(encoded + tail.encoded(hasColumns: hasColumns)))
        return PartImage(
            summary: summary, streamStatistics: directory.totals(streams), mapletState: maplet.state,
            tracePairs: tracePairs, pieces: pieces)
    }

    private mutating func add(_ bytes: [UInt8]) -> Region {
        let region = Region(offset: offset, count: bytes.count)
        pieces.append(.bytes(bytes))
        offset += bytes.count
        return region
    }

    private func total() -> PartSummary {
        var total = summary
        total.blocks = UInt32(directory.blocks.count)
        total.rows = directory.blocks.reduce(0) { $0 &+ UInt64($1.rows) }
        total.rawBytes = directory.blocks.reduce(0) { $0 &+ $1.rawBytes }
        total.firstTime = directory.blocks.reduce(Int64.max) { min($0, $1.firstTime) }
        total.lastTime = directory.blocks.reduce(Int64.min) { max($0, $1.lastTime) }
        return total
    }
}

extension PartDirectory {
    /// What all blocks hold of each stream that has rows.
    func totals(_ streams: [PartStream]) -> [StreamTotals] {
        var totals = streams.map {
            StreamTotals(hash: $0.hash, labels: $0.labels, rows: 0, rawBytes: 0, firstTime: .max, lastTime: .min)
        }
        for stream in blockStreams where Int(stream.ordinal) < totals.count {
            let index = Int(stream.ordinal)
            totals[index].rows &+= UInt64(stream.rows)
            totals[index].rawBytes &+= stream.rawBytes
            totals[index].firstTime = min(totals[index].firstTime, stream.firstTime)
            totals[index].lastTime = max(totals[index].lastTime, stream.lastTime)
        }
        return totals.filter { $0.rows > 0 }
    }
}
