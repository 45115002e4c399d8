public import Bytes
public import Files
public import Model
import Synchronization

/// An open part file. Reads exact regions into buffers and compares checksums before use; safe from any thread.
public final class Part: Sendable {
    public let summary: PartSummary
    /// The file's key, for messages.
    public let name: String
    let footer: PartFooter
    let source: PartSource
    private let loadedDirectory = Mutex<PartDirectory?>(nil)
    private let loadedOrdinals = Mutex<StreamOrdinals?>(nil)

    /// Reads and checks header and footer, nothing else.
    public init(file: any File, name: String) throws(PartError) {
        source = PartSource(file: file, name: name)
        self.name = name
        let size = try source.size()
        guard size >= PartFormat.headerBytes + PartFormat.tailBytes else {
            throw PartError.damaged(file: name, region: "tail", offset: 0, reason: "\(size) bytes are no part")
        }
        let tailOffset = size - PartFormat.tailBytes
        let tailBytes = try source.read(at: tailOffset, count: PartFormat.tailBytes)
        let tail = try source.checked(base: tailOffset) { () throws(RegionError) in
            try PartTail(tailBytes, fileBytes: size)
        }
        let headerBytes = try source.read(at: 0, count: PartFormat.headerBytes)
        let id = try source.checked(base: 0) { () throws(RegionError) in try PartFormat.checkHeader(headerBytes) }
        let offset = tailOffset - tail.footerBytes
        let bytes = try source.read(at: offset, count: tail.footerBytes)
        footer = try source.checked(base: offset) { () throws(RegionError) in
            guard Checksum.crc32c(bytes) == tail.footerChecksum else {
                throw RegionError("footer", at: 0, "checksum differs")
            }
            let footer = try PartFooter(bytes, fileBytes: size)
            guard footer.summary.id == id else { throw RegionError("footer", at: 0, "header has another id") }
            return footer
        }
        summary = footer.summary
    }

    /// Rows that carry a value which the trace maplet indexes.
    public var tracedRows: UInt64 { footer.tracedRows }
    /// Whether the part has a trace maplet, and why not.
    public var mapletState: MapletState { footer.mapletState }
    /// Metadata names that the maplet indexes.
    public var indexedNames: [String] { footer.indexedNames }
    /// Names of metadata that were demoted from labels.
    public var fromLabelNames: [String] { footer.fromLabelNames }
    /// Bytes of the streams and directory regions: what planning reads of the part the first time.
    public var planningBytes: Int { footer.streams.count + footer.directory.count }

    /// Hash and labels by ordinal. Reads the file at each call.
    public func streams() throws(PartError) -> [PartStream] {
        let bytes = try source.read(at: footer.streams.offset, count: footer.streams.count)
        return try source.checked(base: footer.streams.offset) { () throws(RegionError) in
            try StreamsRegion.decode(bytes, count: footer.streamCount)
        }
    }

    /// All blocks. Reads the file once and keeps the result as long as the part is open.
    public func directory() throws(PartError) -> PartDirectory {
        if let known = loadedDirectory.withLock({ $0 }) { return known }
        let bytes = try source.read(at: footer.directory.offset, count: footer.directory.count)
        let directory = try source.checked(base: footer.directory.offset) { () throws(RegionError) in
            try PartDirectory(bytes, footer: footer)
        }
        loadedDirectory.withLock { $0 = directory }
        return directory
    }

    /// What the part holds of each stream that has rows.
    public func streamStatistics() throws(PartError) -> [StreamTotals] {
        try directory().totals(try streams())
    }

    /// Block `index`, decoded. With `.times` only times and streams are read.
    public func readBlock(_ index: Int, need: BlockNeed) throws(PartError) -> LoadedBlock {
        let directory = try directory()
        let entry = directory.blocks[index]
        if entry.kind == .columns { return try readColumns(index, entry, need: need) }
        let decoder = try openBlock(index, entry, count: need == .times ? entry.leadBytes : entry.storedBytes)
        let rows = try source.checked(base: entry.offset, prefix: "block \(index) ") { () throws(RegionError) in
            try decoder.rows(need, streams: directory.streams(of: index))
        }
        let raw =
            need == .times
            ? decoder.header[.times].rawBytes + decoder.header[.streams].rawBytes
            : decoder.header.sections.reduce(0) { $0 + $1.rawBytes }
        return LoadedBlock(rows: rows, storedBytes: decoder.bytes.count, rawBytes: raw)
    }

    /// The first `count` bytes of block `index`, with a checked header.
    func openBlock(_ index: Int, _ entry: BlockEntry, count: Int) throws(PartError) -> RowBlockDecoder {
        guard entry.kind == .rows else {
            throw PartError.unsupported(file: name, reason: "block \(index) is of kind \(entry.kind)")
        }
        let bytes = try source.read(at: entry.offset, count: count)
        return try source.checked(base: entry.offset, prefix: "block \(index) ") { () throws(RegionError) in
            try RowBlockDecoder(bytes, entry: entry)
        }
    }

    /// Blocks that may hold rows with one of `values` under an indexed name, ascending; nil when any may.
    /// - Parameters:
    ///   - values: exact bytes; never a false negative, now and then a false positive.
    ///   - names: the names under which the caller looks; if the part does not index them all, any block may hold one.
    public func blocks(
        mayHold values: [[UInt8]], names: [String] = []
    ) throws(PartError) -> (blocks: [Int]?, bytesRead: Int) {
        guard footer.mapletState == .present, names.allSatisfy(footer.indexedNames.contains) else { return (nil, 0) }
        var probe = MapletProbe(footer: footer, source: source)
        var found = Set<Int>()
        for value in values { found.formUnion(try probe.blocks(of: value.span)) }
        return (found.sorted(), probe.bytesRead)
    }

    /// The ordinal of the stream with this hash, or nil.
    func ordinal(of stream: Hash128) throws(PartError) -> UInt32? {
        if let known = loadedOrdinals.withLock({ $0 }) { return known[stream] }
        let ordinals = StreamOrdinals(try streams())
        loadedOrdinals.withLock { $0 = ordinals }
        return ordinals[stream]
    }

    /// Time of the last row of the stream, or nil when the part has none of it.
    public func maximumTime(of stream: Hash128) throws(PartError) -> Int64? {
        guard let ordinal = try ordinal(of: stream) else { return nil }
        var latest: Int64?
        for entry in try directory().blockStreams where entry.ordinal == ordinal {
            latest = max(latest ?? .min, entry.lastTime)
        }
        return latest
    }
}

/// Ordinals by hash, in 24 bytes a stream.
struct StreamOrdinals: Sendable {
    private let sorted: [(hash: Hash128, ordinal: UInt32)]

    init(_ streams: [PartStream]) {
        sorted = streams.enumerated().map { ($0.element.hash, UInt32($0.offset)) }.sorted { $0.0 < $1.0 }
    }

    subscript(hash: Hash128) -> UInt32? {
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = (low + high) / 2
            if sorted[middle].hash < hash { low = middle + 1 } else { high = middle }
        }
        return low < sorted.count && sorted[low].hash == hash ? sorted[low].ordinal : nil
    }
}

/// The file under a part, with the errors of this layer.
struct PartSource: Sendable {
    let file: any File
    let name: String

    func size() throws(PartError) -> Int {
        do throws(FileError) {
            return try file.size()
        } catch {
            throw PartError.unreadable(file: name, error)
        }
    }

    func read(at offset: Int, count: Int) throws(PartError) -> [UInt8] {
        do throws(FileError) {
            return try file.read(at: offset, count: count)
        } catch {
            throw PartError.unreadable(file: name, error)
        }
    }

    /// Runs `body` over bytes that begin at `base`, naming file and offset in what it throws.
    func checked<R>(base: Int, prefix: String = "", _ body: () throws(RegionError) -> R) throws(PartError) -> R {
        do throws(RegionError) {
            return try body()
        } catch {
            var named = error
            named.region = prefix + error.region
            throw named.inFile(name, base: base)
        }
    }
}
