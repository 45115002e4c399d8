/// Where a value stands in a JSON document: `a.b[0]["c d"]`.
public struct JSONPath: Hashable, Sendable {
    public enum Element: Hashable, Sendable {
        case key([UInt8])
        /// Zero or more.
        case index(Int)
    }

    /// Never empty.
    public var elements: [Element]
    /// The path as written in the query.
    public var text: Text

    /// Unchecked, for trees made by hand; `JSONPath.init(parsing:)` reads text.
    public init(elements: [Element], text: Text) {
        self.elements = elements
        self.text = text
    }
}
