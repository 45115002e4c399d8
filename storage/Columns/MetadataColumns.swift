import Bytes
import Model

/// The metadata of a block: one shape per list of names, one column of values per name.
struct MetadataColumns {
    /// Names of each shape; shape 0 is metadata that is not in canonical form, kept as it is.
    private var shapes: [[[UInt8]]] = [[]]
    private var shapeColumns: [[UInt32]] = [[0]]
    private var shapeNumbers: [UInt64: [Int]] = [:]
    private var byName: [[UInt8]: UInt32] = [:]
    private var columns: [ValueColumn] = [ValueColumn(name: [], kind: .whole, key: 2)]
    private var ids: [Int64] = []
    private var names: [Range<Int>] = []
    private var values: [Range<Int>] = []
    private let tracedNames: [[UInt8]]
    /// Lists of names with one hash, which can only be made on purpose: each row is compared with all of them.
    private static let mostAlike = 4

    init(tracedNames: [[UInt8]], expected: Int) {
        self.tracedNames = tracedNames
        ids.reserveCapacity(expected)
    }

    /// Takes in a row's metadata; the first value under a traced name, if there is one.
    mutating func add(_ row: RowEntry, _ index: Int, in arena: borrowing ByteSpan) -> Slice? {
        names.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
        var cursor = PairCursor(row.metadata)
        var hash: UInt64 = 1
        var size = 0
        while let pair = cursor.next(in: arena) {
            hash = Hash.hash64(arena.extracting(pair.name), seed: hash)
            names.append(pair.name)
            values.append(pair.value)
            size += Self.size(pair.name.count) + Self.size(pair.value.count)
        }
        guard cursor.offset == cursor.end, size == row.metadata.count, let shape = number(hash, in: arena) else {
            ids.append(0)
            columns[0].append(Slice(row.metadata.lowerBound, row.metadata.count), row: index)
            return nil
        }
        ids.append(Int64(shape))
        var traced: Slice?
        for position in values.indices {
            let value = Slice(values[position].lowerBound, values[position].count)
            columns[Int(shapeColumns[shape][position])].append(value, row: index)
            if traced == nil, isTraced(names[position], in: arena) { traced = value }
        }
        return traced
    }

    private func isTraced(_ name: Range<Int>, in arena: borrowing ByteSpan) -> Bool {
        for traced in tracedNames where traced.count == name.count {
            if arena.extracting(name).equals(traced.span) { return true }
        }
        return false
    }

    /// Bytes of a run of `count` bytes with its shortest length in front.
    private static func size(_ count: Int) -> Int {
        var width = 1
        var rest = count >> 7
        while rest > 0 {
            width += 1
            rest >>= 7
        }
        return width + count
    }

    private mutating func number(_ hash: UInt64, in arena: borrowing ByteSpan) -> Int? {
        if let known = shapeNumbers[hash] {
            for shape in known where isShape(shape, in: arena) { return shape }
        }
        guard names.count <= ColumnLimits.holes, shapes.count < ColumnLimits.shapes,
            shapeNumbers[hash]?.count ?? 0 < MetadataColumns.mostAlike,
            columns.count + names.count <= ColumnLimits.columns
        else { return nil }
        var shape: [[UInt8]] = []
        var numbers: [UInt32] = []
        for range in names {
            let name = [UInt8](copying: arena.extracting(range))
            if let known = byName[name] {
                numbers.append(known)
            } else {
                byName[name] = UInt32(columns.count)
                numbers.append(UInt32(columns.count))
                columns.append(ValueColumn(name: name, kind: .metadata, key: Hash.hash64(name)))
            }
            shape.append(name)
        }
        shapes.append(shape)
        shapeColumns.append(numbers)
        shapeNumbers[hash, default: []].append(shapes.count - 1)
        return shapes.count - 1
    }

    private func isShape(_ shape: Int, in arena: borrowing ByteSpan) -> Bool {
        guard shapes[shape].count == names.count else { return false }
        for position in names.indices {
            let name = shapes[shape][position]
            guard arena.extracting(names[position]).equals(name.span) else { return false }
        }
        return true
    }

    func write(to writer: inout ColumnWriter, in arena: borrowing ByteSpan, context: RowContext) {
        writer.shapes(
            ids: ids, pieces: shapes.map { _ in [] }, shapeColumns: shapeColumns, columns: columns, key: 0x3e7a,
            in: arena, context: context)
    }
}
