internal import Bytes

/// Series by their labels, with their cells: what scans fill and coordinators merge. Keys are canonical label pairs.
struct SeriesTable: Sendable {
    let kind: CellKind
    private var keys: [UInt8] = []
    private var starts: [UInt32] = [0]
    private var slots = [UInt32](repeating: 0, count: 64)
    /// Ascending by index, for each series.
    private(set) var cells: [[Cell]] = []
    /// For kinds that keep samples, in any order until `sortSamples`.
    private(set) var samples: [[TimedValue]] = []
    /// For `CellKind.sampled`: of 2^level samples of a series, one was kept.
    private var levels: [UInt8] = []
    /// For `CellKind.distinct`.
    private(set) var distinct: [DistinctValues] = []
    /// Above it, series of many samples or values are thinned.
    var budgetBytes: Int
    /// Up to this much held, thinning is of no use: all series are small.
    private var idleBytes = 0
    private var coin = Coin()
    /// Memory held, counted as it grows.
    private(set) var heldBytes = 0

    init(_ kind: CellKind, budgetBytes: Int = .max) {
        self.kind = kind
        self.budgetBytes = budgetBytes
    }

    var count: Int { starts.count - 1 }

    func keyRange(_ series: Int) -> Range<Int> { Int(starts[series])..<Int(starts[series + 1]) }

    func key(_ series: Int) -> [UInt8] { [UInt8](keys[keyRange(series)]) }

    /// The series with this key, new or known.
    mutating func intern(_ key: [UInt8]) -> Int { intern(key.span) }

    /// The series with this key, new or known.
    mutating func intern(_ key: borrowing ByteSpan) -> Int {
        let mask = slots.count - 1
        var at = Int(truncatingIfNeeded: Hash.keyed64(key)) & mask
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
        switch kind {
        case .samples: samples.append([])
        case .sampled:
            samples.append([])
            levels.append(0)
        case .distinct: distinct.append(DistinctValues())
        default: break
        }
        slots[at] = UInt32(number + 1)
        heldBytes += key.count + 96
        if count * 2 > slots.count { rehash() }
        return number
    }

    private mutating func rehash() {
        slots = [UInt32](repeating: 0, count: slots.count * 2)
        for number in 0..<count {
            var at = Int(truncatingIfNeeded: Hash.keyed64(keys.span.extracting(keyRange(number)))) & (slots.count - 1)
            while slots[at] != 0 { at = (at + 1) & (slots.count - 1) }
            slots[at] = UInt32(number + 1)
        }
    }

    /// Adds a sample to a cell of a series.
    @inline(__always)
    mutating func add(_ series: Int, cell: Int, value: Double, time: Int64, bytes: Int) {
        if kind.rawValue >= CellKind.samples.rawValue {
            keep(series, Int32(truncatingIfNeeded: cell), TimedValue(time: time, value: value))
            return
        }
        let position = self.position(series, Int32(truncatingIfNeeded: cell))
        cells[series][position].add(kind, value: value, time: time, bytes: bytes)
    }

    /// Keeps a sample or a value of its own.
    private mutating func keep(_ series: Int, _ cell: Int32, _ sample: TimedValue) {
        if kind == .distinct {
            guard distinct[series].insert(cell: cell, hash: sample.value.bitPattern) else { return }
            heldBytes += DistinctValues.itemBytes
        } else {
            if kind == .sampled, levels[series] > 0, !coin.falls(Int(levels[series])) { return }
            samples[series].append(sample)
            heldBytes += MemoryLayout<TimedValue>.stride
        }
        if heldBytes > budgetBytes, kind != .samples { thin() }
    }

    // MARK: Thinning

    /// Whether any series holds some of its samples or values only.
    var isThinned: Bool { levels.contains { $0 > 0 } || distinct.contains { $0.level > 0 } }

    /// Takes half of the largest series until all fit well. What is small is left as it is.
    private mutating func thin() {
        // Where nothing could be taken, all series are looked at again only when there is an eighth more.
        if heldBytes <= idleBytes { return }
        while heldBytes > budgetBytes / 4 * 3 {
            if !thinLargest() {
                idleBytes = heldBytes + heldBytes / 8
                return
            }
        }
        idleBytes = 0
    }

    /// False if nothing was taken.
    private mutating func thinLargest() -> Bool {
        let sizes = kind == .distinct ? distinct.map(\.count) : samples.map(\.count)
        guard let largest = sizes.indices.max(by: { sizes[$0] < sizes[$1] }), sizes[largest] > 1024 else {
            return false
        }
        if kind == .distinct {
            distinct[largest].thin()
            heldBytes -= (sizes[largest] - distinct[largest].count) * DistinctValues.itemBytes
            return distinct[largest].count < sizes[largest]
        }
        thinSamples(largest, to: min(levels[largest] + 1, 62))
        return samples[largest].count < sizes[largest]
    }

    private mutating func thinSamples(_ series: Int, to level: UInt8) {
        guard level > levels[series] else { return }
        let missing = Int(level - levels[series])
        levels[series] = level
        let before = samples[series].count
        var kept: [TimedValue] = []
        for sample in samples[series] where coin.falls(missing) { kept.append(sample) }
        samples[series] = kept
        heldBytes -= (before - kept.count) * MemoryLayout<TimedValue>.stride
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
            merge(series, other.cells[number])
            switch kind {
            case .samples: append(series, other.samples[number])
            case .sampled:
                thinSamples(series, to: other.levels[number])
                let given = Int(other.levels[number])
                let missing = Int(levels[series]) - given
                var more: [TimedValue] = []
                for sample in other.samples[number] where missing <= 0 || coin.falls(missing) { more.append(sample) }
                append(series, more)
                if heldBytes > budgetBytes { thin() }
            case .distinct:
                let before = distinct[series].count
                distinct[series].merge(other.distinct[number])
                heldBytes += (distinct[series].count - before) * DistinctValues.itemBytes
                if heldBytes > budgetBytes { thin() }
            default: break
            }
        }
    }

    /// Adds cells, ascending by index as those of the series are.
    private mutating func merge(_ series: Int, _ more: [Cell]) {
        guard let first = more.first else { return }
        guard let last = cells[series].last, last.index > first.index else {
            // All behind: nothing has to move.
            for cell in more { merge(series, cell) }
            return
        }
        let own = cells[series]
        var merged: [Cell] = []
        merged.reserveCapacity(own.count + more.count)
        var at = 0
        for cell in more {
            while at < own.count, own[at].index < cell.index {
                merged.append(own[at])
                at += 1
            }
            var sum = Cell.empty(kind, index: Int(cell.index))
            if at < own.count, own[at].index == cell.index {
                sum = own[at]
                at += 1
            }
            sum.merge(kind, cell)
            merged.append(sum)
        }
        merged += own[at...]
        heldBytes += (merged.count - own.count) * MemoryLayout<Cell>.stride
        cells[series] = merged
    }

    private mutating func append(_ series: Int, _ more: [TimedValue]) {
        samples[series] += more
        heldBytes += more.count * MemoryLayout<TimedValue>.stride
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
            if kind == .distinct { append(distinct[series], to: &out) }
            guard kind.keepsSamples else { continue }
            if kind == .sampled { out.append(levels[series]) }
            out.appendVarint(samples[series].count)
            for sample in samples[series] {
                out.appendLittleEndian(sample.time)
                out.appendLittleEndian(sample.value.bitPattern)
            }
        }
    }

    private func append(_ values: DistinctValues, to out: inout [UInt8]) {
        out.appendVarint(values.level)
        out.appendVarint(values.count)
        for item in values.items {
            out.appendLittleEndian(UInt32(bitPattern: item.cell))
            out.appendLittleEndian(item.hash)
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
        if kind == .distinct {
            distinct[series].raise(to: try reader.count(limit: 48))
            for _ in 0..<(try reader.count(limit: reader.remaining / 12)) {
                let cell = Int32(bitPattern: try reader.littleEndian(UInt32.self))
                _ = distinct[series].insert(cell: cell, hash: try reader.littleEndian(UInt64.self))
            }
        }
        guard kind.keepsSamples else { return }
        if kind == .sampled { levels[series] = min(try reader.byte(), 62) }
        let sampleCount = try reader.count(limit: reader.remaining / 16)
        for _ in 0..<sampleCount {
            let time = try reader.int64()
            let value = Double(bitPattern: try reader.littleEndian(UInt64.self))
            samples[series].append(TimedValue(time: time, value: value))
        }
    }
}
