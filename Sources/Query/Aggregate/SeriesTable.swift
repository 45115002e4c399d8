internal import Bytes

/// Series by their labels, with their cells: what scans fill and coordinators merge. Keys are canonical label pairs.
struct SeriesTable: Sendable {
    let kind: CellKind
    private var keys: [UInt8] = []
    private var starts: [UInt32] = [0]
    private var slots = [UInt32](repeating: 0, count: 64)
    /// Ascending by index, for each series.
    private(set) var cells: [[Cell]] = []
    /// For `CellKind.samples`, in any order until `sortSamples`.
    private(set) var samples: [[TimedValue]] = []
    /// Memory held, counted as it grows.
    private(set) var heldBytes = 0

    init(_ kind: CellKind) {
        self.kind = kind
    }

    var count: Int { starts.count - 1 }

    func keyRange(_ series: Int) -> Range<Int> { Int(starts[series])..<Int(starts[series + 1]) }

    func key(_ series: Int) -> [UInt8] { [UInt8](keys[keyRange(series)]) }

    /// The series with this key, new or known.
    mutating func intern(_ key: [UInt8]) -> Int { intern(key.span) }

    /// The series with this key, new or known.
    mutating func intern(_ key: borrowing ByteSpan) -> Int {
        let mask = slots.count - 1
        var at = Int(truncatingIfNeeded: Hash.hash64(key)) & mask
        while slots[at] != 0 {
            let known = Int(slots[at]) - 1
            let range = keyRange(known)
            if range.count == key.count, keys.span.extracting(range).equals(key) { return known }
            at = (at + 1) & mask
        }
        let number = count
        keys.append(span: key)
        starts.append(UInt32(truncatingIfNeeded: keys.count))
        cells.append([])
        if kind == .samples { samples.append([]) }
        slots[at] = UInt32(number + 1)
        heldBytes += key.count + 96
        if count * 2 > slots.count { rehash() }
        return number
    }

    private mutating func rehash() {
        slots = [UInt32](repeating: 0, count: slots.count * 2)
        for number in 0..<count {
            var at = Int(truncatingIfNeeded: Hash.hash64(keys.span.extracting(keyRange(number)))) & (slots.count - 1)
            while slots[at] != 0 { at = (at + 1) & (slots.count - 1) }
            slots[at] = UInt32(number + 1)
        }
    }

    /// Adds a sample to a cell of a series.
    @inline(__always)
    mutating func add(_ series: Int, cell: Int, value: Double, time: Int64, bytes: Int) {
        if kind == .samples {
            samples[series].append(TimedValue(time: time, value: value))
            heldBytes += 16
            return
        }
        let position = self.position(series, Int32(truncatingIfNeeded: cell))
        cells[series][position].add(kind, value: value, time: time, bytes: bytes)
    }

    /// Adds a whole cell to a series.
    mutating func merge(_ series: Int, _ cell: Cell) {
        let position = self.position(series, cell.index)
        cells[series][position].merge(kind, cell)
    }

    /// Where the cell stands, made if it is new. Samples come mostly in order of time, up or down.
    @inline(__always)
    private mutating func position(_ series: Int, _ index: Int32) -> Int {
        let count = cells[series].count
        if count > 0, cells[series][count - 1].index == index { return count - 1 }
        return newPosition(series, index)
    }

    private mutating func newPosition(_ series: Int, _ index: Int32) -> Int {
        var low = 0
        var high = cells[series].count
        if high > 0, cells[series][high - 1].index < index { low = high }
        while low < high {
            let middle = (low + high) / 2
            if cells[series][middle].index < index { low = middle + 1 } else { high = middle }
        }
        if low == cells[series].count || cells[series][low].index != index {
            cells[series].insert(Cell.empty(kind, index: Int(index)), at: low)
            heldBytes += MemoryLayout<Cell>.stride
        }
        return low
    }

    /// Adds all series of another table of the same kind.
    mutating func merge(_ other: borrowing SeriesTable) {
        for number in 0..<other.count {
            let series = intern(other.keys.span.extracting(other.keyRange(number)))
            for cell in other.cells[number] { merge(series, cell) }
            if kind == .samples {
                samples[series] += other.samples[number]
                heldBytes += other.samples[number].count * 16
            }
        }
    }

    /// Puts samples in order of time, where they are not.
    mutating func sortSamples(_ meter: WorkMeter) throws(QueryError) {
        for series in samples.indices {
            try meter.spend(samples[series].count)
            if SeriesTable.isSorted(samples[series]) { continue }
            try meter.spend(samples[series].count &* 8)
            samples[series].sort { $0.time < $1.time }
        }
    }

    private static func isSorted(_ samples: [TimedValue]) -> Bool {
        for position in samples.indices.dropFirst() where samples[position].time < samples[position - 1].time {
            return false
        }
        return true
    }

    // MARK: Bytes

    func append(to out: inout [UInt8]) {
        out.append(kind.rawValue)
        out.appendVarint(count)
        for series in 0..<count {
            out.appendPrefixed(key(series))
            out.appendVarint(cells[series].count)
            for cell in cells[series] { cell.append(to: &out) }
            guard kind == .samples else { continue }
            out.appendVarint(samples[series].count)
            for sample in samples[series] {
                out.appendLittleEndian(sample.time)
                out.appendLittleEndian(sample.value.bitPattern)
            }
        }
    }

    init(from reader: inout ByteReader) throws(ReadError) {
        let at = reader.offset
        guard let kind = CellKind(rawValue: try reader.byte()) else { throw ReadError("unknown kind of cells", at: at) }
        self.init(kind)
        let count = try reader.count(limit: reader.remaining)
        for _ in 0..<count { try readSeries(&reader) }
    }

    private mutating func readSeries(_ reader: inout ByteReader) throws(ReadError) {
        let series = intern(try reader.prefixed())
        let cellCount = try reader.count(limit: reader.remaining)
        for _ in 0..<cellCount {
            let cell = try Cell(from: &reader)
            merge(series, cell)
        }
        guard kind == .samples else { return }
        let sampleCount = try reader.count(limit: reader.remaining / 16)
        for _ in 0..<sampleCount {
            let time = try reader.int64()
            let value = Double(bitPattern: try reader.littleEndian(UInt64.self))
            add(series, cell: 0, value: value, time: time, bytes: 0)
        }
    }
}
