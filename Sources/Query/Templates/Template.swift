internal import Bytes
internal import LogQL

/// A template of line_format or label_format, compiled.
struct Template: Sendable {
    init(_ text: Text, stage: Stage, _ names: inout NameTable) throws(QueryError) {
        throw QueryError.unsupported("the stage '\(stage)'")
    }
}

/// Runs templates on entries.
struct TemplateRunner {
    mutating func beginGroup() {}
    mutating func endGroup() {}

    mutating func run(
        _ template: Template, _ line: borrowing ByteSpan, _ time: Int64, _ labels: inout EntryLabels,
        into out: inout [UInt8]
    ) -> Bool { false }

    mutating func runInGroup(
        _ template: Template, _ line: borrowing ByteSpan, _ time: Int64, _ labels: inout EntryLabels,
        into out: inout [UInt8]
    ) -> Bool { false }
}
