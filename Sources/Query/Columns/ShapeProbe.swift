internal import Bytes
internal import Columns
internal import Model

/// Where the lines of a shape have the value of a label.
enum LabelSource: Hashable {
    /// The parser finds no such label in lines of the shape.
    case absent
    case constant([UInt8])
    /// A column of lines; `isString` for the inside of a JSON string.
    case column(Int, isString: Bool)
}

/// Where lines of each shape of a block have the values of some names.
final class ShapeSources: Sendable {
    /// Per shape the source of each name; nil where only the lines tell.
    let sources: [[LabelSource]?]
    /// The columns of lines among the sources.
    let columns: [Int]

    init(_ sources: [[LabelSource]?]) {
        self.sources = sources
        var columns: Set<Int> = []
        for case .column(let number, _) in sources.lazy.compactMap({ $0 }).joined() { columns.insert(number) }
        self.columns = columns.sorted()
    }

    /// Memory held, about, in bytes.
    var memoryBytes: Int {
        var size = 128 + columns.count * 8
        for source in sources.lazy.compactMap({ $0 }).joined() {
            size += MemoryLayout<LabelSource>.stride
            if case .constant(let text) = source { size += 32 + text.count }
        }
        return size + sources.count * 48
    }
}

/// Finds out what a parser makes of all lines of a shape by running it on one line of that shape, with marked values
/// in the holes: what it does depends on keys and structure only, and those are the shape.
struct ShapeProbe {
    private var runner: EntryRunner
    private var line: [UInt8] = []
    private static let noLabels = LabelSet(canonical: [])
    /// What marked values begin with: strings, and numbers.
    private static let stringMark = [UInt8](text: "~hole~")
    private static let numberMark = [UInt8](text: "8190027")
    /// Holes are counted from it, for numbers of equal length.
    private static let firstHole = 1000

    /// - Parameter parser: a pipeline whose only stage is a JSON parser.
    init(_ parser: Pipeline) {
        runner = EntryRunner(parser)
    }

    /// The source of each of `names`; nil where the parser fails or the shape does not tell.
    mutating func sources(_ shape: LineShape, _ names: [UInt32]) -> [LabelSource]? {
        line.removeAll(keepingCapacity: true)
        for (hole, piece) in shape.pieces.enumerated() {
            line.append(contentsOf: piece)
            guard hole < shape.columns.count else { break }
            line.append(contentsOf: ShapeProbe.mark(hole, isString: shape.isString[hole]))
        }
        let row = RowEntry(
            time: 0, stream: 0, lineOffset: 0, lineCount: line.count, metadataOffset: line.count, metadataCount: 0)
        let text = line
        guard runner.run(text.span, row, stream: 0, streamLabels: { ShapeProbe.noLabels }),
            runner.labels.fault == .none
        else { return nil }
        var sources: [LabelSource] = []
        for name in names {
            guard let slot = runner.labels.find(name) else {
                sources.append(.absent)
                continue
            }
            let value = [UInt8](runner.labels.values[runner.labels.slots[slot].range])
            guard let source = ShapeProbe.source(value, shape) else { return nil }
            sources.append(source)
        }
        return sources
    }

    private static func mark(_ hole: Int, isString: Bool) -> [UInt8] {
        (isString ? stringMark : numberMark) + [UInt8](text: String(firstHole + hole))
    }

    /// The hole that a value may be the mark of.
    private static func hole(_ value: [UInt8]) -> Int? {
        for mark in [stringMark, numberMark] where value.starts(with: mark) {
            return Int(String(decoding: value.dropFirst(mark.count), as: UTF8.self)).map { $0 &- firstHole }
        }
        return nil
    }

    private static func source(_ value: [UInt8], _ shape: LineShape) -> LabelSource? {
        if let hole = hole(value), shape.columns.indices.contains(hole),
            value == mark(hole, isString: shape.isString[hole])
        {
            return .column(shape.columns[hole], isString: shape.isString[hole])
        }
        // A value made of several holes, or of a hole and more.
        if ByteSearch.contains(stringMark.span, in: value.span) || ByteSearch.contains(numberMark.span, in: value.span)
        {
            return nil
        }
        return .constant(value)
    }
}
