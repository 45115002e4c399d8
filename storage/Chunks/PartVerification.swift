import Bytes
public import Files
import Model

extension Part {
    /// Everything that is wrong with the file, in the order of its regions; empty when it is sound.
    /// - Parameter deep: also decode every row and compare it with the directory, the labels with their hashes and the
    ///   indexed values with the maplet.
    public static func verify(file: any File, name: String, deep: Bool) -> [PartError] {
        do throws(PartError) {
            return try Part(file: file, name: name).verify(deep: deep)
        } catch {
            return [error]
        }
    }

    /// The same for a part that is open already. Header and footer were checked when it was opened.
    public func verify(deep: Bool) -> [PartError] {
        var problems: [PartError] = []
        func attempt<R>(_ body: () throws(PartError) -> R) -> R? {
            do throws(PartError) {
                return try body()
            } catch {
                problems.append(error)
                return nil
            }
        }
        if let streams = attempt({ () throws(PartError) in try self.streams() }), deep {
            _ = attempt { () throws(PartError) in try checkHashes(streams) }
        }
        let directory = attempt { () throws(PartError) in try self.directory() }
        for (index, entry) in (directory?.blocks ?? []).enumerated() {
            _ = attempt { () throws(PartError) in
                try checkBytes(index, entry)
                if deep { try checkRows(index, entry) }
            }
        }
        if let directory { _ = attempt { () throws(PartError) in try checkTotals(directory) } }
        for page in 0..<((footer.pages.count + MapletPage.fullBytes - 1) / MapletPage.fullBytes) {
            _ = attempt { () throws(PartError) in try checkPage(page) }
        }
        _ = attempt { () throws(PartError) in try checkExceptions() }
        if deep, problems.isEmpty, let directory { _ = attempt { () throws(PartError) in try checkMaplet(directory) } }
        return problems
    }

    private func damaged(_ region: String, at offset: Int, _ reason: String) -> PartError {
        .damaged(file: name, region: region, offset: offset, reason: reason)
    }

    private func checkHashes(_ streams: [PartStream]) throws(PartError) {
        for (ordinal, stream) in streams.enumerated() where stream.labels.hash != stream.hash {
            throw damaged("streams", at: footer.streams.offset, "stream \(ordinal) has another hash than its labels")
        }
    }

    private func checkTotals(_ directory: PartDirectory) throws(PartError) {
        let rows = directory.blocks.reduce(UInt64(0)) { $0 &+ UInt64($1.rows) }
        let raw = directory.blocks.reduce(UInt64(0)) { $0 &+ $1.rawBytes }
        let traced = directory.blocks.reduce(UInt64(0)) { $0 &+ UInt64($1.tracedRows) }
        let first = directory.blocks.map(\.firstTime).min() ?? 0
        let last = directory.blocks.map(\.lastTime).max() ?? 0
        guard rows == summary.rows, raw == summary.rawBytes, first == summary.firstTime, last == summary.lastTime,
            traced == footer.tracedRows
        else { throw damaged("directory", at: footer.directory.offset, "blocks do not add up to the footer") }
    }

    /// Compares every byte of a block with its checksum.
    func checkBytes(_ index: Int, _ entry: BlockEntry) throws(PartError) {
        if entry.kind == .columns { return try checkColumns(index, entry) }
        let decoder = try openBlock(index, entry, count: entry.storedBytes)
        try source.checked(base: entry.offset, prefix: "block \(index) ") { () throws(RegionError) in
            for section in RowSection.allCases { _ = try decoder.checked(section) }
        }
    }

    private func checkRows(_ index: Int, _ entry: BlockEntry) throws(PartError) {
        let block = try readBlock(index, need: .rows)
        let names = TraceNames(footer.indexedNames, seed: 0)
        var expected: [UInt32: BlockStream] = [:]
        for stream in try directory().streams(of: index) { expected[stream.ordinal] = stream }
        var found: [UInt32: BlockStream] = [:]
        var traced = 0
        block.rows.read { entries, arena in
            var hashes: [UInt64] = []
            for row in 0..<entries.count {
                let at = entries[row]
                let size = UInt64(at.lineCount) + UInt64(at.metadataCount)
                var stream =
                    found[at.stream]
                    ?? BlockStream(
                        ordinal: at.stream, rows: 0, rawBytes: 0, firstTime: at.time, lastTime: at.time)
                stream.rows += 1
                stream.rawBytes += size
                stream.lastTime = at.time
                found[at.stream] = stream
                hashes.removeAll(keepingCapacity: true)
                if names.collect(arena, at.metadata, into: &hashes) { traced += 1 }
            }
        }
        let rows = block.rows
        guard expected == found, traced == entry.tracedRows, rows.entries[0].time == entry.firstTime,
            rows.entries[rows.count - 1].time == entry.lastTime
        else { throw damaged("block \(index) rows", at: entry.offset, "rows are not what the directory says") }
        guard try isCounted(index, entry) else {
            throw damaged("block \(index) counts", at: entry.offset, "rows are not what the counts say")
        }
    }

    private func checkPage(_ number: Int) throws(PartError) {
        let offset = footer.pages.offset + number * MapletPage.fullBytes
        let bytes = try source.read(at: offset, count: min(MapletPage.fullBytes, footer.pages.end - offset))
        guard MapletPage.isSound(bytes) else { throw damaged("maplet page \(number)", at: offset, "checksum differs") }
    }

    private func checkExceptions() throws(PartError) {
        guard footer.exceptions.count > 0 else { return }
        let bytes = try source.read(at: footer.exceptions.offset, count: footer.exceptions.count)
        try source.checked(base: footer.exceptions.offset) { () throws(RegionError) in
            var offset = 0
            while offset < bytes.count {
                let frame = try Frame.read(bytes, at: offset, region: "exceptions")
                if offset == 0, frame.end != footer.exceptionIndexBytes {
                    throw RegionError("exceptions", at: 0, "index is not as long as the footer says")
                }
                offset = frame.end
            }
        }
    }

    /// Every indexed value of every row must lead to its block.
    private func checkMaplet(_ directory: PartDirectory) throws(PartError) {
        guard footer.mapletState == .present else { return }
        var probe = MapletProbe(footer: footer, source: source)
        for (index, entry) in directory.blocks.enumerated() where entry.tracedRows > 0 {
            let values = try indexedValues(index)
            for value in values {
                guard try probe.blocks(of: value.span).contains(index) else {
                    throw damaged("maplet", at: footer.pages.offset, "misses a value of block \(index)")
                }
            }
        }
    }

    private func indexedValues(_ index: Int) throws(PartError) -> Set<[UInt8]> {
        let names = footer.indexedNames.map { [UInt8](text: $0) }
        var values = Set<[UInt8]>()
        try readBlock(index, need: .rows).rows.read { entries, arena in
            for row in 0..<entries.count {
                for name in names {
                    if let range = LabelSet.range(of: name.span, in: arena, entries[row].metadata) {
                        values.insert([UInt8](copying: arena.extracting(range)))
                    }
                }
            }
        }
        return values
    }
}
