/// What one column of a block takes on disk.
public struct ColumnSize: Sendable, Hashable {
    /// Keys of its path, joined by dots; metadata names begin with `@`.
    public let name: String
    /// Encoding of the column and of what lies under it.
    public let encoding: String
    public let values: Int
    /// Bytes in the streams region.
    public let storedBytes: Int
}

extension ColumnBlockReader {
    /// Sizes of all columns, largest first, without decoding any.
    public func sizes() -> [ColumnSize] {
        var sizes = [
            size("(times)", tree.times), size("(streams)", tree.streamNumbers), size("(traces)", tree.traces),
            size("(line shapes)", tree.lines.ids), size("(metadata shapes)", tree.metadata.ids),
        ]
        for column in tree.lineColumns + tree.metadataColumns {
            let path = String(
                decoding: column.name.map { $0 == JSONHoles.separator ? 0x2e : $0 == JSONHoles.element ? 0x2a : $0 },
                as: UTF8.self)
            let name: String
            switch column.kind {
            case .whole: name = "(whole)"
            case .metadata: name = "@" + path
            default: name = path
            }
            sizes.append(
                ColumnSize(
                    name: name, encoding: describe(column.node), values: tree.nodes[column.node].count,
                    storedBytes: stored(column.node)))
        }
        return sizes.sorted { $0.storedBytes > $1.storedBytes }
    }

    private func size(_ name: String, _ entry: IntegerEntry) -> ColumnSize {
        ColumnSize(
            name: name, encoding: "\(entry.mode)\(entry.width)", values: entry.count, storedBytes: stored(entry))
    }

    private func describe(_ node: Int) -> String {
        let column = tree.nodes[node]
        guard column.count > 0 else { return "empty" }
        switch column.encoding {
        case .constant, .hex, .uuid: return "\(column.encoding)"
        case .dictionary, .perStream, .perTrace:
            let numbers = column.encoding == .dictionary ? " \(column.numbers.mode)\(column.numbers.width)" : ""
            return "\(column.encoding)\(numbers) of \(tree.nodes[column.child].count) (\(describe(column.child)))"
        case .template:
            let parts = (column.template?.shapes ?? []).flatMap(\.slots).filter { $0 >= 0 && stored($0) > 2_000 }
                .map { "\(describe($0)):\(stored($0))" }
            return "template of \(column.template?.shapes.count ?? 0) [\(parts.joined(separator: ", "))]"
        default: return "\(column.encoding) \(column.numbers.mode)\(column.numbers.width)"
        }
    }

    private func stored(_ entry: IntegerEntry) -> Int { stored(entry.stream) }

    private func stored(_ entry: StreamEntry?) -> Int {
        guard let entry, !entry.isInline else { return 0 }
        return entry.range.count
    }

    private func stored(_ node: Int) -> Int {
        let column = tree.nodes[node]
        var total = stored(column.numbers) + stored(column.places) + stored(column.blob)
        if column.child >= 0 { total += stored(column.child) }
        if let template = column.template {
            total += stored(template.ids)
            for shape in template.shapes { for slot in shape.slots where slot >= 0 { total += stored(slot) } }
        }
        return total
    }
}
