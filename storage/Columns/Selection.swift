import Bytes

/// Some values of a column: their places among its values, ascending, and the rows that they belong to.
struct Selection {
    var places: [UInt32]
    /// Nil for values that belong to no row, or whose rows are not known.
    var rows: [UInt32]?

    init(_ places: [UInt32], rows: [UInt32]? = nil) {
        self.places = places
        self.rows = rows
    }

    var count: Int { places.count }
}
