internal import Bytes

/// Label names as small numbers: each distinct name of a scan once. Names of the query itself stay for ever; those met
/// in lines are forgotten when there are too many.
struct NameTable {
    private(set) var bytes: [UInt8] = []
    private var starts: [UInt32] = [0]
    private var slots: [UInt32]
    /// For each name the number of `<name>_extracted`, or `UInt32.max` while unknown.
    private var extracted: [UInt32] = []
    /// All names but the latest in byte order, and the position of each in it.
    private var order: [UInt32] = []
    private var ranks: [UInt32] = []

    /// More names than this are not kept from line to line, nor more bytes of them.
    static let nameLimit = 4096
    static let byteLimit = 8 << 20
    /// So many new names are put in their places; of more all are sorted.
    private static let fewNames = 64
    private static let suffix = [UInt8](text: "_extracted")

    /// Numbers of the two names that every query has.
    static let errorName: UInt32 = 0
    static let errorDetailsName: UInt32 = 1

    /// The table of a new query.
    init() {
        slots = [UInt32](repeating: 0, count: 256)
        _ = intern("__error__")
        _ = intern("__error_details__")
    }

    var count: Int { starts.count - 1 }

    @inline(__always)
    func range(_ name: UInt32) -> Range<Int> { Int(starts[Int(name)])..<Int(starts[Int(name) + 1]) }

    func text(_ name: UInt32) -> String { bytes.span.extracting(range(name)).text }

    /// The number of `name`, new or known.
    mutating func intern(_ name: borrowing ByteSpan) -> UInt32 {
        let mask = slots.count - 1
        var at = Int(truncatingIfNeeded: Hash.keyed64(name)) & mask
        while slots[at] != 0 {
            let known = slots[at] - 1
            let range = range(known)
            if range.count == name.count, bytes.span.extracting(range).equals(name) { return known }
            at = (at + 1) & mask
        }
        let number = UInt32(count)
        bytes.append(span: name)
        starts.append(UInt32(bytes.count))
        extracted.append(.max)
        slots[at] = number + 1
        if count * 2 > slots.count { rehash(slots.count * 2) }
        return number
    }

    mutating func intern(_ name: String) -> UInt32 { intern([UInt8](text: name).span) }

    /// The number of `<name>_extracted`.
    mutating func extracted(_ name: UInt32) -> UInt32 {
        if extracted[Int(name)] != .max { return extracted[Int(name)] }
        var long = [UInt8](copying: bytes.span.extracting(range(name)))
        long.append(contentsOf: NameTable.suffix)
        let number = intern(long.span)
        extracted[Int(name)] = number
        return number
    }

    /// Order of two names by their bytes.
    mutating func rank(_ name: UInt32) -> UInt32 {
        if order.count != count { rankLatest() }
        return ranks[Int(name)]
    }

    /// Lines that each have a name of their own must not sort all names each.
    private mutating func rankLatest() {
        let latest = UInt32(order.count)..<UInt32(count)
        if latest.count > NameTable.fewNames {
            let sorted = (0..<UInt32(count)).sorted { isBefore($0, $1) }
            order = sorted
        } else {
            for name in latest {
                var low = 0
                var high = order.count
                while low < high {
                    let middle = (low + high) / 2
                    if isBefore(order[middle], name) { low = middle + 1 } else { high = middle }
                }
                order.insert(name, at: low)
            }
        }
        ranks.append(contentsOf: repeatElement(0, count: count - ranks.count))
        for (position, name) in order.enumerated() { ranks[Int(name)] = UInt32(position) }
    }

    private func isBefore(_ a: UInt32, _ b: UInt32) -> Bool {
        bytes.span.extracting(range(a)).compare(bytes.span.extracting(range(b))) < 0
    }

    /// Forgets the names from number `kept` on.
    mutating func forget(from kept: Int) {
        guard kept < count else { return }
        starts.removeLast(count - kept)
        bytes.removeLast(bytes.count - Int(starts[kept]))
        extracted.removeLast(extracted.count - kept)
        for index in extracted.indices where extracted[index] != .max && extracted[index] >= UInt32(kept) {
            extracted[index] = .max
        }
        order = []
        ranks = []
        rehash(slots.count)
    }

    private mutating func rehash(_ size: Int) {
        slots = [UInt32](repeating: 0, count: size)
        for number in 0..<UInt32(count) {
            var at = Int(truncatingIfNeeded: Hash.keyed64(bytes.span.extracting(range(number)))) & (size - 1)
            while slots[at] != 0 { at = (at + 1) & (size - 1) }
            slots[at] = number + 1
        }
    }
}
