import Bytes
import Model

/// Labels or metadata being collected: pairs sorted by name without repeats, their bytes in one arena that is used again.
struct PairBuffer: Sendable {
    struct Pair: BitwiseCopyable, Sendable {
        var nameStart: Int
        var nameCount: Int
        var valueStart: Int
        var valueCount: Int

        var name: Range<Int> { nameStart..<(nameStart + nameCount) }
        var value: Range<Int> { valueStart..<(valueStart + valueCount) }
    }

    /// Bytes of all names and values, those of replaced pairs included.
    private(set) var bytes: [UInt8] = []
    /// The pairs in their order.
    private(set) var pairs: [Pair] = []

    var count: Int { pairs.count }

    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        pairs.removeAll(keepingCapacity: true)
    }

    /// Sets `name` to `value`; false when the name was there already and its value was replaced.
    @discardableResult
    mutating func set(name: borrowing ByteSpan, value: borrowing ByteSpan) -> Bool {
        let nameStart = bytes.count
        bytes.append(span: name)
        return setValue(nameStart: nameStart, value: value)
    }

    /// Sets the name that the caller appended to the arena from `nameStart` on.
    @discardableResult
    private mutating func setValue(nameStart: Int, value: borrowing ByteSpan) -> Bool {
        let valueStart = bytes.count
        bytes.append(span: value)
        let pair = Pair(
            nameStart: nameStart, nameCount: valueStart - nameStart, valueStart: valueStart, valueCount: value.count)
        let at = position(of: bytes.span.extracting(pair.name))
        if at < pairs.count, bytes.span.extracting(pairs[at].name).equals(bytes.span.extracting(pair.name)) {
            pairs[at] = pair
            return false
        }
        pairs.insert(pair, at: at)
        return true
    }

    /// Sets `name` to `value` unless the name is there.
    mutating func setIfAbsent(name: borrowing ByteSpan, value: borrowing ByteSpan) {
        if find(name) == nil { set(name: name, value: value) }
    }

    /// Sets metadata: the name normalised, bytes of the value that are not UTF-8 as spaces; an empty value is absent.
    /// False when the name has nothing to keep.
    mutating func setNormalised(name: borrowing ByteSpan, value: borrowing ByteSpan) -> Bool {
        let nameStart = bytes.count
        guard MetadataNames.appendNormalised(name, to: &bytes) else { return false }
        guard value.count > 0 else {
            bytes.removeSubrange(nameStart...)
            return true
        }
        let valueStart = bytes.count
        setValue(nameStart: nameStart, value: value)
        var at = valueStart
        while at < bytes.count {
            let size = JSONText.sequenceCount(bytes.span, at)
            if size == 0 { bytes[at] = 0x20 }
            at += max(size, 1)
        }
        return true
    }

    /// Position of the pair called `name`, or nil.
    func find(_ name: borrowing ByteSpan) -> Int? {
        let at = position(of: name)
        guard at < pairs.count, bytes.span.extracting(pairs[at].name).equals(name) else { return nil }
        return at
    }

    mutating func remove(at index: Int) {
        pairs.remove(at: index)
    }

    /// Shortens the value of pair `index` to its first `count` bytes.
    mutating func cutValue(_ index: Int, count: Int) {
        pairs[index].valueCount = min(count, pairs[index].valueCount)
    }

    /// Appends pair `index` in the canonical encoding.
    func encode(_ index: Int, to out: inout [UInt8]) {
        let pair = pairs[index]
        out.appendVarint(pair.nameCount)
        out.append(span: bytes.span.extracting(pair.name))
        out.appendVarint(pair.valueCount)
        out.append(span: bytes.span.extracting(pair.value))
    }

    /// Appends all pairs in the canonical encoding.
    func encode(to out: inout [UInt8]) {
        for index in 0..<pairs.count { encode(index, to: &out) }
    }

    /// Where `name` is or belongs; names mostly come in order, so the end is tried first.
    private func position(of name: borrowing ByteSpan) -> Int {
        guard let last = pairs.last else { return 0 }
        if bytes.span.extracting(last.name).compare(name) < 0 { return pairs.count }
        var low = 0
        var high = pairs.count - 1
        while low < high {
            let middle = (low + high) / 2
            if bytes.span.extracting(pairs[middle].name).compare(name) < 0 { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
