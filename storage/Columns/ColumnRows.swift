// Which rows have the values of a column.
extension ColumnBlockReader {
    /// Rows of the values of a column, ascending; nil for values that are not one per row.
    mutating func rows(of node: Int) throws(ColumnError) -> [UInt32]? {
        if let known = kept.rows[node] { return known }
        let rows: [UInt32]
        switch tree.nodes[node].owner {
        case .none: return nil
        case .lines:
            let ids = try shapesOfLines()
            if isOncePerRow(node, ofMetadata: false) { return allRows() }
            rows = rowsOfColumn(node, ofMetadata: false, ids)
        case .metadata:
            let ids = try shapesOfMetadata()
            if isOncePerRow(node, ofMetadata: true) { return allRows() }
            rows = rowsOfColumn(node, ofMetadata: true, ids)
        case .template(let parent, let shape):
            guard let outer = try self.rows(of: parent) else { return nil }
            let inner = try buckets(of: parent)
            guard outer.count == tree.nodes[parent].count else { throw ColumnError("template without all rows") }
            rows = inner[shape].map { outer[Int($0)] }
        }
        guard rows.count == tree.nodes[node].count else { throw ColumnError("column without all rows") }
        try source.charge((rows.count * 4, false))
        kept.rows[node] = rows
        return rows
    }

    /// The rows of a column that every row has once.
    private mutating func allRows() -> [UInt32] {
        if let known = kept.allRows { return known }
        let rows = [UInt32](0..<UInt32(truncatingIfNeeded: rowCount))
        kept.allRows = rows
        return rows
    }

    /// Whether every row has the column exactly once, so that its values are numbered as rows are: no shape has it
    /// twice, and the shapes of the rows, whose uses are compared with the columns' counts, use it in each row.
    mutating func isOncePerRow(_ node: Int, ofMetadata isMetadata: Bool) -> Bool {
        guard tree.nodes[node].count == rowCount else { return false }
        return !users(ofMetadata: isMetadata).occursTwice(node)
    }

    private mutating func rowsOfColumn(_ node: Int, ofMetadata isMetadata: Bool, _ ids: [UInt16]) -> [UInt32] {
        let uses = users(ofMetadata: isMetadata).uses(of: node)
        let count = tree.nodes[node].count
        if count < ids.count / 16 { return rareRows(uses, rowsByShape(ofMetadata: isMetadata, ids)) }
        var usesOfShape = [UInt32](repeating: 0, count: shapeCount(ofMetadata: isMetadata))
        var most: UInt32 = 0
        for use in uses {
            usesOfShape[Int(use.shape)] = use.count
            most = max(most, use.count)
        }
        // One spare place: rows without a value write there too.
        var rows = [UInt32](repeating: 0, count: count + 1)
        var next = 0
        for index in ids.indices {
            let count = Int(usesOfShape[Int(ids[index])])
            rows[next] = UInt32(truncatingIfNeeded: index)
            if most > 1, count > 1 {
                for twin in 1..<count { rows[next + twin] = UInt32(truncatingIfNeeded: index) }
            }
            next += count
        }
        rows.removeLast()
        return rows
    }

    /// The rows of a column that few rows have: the others are not passed, for there may be many such columns.
    private func rareRows(_ uses: ArraySlice<ShapeUsers.Use>, _ rowsByShape: ShapeBuckets) -> [UInt32] {
        var rows: [UInt32] = []
        for use in uses {
            for row in rowsByShape[Int(use.shape)] {
                for _ in 0..<use.count { rows.append(row) }
            }
        }
        if uses.count > 1 { rows.sort() }
        return rows
    }

    private mutating func rowsByShape(ofMetadata isMetadata: Bool, _ ids: [UInt16]) -> ShapeBuckets {
        if let known = isMetadata ? kept.metadataBuckets : kept.lineBuckets { return known }
        let buckets = ShapeBuckets(ids, shapes: shapeCount(ofMetadata: isMetadata))
        if isMetadata { kept.metadataBuckets = buckets } else { kept.lineBuckets = buckets }
        return buckets
    }

    func shapeCount(ofMetadata isMetadata: Bool) -> Int {
        isMetadata ? tree.metadata.shapes.count : tree.lines.shapes.count
    }

    /// Which shapes of lines or metadata have each column.
    mutating func users(ofMetadata isMetadata: Bool) -> ShapeUsers {
        if let known = isMetadata ? kept.metadataUsers : kept.lineUsers { return known }
        let users = ShapeUsers(isMetadata ? tree.metadata : tree.lines, nodes: tree.nodes.count)
        if isMetadata { kept.metadataUsers = users } else { kept.lineUsers = users }
        return users
    }

    /// What tells where the values of rows lie in columns of lines or metadata.
    /// - Parameter ids: the shape of each row's line or metadata.
    mutating func places(ofMetadata isMetadata: Bool, _ ids: [UInt16]) -> ShapePlaces {
        var values = 0
        let columns = isMetadata ? tree.metadataColumns : tree.lineColumns
        for column in columns { values += tree.nodes[column.node].count }
        let users = self.users(ofMetadata: isMetadata)
        if let known = isMetadata ? kept.metadataRanks : kept.lineRanks {
            return ShapePlaces(ranks: known, users: users, values: values)
        }
        let ranks = ShapeRanks(ids, shapes: shapeCount(ofMetadata: isMetadata))
        if isMetadata { kept.metadataRanks = ranks } else { kept.lineRanks = ranks }
        return ShapePlaces(ranks: ranks, users: users, values: values)
    }

    mutating func ranksOfTemplate(_ node: Int, _ ids: [UInt16]) -> ShapeRanks {
        if let known = kept.templateRanks[node] { return known }
        let ranks = ShapeRanks(ids, shapes: tree.nodes[node].template?.shapes.count ?? 0)
        kept.templateRanks[node] = ranks
        return ranks
    }

    /// For each value of column `node` the place of the value that column of lines `number` has in the same row;
    /// `UInt32.max` where it has none.
    mutating func positions(of node: Int, in target: Int) throws(ColumnError) -> [UInt32] {
        let key = ReferenceKey(node: node, target: target)
        if let known = kept.positions[key] { return known }
        guard let rows = try self.rows(of: node), let others = try self.rows(of: target) else {
            throw ColumnError("reference without rows")
        }
        try source.charge((rows.count * 4, false))
        var positions = [UInt32](repeating: .max, count: rows.count)
        var at = 0
        for index in rows.indices {
            while at < others.count, others[at] < rows[index] { at += 1 }
            if at < others.count, others[at] == rows[index] { positions[index] = UInt32(truncatingIfNeeded: at) }
        }
        kept.positions[key] = positions
        return positions
    }
}

/// A column that refers to another.
struct ReferenceKey: Hashable, Sendable {
    let node: Int
    let target: Int
}

/// The rows that have a column, by their shapes, and what its values depend on.
struct FirstUseKey: Hashable, Sendable {
    let isMetadata: Bool
    let isOfStreams: Bool
    let hasColumn: [Bool]
}
