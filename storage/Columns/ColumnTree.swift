import Bytes

/// Where a stream lies and what it holds.
struct StreamEntry {
    let codec: Codec
    /// In the streams region, or in the tree when `isInline`.
    let range: Range<Int>
    let isInline: Bool
    let rawBytes: Int
    let checksum: UInt32
}

/// How a sequence of integers is stored.
struct IntegerEntry {
    var mode = IntegerMode.constant
    var count = 0
    /// Bits or bytes of one number.
    var width = 0
    var least: Int64 = 0
    /// Largest minus smallest, wrapping.
    var span: UInt64 = 0
    var first: Int64 = 0
    var stream: StreamEntry?

    var most: Int64 { least &+ Int64(bitPattern: span) }
}

/// Texts with holes: for each row or value a shape.
struct ShapeEntry {
    /// Constant texts around the holes, one more than holes; none for metadata.
    var pieces: [[UInt8]] {
        didSet { outline = ShapeOutline(pieces) }
    }
    /// What a search needs to know of the pieces first.
    private(set) var outline: ShapeOutline
    /// Per hole the node of its values; below 0 a reference to the column of lines with number `-1 - slot`.
    var slots: [Int]
    /// Per hole the bytes that its values can have.
    var holeBytes: [ByteSet] = []

    init(pieces: [[UInt8]], slots: [Int]) {
        self.pieces = pieces
        self.slots = slots
        outline = ShapeOutline(pieces)
    }
}

/// The bytes of a shape's pieces: most needles can be told to have no part in them without a closer look.
struct ShapeOutline {
    private var bytes = ByteSet()
    /// First bytes of the pieces behind holes.
    private var firstBytes = ByteSet()
    /// Whether two holes stand side by side, so that a needle can cross from one to the other.
    private var hasEmptyPiece = false

    init(_ pieces: [[UInt8]]) {
        for (index, piece) in pieces.enumerated() {
            for byte in piece { bytes.insert(byte) }
            guard index > 0 else { continue }
            if let first = piece.first {
                firstBytes.insert(first)
            } else if index < pieces.count - 1 {
                hasEmptyPiece = true
            }
        }
    }

    /// Whether a needle may lie in a piece, or across a piece and a hole; false is certain.
    func mayTouch(_ needle: SearchNeedle) -> Bool {
        hasEmptyPiece || bytes.overlaps(needle.first) || firstBytes.overlaps(needle.bytes)
    }
}

/// Shapes and which one each value has. Shape 0 is one hole: the value as it is.
struct ShapeSet {
    var shapes: [ShapeEntry]
    var ids = IntegerEntry()
}

/// What a column's values belong to.
enum ColumnOwner {
    case lines
    case metadata
    /// A variable of one template of a node.
    case template(Int, shape: Int)
    /// Values of a dictionary: one per distinct value, not per row.
    case none
}

/// A column, or the values of a dictionary or of a template's variable.
struct ColumnNode {
    var encoding = ColumnEncoding.constant
    var count = 0
    var owner: ColumnOwner
    var prefix: [UInt8] = []
    var suffix: [UInt8] = []
    /// The text of a constant.
    var text: [UInt8] = []
    /// Digits of a padded number; characters of hexadecimal.
    var width = 0
    var spelling = TimestampText(separator: 0x54, point: 0x2e, places: 0)
    /// Numbers, dictionary numbers, lengths.
    var numbers = IntegerEntry()
    /// Decimal places.
    var places = IntegerEntry()
    var blob: StreamEntry?
    /// The bytes that occur in a raw column; nil when not known.
    var bytes: ByteSet?
    /// Node of the distinct values.
    var child = -1
    var template: ShapeSet?
}

/// One column of lines or metadata.
struct NamedColumn {
    let kind: HoleKind
    let name: [UInt8]
    var node = -1
}

/// The parsed tree of a block: which columns there are and where their streams lie. Nothing is decompressed yet.
struct ColumnTree {
    private(set) var nodes: [ColumnNode] = []
    private(set) var times = IntegerEntry()
    private(set) var streamNumbers = IntegerEntry()
    private(set) var traces = IntegerEntry()
    private(set) var metadataColumns: [NamedColumn] = []
    private(set) var metadata = ShapeSet(shapes: [])
    private(set) var lineColumns: [NamedColumn] = []
    private(set) var lines = ShapeSet(shapes: [])

    /// Per node the bytes that its texts can have.
    private(set) var textBytes: [ByteSet] = []
    /// Per node whether it has templates that refer to other columns.
    private(set) var isReferring: [Bool] = []

    private var reader: ByteReader
    private var streamOffset = 0
    private let streamBytes: Int
    /// Nodes, templates and references so far.
    private var builtCount = 0
    private static let maximumDepth = ColumnLimits.depth + 2

    init(_ head: BlockHead) throws(ColumnError) {
        reader = ByteReader(head.tree)
        streamBytes = head.streamBytes
        do throws(ReadError) {
            times = try integers(head.rows)
            streamNumbers = try integers(head.rows)
            if try reader.byte() == 1 { traces = try integers(head.rows) }
            (metadataColumns, metadata) = try shapeSet(.metadata, rows: head.rows)
            (lineColumns, lines) = try shapeSet(.lines, rows: head.rows)
            guard reader.isAtEnd, streamOffset == streamBytes else {
                throw ReadError("bytes left over", at: reader.offset)
            }
        } catch {
            throw ColumnError("column tree: \(error)")
        }
        isReferring = nodes.map { node in
            node.template?.shapes.contains { shape in shape.slots.contains { $0 < 0 } } ?? false
        }
        textBytes = alphabets()
        noteHoles(&lines)
        for node in nodes.indices where nodes[node].template != nil {
            if var set = nodes[node].template.take() {
                noteHoles(&set)
                nodes[node].template = set
            }
        }
    }

    private func noteHoles(_ set: inout ShapeSet) {
        for shape in set.shapes.indices {
            set.shapes[shape].holeBytes = set.shapes[shape].slots.map { alphabet(ofSlot: $0, textBytes) }
        }
    }

    /// Memory held, about, in bytes.
    var memoryBytes: Int {
        let shapes =
            lines.shapes.count + metadata.shapes.count + nodes.reduce(0) { $0 + ($1.template?.shapes.count ?? 0) }
        return nodes.count * (MemoryLayout<ColumnNode>.stride + 64) + shapes * 512 + 3 * bytes.count
    }

    /// The tree's own bytes, in which inline streams lie.
    var bytes: [UInt8] { reader.bytes }

    private mutating func shapeSet(
        _ owner: ColumnOwner, rows: Int
    ) throws(ReadError) -> ([NamedColumn], ShapeSet) {
        var columns: [NamedColumn] = []
        let columnCount = try reader.count(limit: ColumnLimits.columns)
        for _ in 0..<columnCount {
            guard let kind = HoleKind(rawValue: try reader.byte()) else {
                throw ReadError("unknown kind of column", at: reader.offset)
            }
            columns.append(NamedColumn(kind: kind, name: try reader.prefixed()))
        }
        guard columnCount > 0 else { throw ReadError("no columns", at: reader.offset) }
        var set = ShapeSet(shapes: [ShapeEntry(pieces: [[], []], slots: [0])])
        let isMetadata = if case .metadata = owner { true } else { false }
        for _ in 0..<(try reader.count(limit: ColumnLimits.shapes)) {
            let holes = try reader.count(limit: ColumnLimits.holes)
            var shape = ShapeEntry(pieces: [], slots: [])
            if !isMetadata { shape.pieces = try pieces(holes) }
            for _ in 0..<holes { shape.slots.append(try reader.count(limit: columnCount - 1)) }
            set.shapes.append(shape)
        }
        set.ids = try integers(rows)
        for number in columns.indices {
            columns[number].node = try node(owner, depth: 0, limit: rows * ColumnLimits.holes)
        }
        var isUsed = [Bool](repeating: false, count: columnCount)
        for shape in set.shapes { for number in shape.slots { isUsed[number] = true } }
        // Nothing would bound its values.
        for number in columns.indices where !isUsed[number] && nodes[columns[number].node].count > 0 {
            throw ReadError("column \(number) is in no shape", at: reader.offset)
        }
        for shape in set.shapes.indices {
            set.shapes[shape].slots = set.shapes[shape].slots.map { columns[$0].node }
        }
        return (columns, set)
    }

    private mutating func pieces(_ holes: Int) throws(ReadError) -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        for _ in 0...holes { pieces.append(try reader.prefixed()) }
        return pieces
    }

    private mutating func node(_ owner: ColumnOwner, depth: Int, limit: Int) throws(ReadError) -> Int {
        guard depth <= ColumnTree.maximumDepth else { throw ReadError("columns nested too deep", at: reader.offset) }
        // Those of templates are counted before any of them is read.
        if case .template = owner {} else { try build(1) }
        var node = ColumnNode(owner: owner)
        node.count = try reader.count(limit: limit)
        let index = nodes.count
        nodes.append(node)
        guard node.count > 0 else { return index }
        let code = try reader.byte()
        guard let encoding = ColumnEncoding(rawValue: code & ~ColumnEncoding.affixFlag) else {
            throw ReadError("unknown column encoding", at: reader.offset)
        }
        node.encoding = encoding
        if code & ColumnEncoding.affixFlag != 0 {
            guard encoding.hasAffixes else { throw ReadError("affixes of \(encoding)", at: reader.offset) }
            node.prefix = try reader.prefixed()
            node.suffix = try reader.prefixed()
        }
        switch encoding {
        case .constant: node.text = try reader.prefixed()
        case .integer, .digits, .decimal, .address, .timestamp, .rowTime: try numbers(&node)
        case .hex, .uuid:
            node.width = Int(try reader.byte())
            node.blob = try stream()
        case .dictionary:
            node.numbers = try integers(node.count)
            node.child = try self.node(.none, depth: depth + 1, limit: node.count)
        case .perStream, .perTrace: node.child = try self.node(.none, depth: depth + 1, limit: node.count)
        case .template: try template(&node, index, depth: depth)
        case .raw: try raw(&node)
        case .lines: try text(&node)
        }
        nodes[index] = node
        return index
    }

    private mutating func numbers(_ node: inout ColumnNode) throws(ReadError) {
        if node.encoding == .digits {
            node.width = Int(try reader.byte())
            guard (1...18).contains(node.width) else { throw ReadError("digits of that width", at: reader.offset) }
        }
        if node.encoding == .timestamp || node.encoding == .rowTime {
            node.spelling = TimestampText(
                separator: try reader.byte(), point: try reader.byte(), places: Int(try reader.byte()))
            guard node.spelling.places <= 9 else { throw ReadError("too many decimal places", at: reader.offset) }
        }
        node.numbers = try integers(node.count)
        if node.encoding == .decimal { node.places = try integers(node.count) }
    }

    private mutating func raw(_ node: inout ColumnNode) throws(ReadError) {
        node.encoding = .raw
        node.numbers = try integers(node.count)
        try text(&node)
    }

    private mutating func text(_ node: inout ColumnNode) throws(ReadError) {
        if try reader.byte() == 1 {
            var words = ByteSet.InlineWords(repeating: 0)
            for index in 0..<4 { words[index] = try reader.littleEndian(UInt64.self) }
            node.bytes = ByteSet(words: words)
        }
        node.blob = try stream()
    }

    /// Small bytes can stand for many nodes, each of which takes some hundred in memory.
    private mutating func build(_ count: Int) throws(ReadError) {
        builtCount += count
        guard builtCount <= ColumnLimits.nodes else {
            throw ReadError("more than \(ColumnLimits.nodes) nodes", at: reader.offset)
        }
    }

    private mutating func template(_ node: inout ColumnNode, _ index: Int, depth: Int) throws(ReadError) {
        try build(1)
        var set = ShapeSet(shapes: [ShapeEntry(pieces: [[], []], slots: [])])
        let isLines = if case .lines = node.owner { true } else { false }
        for _ in 0..<(try reader.count(limit: ColumnLimits.templates)) {
            let holes = try reader.count(limit: ColumnLimits.holes)
            try build(1 + holes)
            var shape = ShapeEntry(pieces: try pieces(holes), slots: [])
            for _ in 0..<holes {
                let slot = try reader.count(limit: isLines ? lineColumnLimit : 0)
                shape.slots.append(-slot)
            }
            set.shapes.append(shape)
        }
        set.ids = try integers(node.count)
        var loose = ColumnNode(owner: .template(index, shape: 0))
        loose.count = try reader.count(limit: node.count)
        if loose.count > 0 { try raw(&loose) }
        set.shapes[0].slots = [nodes.count]
        nodes.append(loose)
        for shape in set.shapes.indices.dropFirst() {
            for hole in set.shapes[shape].slots.indices where set.shapes[shape].slots[hole] == 0 {
                set.shapes[shape].slots[hole] = try self.node(
                    .template(index, shape: shape), depth: depth + 1, limit: node.count)
            }
        }
        node.template = set
    }

    /// References are checked where they are followed, since later columns are not known yet.
    private var lineColumnLimit: Int { ColumnLimits.columns }

    private mutating func integers(_ count: Int) throws(ReadError) -> IntegerEntry {
        var entry = IntegerEntry()
        entry.count = count
        guard count > 0 else { return entry }
        guard let mode = IntegerMode(rawValue: try reader.byte()) else {
            throw ReadError("unknown integer mode", at: reader.offset)
        }
        entry.mode = mode
        if mode == .constant {
            entry.least = try reader.zigzag()
            entry.first = entry.least
            return entry
        }
        entry.width = Int(try reader.byte())
        let isPacked = mode == .packed || mode == .deltaPacked
        guard entry.width >= 1, entry.width <= (isPacked ? 64 : 8) else {
            throw ReadError("integers of that width", at: reader.offset)
        }
        entry.least = try reader.zigzag()
        entry.span = try reader.varint()
        if mode == .deltaPacked || mode == .deltaPlanes { entry.first = try reader.zigzag() }
        entry.stream = try stream()
        return entry
    }

    private mutating func stream() throws(ReadError) -> StreamEntry {
        let code = try reader.byte()
        if code == Codec.none.rawValue | ColumnWriter.inlineFlag {
            let range = try reader.prefixedRange()
            return StreamEntry(codec: .none, range: range, isInline: true, rawBytes: range.count, checksum: 0)
        }
        guard let codec = Codec(rawValue: code) else { throw ReadError("unknown codec", at: reader.offset) }
        let raw = try reader.count(limit: Int(UInt32.max))
        let stored = codec == .none ? raw : try reader.count(limit: Int(UInt32.max))
        let checksum = try reader.littleEndian(UInt32.self)
        guard stored <= streamBytes - streamOffset else {
            throw ReadError("stream beyond the block", at: reader.offset)
        }
        let range = streamOffset..<(streamOffset + stored)
        streamOffset += stored
        return StreamEntry(codec: codec, range: range, isInline: false, rawBytes: raw, checksum: checksum)
    }
}
