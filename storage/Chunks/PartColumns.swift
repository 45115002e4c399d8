import Bytes
public import Columns
import Model

extension Part {
    /// The columns of block `index`, read as they are asked for; nil for a row block.
    /// - Parameter head: what `columnHead` gave for the block before; nil to read it.
    public func openColumns(_ index: Int, head known: ColumnHead? = nil) throws(PartError) -> ColumnBlockReader? {
        let entry = try directory().blocks[index]
        guard entry.kind == .columns else { return nil }
        let head: ColumnHead
        if let known { head = known } else { head = try columnHead(index) }
        // The streams follow the head.
        let streams = FileStreams(source: source, offset: entry.offset + entry.leadBytes)
        return try source.checked(base: entry.offset, prefix: "block \(index) ") { () throws(RegionError) in
            try Part.columns { () throws(ColumnError) in
                try ColumnBlockReader(head: head, source: streams, limitBytes: Int(clamping: entry.rawBytes))
            }
        }
    }

    /// The parsed head of column block `index`.
    public func columnHead(_ index: Int) throws(PartError) -> ColumnHead {
        let entry = try directory().blocks[index]
        guard entry.kind == .columns else { throw notColumns(index, entry) }
        let bytes = try source.read(at: entry.offset, count: entry.leadBytes)
        return try source.checked(base: entry.offset, prefix: "block \(index) ") { () throws(RegionError) in
            let header = try ColumnBlockHeader(bytes, entry: entry)
            try header.check(.head, bytes)
            return try Part.columns { () throws(ColumnError) in try ColumnHead(Array(bytes[header.range(.head)])) }
        }
    }

    /// The trigrams of block `index`, which tell what its lines cannot contain; nothing else is read. Nil for a row
    /// block, which has none.
    public func trigrams(_ index: Int) throws(PartError) -> TrigramSet? {
        try region(.trigrams, of: index) { (bytes, _) throws(ColumnError) in try TrigramSet(bytes) }
    }

    /// How many rows of block `index` are alike; nothing else is read. Nil for a block without counts.
    public func rowCounts(_ index: Int) throws(PartError) -> RowCounts? {
        let numbered = try directory().streams(of: index)
        return try region(.counts, of: index) { (bytes, entry) throws(ColumnError) in
            try Part.rowCounts(bytes, entry, numbered)
        }
    }

    /// How many rows of block `index` lie in each span of time; nothing else is read. Nil for a block without it.
    public func volume(_ index: Int) throws(PartError) -> VolumeHistogram? {
        let numbered = try directory().streams(of: index)
        return try region(.volume, of: index) { (bytes, entry) throws(ColumnError) in
            try Part.volume(bytes, entry, numbered)
        }
    }

    /// A histogram that adds up to what the directory says; an empty one where the block has too many streams.
    private static func volume(
        _ bytes: [UInt8], _ entry: BlockEntry, _ streams: ArraySlice<BlockStream>
    ) throws(ColumnError) -> VolumeHistogram {
        let volume = try VolumeHistogram(bytes)
        guard volume.bucketCount == 0 || volume.totals == streams.map({ Int($0.rows) }) else {
            throw ColumnError("volume does not add up to the block")
        }
        return volume
    }

    /// Counts that add up to what the directory says; none where the block has too many kinds of rows.
    private static func rowCounts(
        _ bytes: [UInt8], _ entry: BlockEntry, _ streams: ArraySlice<BlockStream>
    ) throws(ColumnError) -> RowCounts {
        let counts = try RowCounts(bytes)
        if counts.groups.isEmpty { return counts }
        var left = streams.map { Int($0.rows) }
        for group in counts.groups {
            guard Int(group.stream) < left.count else { throw ColumnError("counts of a stream that is not there") }
            left[Int(group.stream)] -= Int(group.rows)
        }
        guard left.allSatisfy({ $0 == 0 }) else { throw ColumnError("counts do not add up to the block") }
        return counts
    }

    /// A section of block `index`, read by itself; nil if the block has none. The section carries its own checksum.
    private func region<R>(
        _ section: ColumnSection, of index: Int, _ parse: ([UInt8], BlockEntry) throws(ColumnError) -> R
    ) throws(PartError) -> R? {
        let entry = try directory().blocks[index]
        guard entry.kind == .columns else { return nil }
        let front = try source.read(at: entry.offset, count: min(ColumnBlockHeader.maximumBytes, entry.storedBytes))
        let header = try source.checked(base: entry.offset, prefix: "block \(index) ") { () throws(RegionError) in
            try ColumnBlockHeader(front, entry: entry)
        }
        guard header.sections.contains(section) else { return nil }
        let range = header.range(section)
        let bytes = try source.read(at: entry.offset + range.lowerBound, count: range.count)
        return try source.checked(base: entry.offset, prefix: "block \(index) ") { () throws(RegionError) in
            try Part.columns { () throws(ColumnError) in try parse(bytes, entry) }
        }
    }

    /// All rows of a column block, or times and streams of them.
    func readColumns(_ index: Int, _ entry: BlockEntry, need: BlockNeed) throws(PartError) -> LoadedBlock {
        let ordinals = try directory().streams(of: index).map(\.ordinal)
        guard need == .rows else {
            guard var reader = try openColumns(index) else { throw notColumns(index, entry) }
            let rows = try source.checked(base: entry.offset, prefix: "block \(index) ") { () throws(RegionError) in
                try Part.columns { () throws(ColumnError) in try reader.timesOnly(ordinals: ordinals) }
            }
            return LoadedBlock(
                rows: rows, storedBytes: entry.leadBytes + reader.storedBytesRead, rawBytes: reader.rawBytesRead)
        }
        let bytes = try source.read(at: entry.offset, count: entry.storedBytes)
        return try source.checked(base: entry.offset, prefix: "block \(index) ") { () throws(RegionError) in
            let header = try ColumnBlockHeader(bytes, entry: entry)
            try header.check(.head, bytes)
            return try Part.columns { () throws(ColumnError) in
                var reader = try ColumnBlockReader(
                    head: Array(bytes[header.range(.head)]), streams: Array(bytes[header.range(.streams)]),
                    limitBytes: Int(clamping: entry.rawBytes))
                reader.ordinals = ordinals
                return LoadedBlock(
                    rows: try reader.rows(), storedBytes: bytes.count, rawBytes: Int(clamping: entry.rawBytes))
            }
        }
    }

    /// Some rows of a column block, ascending; their streams are the block's own numbers.
    func columnRows(_ index: Int, at rows: [Int]) throws(PartError) -> Rows {
        let entry = try directory().blocks[index]
        guard var reader = try openColumns(index) else { throw notColumns(index, entry) }
        return try source.checked(base: entry.offset, prefix: "block \(index) ") { () throws(RegionError) in
            try Part.columns { () throws(ColumnError) in try reader.rows(at: rows) }
        }
    }

    /// Compares every byte of a column block with its checksum, and reads its trigrams, counts and
    /// volume.
    func checkColumns(_ index: Int, _ entry: BlockEntry) throws(PartError) {
        let streams = try directory().streams(of: index)
        let bytes = try source.read(at: entry.offset, count: entry.storedBytes)
        try source.checked(base: entry.offset, prefix: "block \(index) ") { () throws(RegionError) in
            let header = try ColumnBlockHeader(bytes, entry: entry)
            for section in header.sections { try header.check(section, bytes) }
            try Part.columns { () throws(ColumnError) in
                _ = try TrigramSet(Array(bytes[header.range(.trigrams)]))
                guard header.sections.contains(.counts) else { return }
                let counts = try Part.rowCounts(Array(bytes[header.range(.counts)]), entry, streams)
                for name in counts.names { _ = try counts.values(of: name) }
                guard header.sections.contains(.volume) else { return }
                _ = try Part.volume(Array(bytes[header.range(.volume)]), entry, streams)
            }
        }
    }

    /// Whether the rows of a block are what its counts and its volume say, if it has any.
    func isCounted(_ index: Int, _ entry: BlockEntry) throws(PartError) -> Bool {
        guard let counts = try rowCounts(index), var reader = try openColumns(index) else { return true }
        let volume = try volume(index)
        return try source.checked(base: entry.offset, prefix: "block \(index) ") { () throws(RegionError) in
            try Part.columns { () throws(ColumnError) in
                guard try reader.confirms(counts) else { return false }
                return try volume?.isOf(times: reader.times(), streams: reader.streams()) ?? true
            }
        }
    }

    /// Adds the hashes of all values that `traces` names, without rebuilding rows where metadata stands in columns.
    func collectColumnTraces(_ index: Int, _ traces: TraceNames, into hashes: inout [UInt64]) throws(PartError) {
        let entry = try directory().blocks[index]
        guard var reader = try openColumns(index) else { throw notColumns(index, entry) }
        if reader.hasWholeMetadata {
            try readColumns(index, entry, need: .rows).rows.read { entries, arena in
                for row in 0..<entries.count { _ = traces.collect(arena, entries[row].metadata, into: &hashes) }
            }
            return
        }
        for name in traces.names {
            let content = try source.checked(base: entry.offset, prefix: "block \(index) ") { () throws(RegionError) in
                try Part.columns { () throws(ColumnError) in try reader.metadataColumn(name, asTexts: true) }
            }
            guard case .texts(let bytes, let ends, _)? = content?.values else { continue }
            var start = 0
            for end in ends {
                hashes.append(TraceNames.hash(bytes.span.extracting(start..<Int(end)), seed: traces.seed))
                start = Int(end)
            }
        }
    }

    private func notColumns(_ index: Int, _ entry: BlockEntry) -> PartError {
        .damaged(file: name, region: "block \(index)", offset: entry.offset, reason: "is no column block")
    }

    /// Runs `body` with the errors of this layer.
    static func columns<R>(_ body: () throws(ColumnError) -> R) throws(RegionError) -> R {
        do throws(ColumnError) {
            return try body()
        } catch {
            throw RegionError("columns", at: 0, error.description)
        }
    }
}
