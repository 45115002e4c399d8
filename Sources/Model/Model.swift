// Model: the values that all layers share. No I/O, no formats of the outside, no threads.
//
// Bytes come first: labels, metadata and lines are bytes in arenas, rows are fixed-size entries that point into them.

/// A tenant: whose data it is. Without configuration there is one, `default`.
public struct TenantID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let name: String

    public init(_ name: String) {
        self.name = name
    }

    public static let standard = TenantID("default")

    public var description: String { name }

    public static func < (a: TenantID, b: TenantID) -> Bool { a.name < b.name }
}

/// Names with a meaning of their own.
public enum FieldName {
    /// Stream labels that cost no stream: kept as per-line metadata (architecture promise 4). Configurable.
    public static let highCardinality = ["trace_id", "traceID", "span_id", "request_id"]
    /// Metadata names whose values the trace maplet of a part indexes, in one namespace.
    public static let indexed = ["trace_id", "traceID", "traceId"]
    /// Metadata that says how many bytes of a line were cut off.
    public static let truncatedBytes = "dendro_truncated_bytes"
}
