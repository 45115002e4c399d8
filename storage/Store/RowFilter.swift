public import Model

/// Which rows a deletion is about. Storage knows no query language: the query side compiles the text into this.
public protocol RowFilter: Sendable {
    /// Tests on stream labels that every row it is about passes.
    var tests: [LabelTest] { get }
    /// Whether the tests decide alone, so that lines and metadata need not be read.
    var isDecidedByLabels: Bool { get }
    /// Indexes of the rows it is about, ascending: those in `range` whose stream is not `StreamID.none` and that pass.
    func matches(_ loaded: LoadedRows, in range: TimeRange, labels: (StreamID) -> LabelSet) -> [Int]
}

/// Makes row filters of query texts; given to the store when it is opened.
public protocol RowFilterCompiler: Sendable {
    /// - Parameter demotedNames: labels that later rows carry as metadata.
    func compile(_ query: String, demotedNames: [String]) throws(RowFilterError) -> any RowFilter
}

/// A text that no filter can be made of.
public struct RowFilterError: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}
