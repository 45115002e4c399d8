import Bytes
import Model
import Testing

@testable import Columns

/// What a reader builds and keeps is bounded, whatever stands in a block.
struct ReadBoundsTests {
    @Test func numbersOfFewColumnsAreKept() throws {
        // Each shape has a column of its own that depends on the stream.
        var set = RowSet()
        for row in 0..<1_600 {
            let stream = row / 80 % 2
            set.append("{\"k\(row % 80)\":\"v\(row % 80)-\(stream)\"}", time: Int64(row), stream: UInt32(stream))
        }
        var reader = try set.reader()
        let chosen = Array(0..<80)
        for _ in 0..<2 { #expect(set.difference(try reader.rows(at: chosen), at: chosen) == nil) }
        #expect(reader.kept.firstUses.count == KeptColumns.maximumFirstUses)
        reader.shed(to: 0)
        #expect(reader.kept.firstUses.isEmpty)
        #expect(set.difference(try reader.rows(at: chosen), at: chosen) == nil)
    }

    @Test func textsThatStreamsShareAreKeptOnce() throws {
        let long = String(repeating: "long text ", count: 500)
        var set = RowSet()
        for row in 0..<300 {
            let text = row % 2 == 0 ? "even \(long)x" : "\(long) odd y"
            set.append("{\"s\":\"\(text)\"}", time: Int64(row), stream: UInt32(row % 100))
        }
        var reader = try set.reader()
        let shapes = reader.lineShapes()
        _ = try reader.lineColumn(shapes[1].columns[0], asTexts: true)
        #expect(reader.keptBytes < 100_000)
        #expect(set.difference(try reader.rows()) == nil)
    }

    /// Looking for the places of chosen rows and counting all values give the same.
    @Test(arguments: 1...3) func placesAreTheSameBothWays(seed: Int) throws {
        for set in QuestionTests.sets(seed) {
            var reader = try set.reader()
            let ids = try reader.shapesOfLines()
            let known = reader.places(ofMetadata: false, ids)
            let nodes = reader.tree.nodes.count
            let chosen = Array(stride(from: 1, to: set.rows.count, by: 11))
            let found = [Int.max, -1].map { values in
                let places = ShapePlaces(ranks: known.ranks, users: known.users, values: values)
                return ChosenRows(reader.tree.lines, ids: ids, places, chosen: chosen, nodes: nodes)
                    .selections(nodes: nodes)
            }
            #expect(found[0].map { $0.node } == found[1].map { $0.node })
            #expect(found[0].map { $0.selection.places } == found[1].map { $0.selection.places })
        }
    }

    /// The head of a block without metadata.
    /// - Parameters:
    ///   - line: the node of lines.
    ///   - columns: of lines: how many, and kind and name of each.
    private func head(_ line: [UInt8], columns: [UInt8] = [1, 0, 0], rows: UInt8 = 1) throws -> [UInt8] {
        // Times, streams and no traces; then metadata and lines: one column, no shapes, and the node.
        var tree: [UInt8] = [0, 0, 0, 0, 0]
        tree += [1, 0, 0, 0, 0, 0, rows, 0, 0] as [UInt8]
        tree += columns + [0, 0, 0]
        tree += line
        return try BlockHead.encode(tree: tree, rows: Int(rows), streamBytes: 0, .none)
    }

    /// A node of one empty text, which has none of many templates.
    private func templates(_ count: Int, holes: Int) -> [UInt8] {
        var node: [UInt8] = [1, ColumnEncoding.template.rawValue]
        node.appendVarint(count)
        for _ in 0..<count {
            node.appendVarint(holes)
            node += [UInt8](repeating: 0, count: 2 * holes + 1)
        }
        node += [0, 0, 1, 0, 0, 0, 0x80, 0]
        return node + [UInt8](repeating: 0, count: count * holes)
    }

    @Test func nodesAreLimited() throws {
        var reader = try ColumnBlockReader(
            head: try head(templates(10, holes: 400)), streams: [], limitBytes: 1 << 16)
        let rows = try reader.rows()
        #expect(rows.count == 1)
        let large = try head(templates(ColumnLimits.nodes / 401 + 1, holes: 400))
        let error = #expect(throws: ColumnError.self) { try ColumnHead(large) }
        #expect(error?.description.contains("nodes") == true)
    }

    /// One template of two variables, one of which has fewer values than texts have it.
    @Test func variablesOfUnlikeNumberAreRefused() throws {
        let node: [UInt8] =
            [5, ColumnEncoding.template.rawValue, 1, 2, 0, 1, 0x20, 0, 0, 0, 0, 2, 0] + [5, 0, 1, 0x78]
            + [3, 0, 1, 0x78]
        var reader = try ColumnBlockReader(head: try head(node, rows: 5), streams: [], limitBytes: 1 << 16)
        #expect(throws: ColumnError.self) { try reader.lineMarks(containing: [0x78]) }
    }

    /// Nothing says how many values it has.
    @Test func columnsOfNoShapeAreRefused() throws {
        let columns: [UInt8] = [2, 0, 0, HoleKind.string.rawValue, 1, 0x6b]
        _ = try ColumnHead(try head([1, 0, 0, 0], columns: columns))
        let wrong = try head([1, 0, 0, 1, 0, 1, 0x78], columns: columns)
        let error = #expect(throws: ColumnError.self) { try ColumnHead(wrong) }
        #expect(error?.description.contains("in no shape") == true)
    }

    @Test func affixesStandAroundTypedValuesAlone() throws {
        _ = try ColumnHead(try head([1, 0, 0]))
        let wrong = try head([1, ColumnEncoding.constant.rawValue | ColumnEncoding.affixFlag, 1, 0x61, 0, 0])
        let error = #expect(throws: ColumnError.self) { try ColumnHead(wrong) }
        #expect(error?.description.contains("affixes") == true)
    }
}
