/// How a column stores its values; the raw value is its number on disk.
enum ColumnEncoding: UInt8 {
    case constant = 0
    case integer = 1
    case digits = 2
    case decimal = 3
    case hex = 4
    case uuid = 5
    case address = 6
    case timestamp = 7
    /// Timestamp as distance from the row's own time.
    case rowTime = 8
    case dictionary = 9
    /// One value per stream of the block, or per trace.
    case perStream = 10
    case perTrace = 11
    case template = 12
    case raw = 13
    /// Values without line feeds, each followed by one.
    case lines = 14

    /// Whether values may have a prefix and a suffix around what the encoding gives.
    var hasAffixes: Bool {
        switch self {
        case .integer, .digits, .decimal, .hex, .uuid, .address, .timestamp, .rowTime: true
        case .constant, .dictionary, .perStream, .perTrace, .template, .raw, .lines: false
        }
    }

    /// In the encoding's byte: a prefix and a suffix that all values share come first.
    static let affixFlag: UInt8 = 0x40
}

/// How a sequence of integers is stored; the raw value is its number on disk.
enum IntegerMode: UInt8 {
    /// All equal.
    case constant = 0
    /// Distance to the smallest value, bit-packed.
    case packed = 1
    /// The same in byte planes, compressed.
    case planes = 2
    /// Zigzag difference to the value before, bit-packed.
    case deltaPacked = 3
    /// The same in byte planes, compressed.
    case deltaPlanes = 4
    /// Numbers given in order of first use: distance back to the last use, 0 for a new one; byte planes, compressed.
    case recency = 5
}

/// What the holes of a line's column held; the raw value is its number on disk.
enum HoleKind: UInt8 {
    /// Lines and metadata that could not be split.
    case whole = 0
    /// The inside of a JSON string, escapes as they are.
    case string = 1
    /// A JSON number or word.
    case word = 2
    /// The value of a metadata name.
    case metadata = 3
}

/// What columns of one block may refer to: time in nanoseconds since 1970, stream ordinal and trace number per row.
struct RowContext {
    var times: [Int64]
    var streams: [Int64]
    /// Empty when no row carries a trace.
    var traces: [Int64]
    let tables = DeterminantTables()
}
