import Bytes
import Model

/// The lines of a block: shapes, and one column of values per path.
struct LineColumns {
    private var scanner = JSONHoles()
    private var shapes = ShapeTable(limit: ColumnLimits.shapes)
    private var shapeColumns: [[UInt32]] = [[0]]
    private var shapeKinds: [[HoleKind]] = [[]]
    private var byPath: [UInt64: UInt32] = [:]
    private var columns: [ValueColumn] = [ValueColumn(name: [], kind: .whole, key: 1)]
    private var ids: [Int64] = []
    /// The last shape of each stream: its next line likely has the same.
    private var lastShapes: [Int] = []

    /// Takes in the lines of `rows`.
    init(_ rows: [RowEntry], in arena: borrowing ByteSpan) {
        ids.reserveCapacity(rows.count)
        for index in rows.indices { add(rows[index], index, in: arena) }
    }

    private mutating func add(_ row: RowEntry, _ index: Int, in arena: borrowing ByteSpan) {
        let line = Slice(Int(row.lineOffset), Int(row.lineCount))
        let stream = Int(row.stream)
        while lastShapes.count <= stream, lastShapes.count < 1 << 16 { lastShapes.append(0) }
        let guess = stream < lastShapes.count ? lastShapes[stream] : 0
        if guess > 0,
            scanner.follow(line, pieces: shapes.shapes[guess].pieces, kinds: shapeKinds[guess], in: arena)
        {
            shapes.countUse(of: guess)
            return take(shape: guess, row: index)
        }
        guard scanner.split(line, in: arena), let shape = number(line, in: arena) else {
            ids.append(0)
            return columns[0].append(line, row: index)
        }
        if stream < lastShapes.count { lastShapes[stream] = shape }
        take(shape: shape, row: index)
    }

    @inline(__always)
    private mutating func take(shape: Int, row: Int) {
        ids.append(Int64(shape))
        for hole in scanner.holes.indices {
            columns[Int(shapeColumns[shape][hole])].append(scanner.holes[hole], row: row)
        }
    }

    /// The shape of a line that was just split, or nil when there are too many shapes or columns.
    private mutating func number(_ line: Slice, in arena: borrowing ByteSpan) -> Int? {
        guard columns.count + scanner.holes.count <= ColumnLimits.columns else { return nil }
        guard let shape = shapes.number(of: line, holes: scanner.holes, in: arena) else { return nil }
        guard shape == shapeColumns.count else { return shape }
        scanner.describe(line, in: arena)
        var numbers: [UInt32] = []
        for hole in scanner.paths.indices {
            let path = scanner.paths[hole]
            if let known = byPath[path] {
                numbers.append(known)
                continue
            }
            let number = UInt32(columns.count)
            columns.append(ValueColumn(name: scanner.names[hole], kind: scanner.kinds[hole], key: path))
            byPath[path] = number
            numbers.append(number)
        }
        shapeColumns.append(numbers)
        shapeKinds.append(scanner.kinds)
        return shape
    }

    func write(to writer: inout ColumnWriter, in arena: borrowing ByteSpan, context: RowContext) {
        writer.shapes(
            ids: ids, pieces: shapes.shapes.map(\.pieces), shapeColumns: shapeColumns, columns: columns, key: 0x11e5,
            in: arena, context: context)
    }
}

/// Values of one path or name, with their rows.
struct ValueColumn {
    let name: [UInt8]
    let kind: HoleKind
    let key: UInt64
    private(set) var values: [Slice] = []
    private(set) var rows: [UInt32] = []

    init(name: [UInt8], kind: HoleKind, key: UInt64) {
        self.name = name
        self.kind = kind
        self.key = key
    }

    @inline(__always)
    mutating func append(_ value: Slice, row: Int) {
        values.append(value)
        rows.append(UInt32(truncatingIfNeeded: row))
    }
}

extension ColumnWriter {
    /// Writes rows of texts with holes: columns, shapes, and the shape of each row.
    mutating func shapes(
        ids: [Int64], pieces: [[[UInt8]]], shapeColumns: [[UInt32]], columns: [ValueColumn], key: UInt64,
        in arena: borrowing ByteSpan, context: RowContext
    ) {
        tree.appendVarint(columns.count)
        for column in columns {
            tree.append(column.kind.rawValue)
            tree.appendPrefixed(column.name)
        }
        tree.appendVarint(pieces.count - 1)
        for shape in 1..<max(pieces.count, 1) {
            tree.appendVarint(shapeColumns[shape].count)
            for piece in pieces[shape] { tree.appendPrefixed(piece) }
            for column in shapeColumns[shape] { tree.appendVarint(Int(column)) }
        }
        integers(ids, key: key)
        var search = ReferenceSearch()
        for number in columns.indices {
            let column = columns[number]
            var input = ColumnInput(
                values: column.values, rows: column.rows, key: Hash.mix(column.key ^ key, 0x8bb8_4b93_962e_acc9))
            let mayRefer = plan[input.key].map { $0.method == ColumnEncoding.template.rawValue } ?? true
            if column.kind == .string, mayRefer {
                input.references = search.references(of: number, in: columns, arena)
            }
            self.column(input, in: arena, context: context)
        }
    }
}
