import Bytes

/// Collects a column tree and its streams, in the order of writing.
struct ColumnWriter {
    let codec: Codec
    /// Choices of the block before.
    let plan: ColumnPlan
    /// The tree: encodings, parameters, constants, and of each stream codec, sizes and checksum.
    var tree: [UInt8] = []
    /// Stored streams, one behind the other.
    private(set) var streams: [UInt8] = []
    /// Choices of this block.
    private(set) var choices: [(key: UInt64, choice: ColumnPlan.Choice)] = []
    /// How many nodes the block may still get: templates stop before, see `ColumnLimits.nodes`.
    private(set) var nodesLeft: Int

    init(codec: Codec, plan: ColumnPlan, nodesLeft: Int = ColumnLimits.writtenNodes) {
        self.codec = codec
        self.plan = plan
        self.nodesLeft = nodesLeft
    }

    mutating func countNodes(_ count: Int) { nodesLeft -= count }

    /// Bytes written so far, the tree counted before compression.
    var sizeBytes: Int { tree.count + streams.count }

    /// A fresh writer for a candidate that may be thrown away.
    var candidate: ColumnWriter { ColumnWriter(codec: codec, plan: plan, nodesLeft: nodesLeft) }

    /// Appends what a candidate collected.
    mutating func append(_ other: ColumnWriter) {
        tree.append(contentsOf: other.tree)
        streams.append(contentsOf: other.streams)
        choices.append(contentsOf: other.choices)
        // It began with what was left here.
        nodesLeft = min(nodesLeft, other.nodesLeft)
    }

    /// Takes back what was written since the tree and the streams had these sizes.
    mutating func cut(tree treeBytes: Int, streams streamBytes: Int) {
        tree.removeLast(tree.count - treeBytes)
        streams.removeLast(streams.count - streamBytes)
    }

    mutating func remember(_ key: UInt64, _ method: UInt8, count: Int, sizeBytes: Int) {
        choices.append((key, ColumnPlan.Choice(method: method, count: count, sizeBytes: sizeBytes)))
    }

    /// `bytes` compressed, or nil where that saves less than a thirtieth.
    func compressed(_ bytes: [UInt8]) -> [UInt8]? {
        guard bytes.count > ColumnLimits.inlineBytes, codec != .none else { return nil }
        guard let packed = try? codec.compress(bytes.span) else { return nil }
        return packed.count * 100 < bytes.count * 97 ? packed : nil
    }

    /// Appends `bytes` as a stream, compressed if that is smaller.
    mutating func stream(_ bytes: [UInt8]) {
        stream(bytes, packed: compressed(bytes))
    }

    /// Appends a stream of which the compressed form is known.
    mutating func stream(_ bytes: [UInt8], packed: [UInt8]?) {
        if bytes.count <= ColumnLimits.inlineBytes {
            tree.append(Codec.none.rawValue | ColumnWriter.inlineFlag)
            tree.appendPrefixed(bytes)
            return
        }
        tree.append(packed == nil ? Codec.none.rawValue : codec.rawValue)
        tree.appendVarint(bytes.count)
        let stored = packed ?? bytes
        if packed != nil { tree.appendVarint(stored.count) }
        tree.appendLittleEndian(Checksum.crc32c(stored))
        streams.append(contentsOf: stored)
    }

    /// In a stream's codec byte: its bytes follow in the tree.
    static let inlineFlag: UInt8 = 0x80
}
