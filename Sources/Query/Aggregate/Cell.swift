internal import Bytes

/// What is kept of the samples of a window: the least that its function needs and that merges.
enum CellKind: UInt8, Hashable, Sendable, CaseIterable {
    /// How many.
    case count
    /// Bytes of their lines.
    case bytes
    case sum
    case min
    case max
    /// Count, mean and squared distances from it (Welford, merged after Chan et al.).
    case moments
    case first
    case last
    /// Every sample: counters need them all.
    case samples
    /// Every sample; of very many, some that were chosen at random (quantiles).
    case sampled
    /// The different values; of very many, those of some hashes.
    case distinct

    /// Whether samples are kept one by one.
    var keepsSamples: Bool { self == .samples || self == .sampled }
}

/// The samples of one series in one cell of time, put together.
struct Cell: BitwiseCopyable, Hashable, Sendable {
    var index: Int32
    /// Samples; bytes for `bytes`; the time of the value for `first` and `last`.
    var number: Int64 = 0
    /// Sum, extreme, mean or value.
    var a = 0.0
    /// Squared distances for `moments`.
    var b = 0.0

    /// Adds a sample.
    mutating func add(_ kind: CellKind, value: Double, time: Int64, bytes: Int) {
        switch kind {
        case .count: number &+= 1
        case .bytes: number &+= Int64(bytes)
        case .sum:
            number &+= 1
            a += value
        case .min:
            if number == 0 || value < a || a.isNaN { a = value }
            number &+= 1
        case .max:
            if number == 0 || value > a || a.isNaN { a = value }
            number &+= 1
        case .moments: merge(kind, Cell(index: index, number: 1, a: value, b: 0))
        case .first:
            if time < number {
                number = time
                a = value
            }
        case .last:
            if time >= number {
                number = time
                a = value
            }
        case .samples, .sampled, .distinct: break
        }
    }

    /// The cell of a series before its first sample.
    static func empty(_ kind: CellKind, index: Int) -> Cell {
        var cell = Cell(index: Int32(truncatingIfNeeded: index))
        if kind == .first { cell.number = .max }
        if kind == .last { cell.number = .min }
        return cell
    }

    /// Adds what another part of the same time range holds.
    mutating func merge(_ kind: CellKind, _ other: Cell) {
        switch kind {
        case .count, .bytes: number &+= other.number
        case .sum:
            number &+= other.number
            a += other.a
        case .min:
            if number == 0 || other.number > 0 && (other.a < a || a.isNaN) { a = other.a }
            number &+= other.number
        case .max:
            if number == 0 || other.number > 0 && (other.a > a || a.isNaN) { a = other.a }
            number &+= other.number
        case .moments: mergeMoments(other)
        case .first: if other.number < number { (number, a) = (other.number, other.a) }
        case .last: if other.number >= number { (number, a) = (other.number, other.a) }
        case .samples, .sampled, .distinct: break
        }
    }

    private mutating func mergeMoments(_ other: Cell) {
        if other.number == 0 { return }
        if number == 0 {
            (number, a, b) = (other.number, other.a, other.b)
            return
        }
        let total = number &+ other.number
        let delta = other.a - a
        b += other.b + delta * delta * (Double(number) / Double(total)) * Double(other.number)
        // An infinite mean stays, unless the other is infinite the other way or no number.
        let staysInfinite = a.isInfinite && !other.a.isNaN && (other.a.isFinite || (other.a > 0) == (a > 0))
        if !staysInfinite {
            a = other.a.isInfinite ? a + other.a : a + delta * (Double(other.number) / Double(total))
        }
        number = total
    }

    func append(to out: inout [UInt8]) {
        out.appendZigzag(Int64(index))
        out.appendZigzag(number)
        out.appendLittleEndian(a.bitPattern)
        out.appendLittleEndian(b.bitPattern)
    }

    init(index: Int32, number: Int64 = 0, a: Double = 0, b: Double = 0) {
        self.index = index
        self.number = number
        self.a = a
        self.b = b
    }

    init(from reader: inout ByteReader) throws(ReadError) {
        let at = reader.offset
        guard let position = Int32(exactly: try reader.zigzag()) else { throw ReadError("cell out of range", at: at) }
        index = position
        number = try reader.zigzag()
        a = Double(bitPattern: try reader.littleEndian(UInt64.self))
        b = Double(bitPattern: try reader.littleEndian(UInt64.self))
    }
}

/// A sample with its time.
struct TimedValue: BitwiseCopyable, Hashable, Sendable {
    let time: Int64
    let value: Double
}
