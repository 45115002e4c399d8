import Bytes
import Model
import Receive
import Wire

/// Attributes as flat pairs of names and texts, in the order in which they came. Maps are flattened with `_`; null is
/// dropped. Collecting ends one pair or byte beyond what an entry may carry: the builder then sees that it is too much.
struct OTLPAttributes {
    private struct Pair: BitwiseCopyable {
        var nameStart: Int
        var valueStart: Int
        var end: Int
    }

    private let pairsLimit: Int
    private let bytesLimit: Int
    private var bytes: [UInt8] = []
    private var pairs: [Pair] = []
    /// Name of the value at hand with those of the maps around it.
    private var path: [UInt8] = []

    init(_ limits: Limits) {
        pairsLimit = limits.metadataPairs.value
        bytesLimit = limits.metadataBytes.value
    }

    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        pairs.removeAll(keepingCapacity: true)
        path.removeAll(keepingCapacity: true)
    }

    private var isFull: Bool { pairs.count > pairsLimit || bytes.count > bytesLimit }

    /// Key and value of a `KeyValue` message.
    static func pair(
        _ body: borrowing ByteSpan, _ range: Range<Int>
    ) throws(ProtobufError) -> (key: Range<Int>, value: Range<Int>) {
        var key = range.lowerBound..<range.lowerBound
        var value = key
        var fields = ProtobufReader(range)
        while let field = try fields.next(in: body) {
            guard case .bytes(let start, let count) = field.content else { continue }
            if field.number == 1 { key = start..<(start + count) }
            if field.number == 2 { value = start..<(start + count) }
        }
        return (key, value)
    }

    /// Adds a `KeyValue` message.
    mutating func add(_ body: borrowing ByteSpan, _ range: Range<Int>, depth: Int) throws(ProtobufError) {
        guard !isFull else { return }
        let (key, value) = try OTLPAttributes.pair(body, range)
        let outer = path.count
        if outer > 0 { path.append(0x5f) }
        path.append(span: body.extracting(key.lowerBound..<min(key.upperBound, key.lowerBound + bytesLimit + 1)))
        defer { path.removeSubrange(outer...) }
        switch try OTLPValue(body, value) {
        case .none: return
        case .map(let items):
            guard depth > 1 else { throw OTLPValue.tooDeep(at: items.lowerBound) }
            guard path.count <= bytesLimit else { return begin() }
            var fields = ProtobufReader(items)
            while let field = try fields.next(in: body) {
                if field.number == 1, let item = field.range { try add(body, item, depth: depth - 1) }
            }
        case let scalar:
            begin()
            try scalar.append(to: &bytes, in: body, depth: depth)
            end()
        }
    }

    /// Begins a pair named `path`.
    private mutating func begin() {
        let start = bytes.count
        bytes.append(contentsOf: path)
        pairs.append(Pair(nameStart: start, valueStart: bytes.count, end: bytes.count))
    }

    private mutating func end() {
        pairs[pairs.count - 1].end = bytes.count
    }

    private mutating func begin(_ name: [UInt8]) {
        let start = bytes.count
        bytes.append(contentsOf: name)
        pairs.append(Pair(nameStart: start, valueStart: bytes.count, end: bytes.count))
    }

    /// Adds text unless it is empty.
    mutating func add(_ name: [UInt8], value: borrowing ByteSpan) {
        guard value.count > 0, !isFull else { return }
        begin(name)
        bytes.append(span: value)
        end()
    }

    /// Adds a number unless it is 0.
    mutating func add(_ name: [UInt8], number: UInt64) {
        guard number != 0, !isFull else { return }
        begin(name)
        OTLPValue.append(decimal: number, to: &bytes)
        end()
    }

    /// Adds an identifier in hexadecimal digits unless it is empty or zero.
    mutating func add(_ name: [UInt8], hex: borrowing ByteSpan) {
        var all: UInt8 = 0
        for index in 0..<min(hex.count, 64) { all |= hex[index] }
        guard all != 0, !isFull else { return }
        begin(name)
        for index in 0..<min(hex.count, 64) {
            bytes.append(OTLPAttributes.digit(hex[index] >> 4))
            bytes.append(OTLPAttributes.digit(hex[index] & 15))
        }
        end()
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? value &+ 0x30 : value &+ 0x57 }

    /// Hands all pairs to the entry being begun.
    func give(to builder: inout BatchBuilder) {
        let all = bytes.span
        for pair in pairs {
            builder.addMetadata(
                name: all.extracting(pair.nameStart..<pair.valueStart),
                value: all.extracting(pair.valueStart..<pair.end))
        }
    }
}
