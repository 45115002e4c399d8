import Bytes
import Model

/// Labels or metadata being collected: pairs sorted by name without repeats. Their bytes lie in one arena, used again
/// and
/// again, each pair in the canonical encoding, so that pairs that came in order are encoded already.
struct PairBuffer: Sendable {
    struct Pair: BitwiseCopyable, Sendable {
        /// Where the encoded pair begins.
        var start: Int
        var nameStart: Int
        var nameCount: Int
        var valueStart: Int
        var valueCount: Int

        var name: Range<Int> { nameStart..<(nameStart &+ nameCount) }
        var value: Range<Int> { valueStart..<(valueStart &+ valueCount) }
        var encoded: Range<Int> { start..<(valueStart &+ valueCount) }
    }

    /// Bytes of all pairs, replaced ones included.
    private(set) var bytes: [UInt8] = []
    /// The pairs in their order.
    private(set) var pairs: [Pair] = []
    /// Whether the arena holds the pairs, all of them and nothing else, in their order.
    private var isInOrder = true
    private var normalised: [UInt8] = []

    var count: Int { pairs.count }

    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        pairs.removeAll(keepingCapacity: true)
        isInOrder = true
    }

    /// Sets `name` to `value`; false when the name was there already and its value was replaced.
    @discardableResult
    mutating func set(name: borrowing ByteSpan, value: borrowing ByteSpan) -> Bool {
        let at = position(of: name)
        let start = bytes.count
        bytes.appendVarint(name.count)
        let nameStart = bytes.count
        bytes.append(span: name)
        bytes.appendVarint(value.count)
        let valueStart = bytes.count
        bytes.append(span: value)
        let pair = Pair(
            start: start, nameStart: nameStart, nameCount: name.count, valueStart: valueStart, valueCount: value.count)
        if at == pairs.count {
            pairs.append(pair)
            return true
        }
        isInOrder = false
        if bytes.span.extracting(pairs[at].name).equals(name) {
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
        if MetadataNames.isNormal(name) {
            guard value.count > 0 else { return true }
            set(name: name, value: value)
        } else {
            normalised.removeAll(keepingCapacity: true)
            guard MetadataNames.appendNormalised(name, to: &normalised) else { return false }
            guard value.count > 0 else { return true }
            let text = normalised
            set(name: text.span, value: value)
        }
        repair(from: bytes.count - value.count)
        return true
    }

    /// Replaces bytes at the arena's end that are not UTF-8 by spaces.
    private mutating func repair(from start: Int) {
        var all: UInt8 = 0
        for index in start..<bytes.count { all |= bytes[index] }
        guard all >= 0x80 else { return }
        var at = start
        while at < bytes.count {
            let size = JSONText.sequenceCount(bytes.span, at)
            if size == 0 { bytes[at] = 0x20 }
            at += max(size, 1)
        }
    }

    /// Position of the pair called `name`, or nil.
    func find(_ name: borrowing ByteSpan) -> Int? {
        let at = position(of: name)
        guard at < pairs.count, bytes.span.extracting(pairs[at].name).equals(name) else { return nil }
        return at
    }

    /// Appends pair `index` in the canonical encoding.
    func encode(_ index: Int, to out: inout [UInt8]) {
        out.append(span: bytes.span.extracting(pairs[index].encoded))
    }

    /// Appends all pairs in the canonical encoding.
    func encode(to out: inout [UInt8]) {
        if isInOrder {
            out.append(span: bytes.span)
        } else {
            for index in 0..<pairs.count { encode(index, to: &out) }
        }
    }

    /// Where `name` is or belongs; names mostly come in order, so the end is tried first.
    @inline(__always)
    private func position(of name: borrowing ByteSpan) -> Int {
        let count = pairs.count
        if count == 0 || bytes.span.extracting(pairs[count - 1].name).compare(name) < 0 { return count }
        return search(name)
    }

    private func search(_ name: borrowing ByteSpan) -> Int {
        var low = 0
        var high = pairs.count - 1
        while low < high {
            let middle = (low + high) / 2
            if bytes.span.extracting(pairs[middle].name).compare(name) < 0 { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
