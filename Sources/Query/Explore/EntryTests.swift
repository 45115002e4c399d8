internal import Bytes
internal import Model
internal import Store

/// What a selector asks of entries rather than of streams: of high-cardinality names, and of names that were labels
/// once.
struct EntryTests: Sendable {
    private let metadata: [MetadataTest]
    private let demoted: [DemotedTest]
    private let snapshot: any StoreSnapshot

    init(_ metadata: [MetadataTest], _ demoted: [DemotedTest], _ snapshot: any StoreSnapshot) {
        self.metadata = metadata
        self.demoted = demoted
        self.snapshot = snapshot
    }

    /// Whether every entry of a selected stream passes.
    var isEmpty: Bool { metadata.isEmpty && demoted.isEmpty }

    /// For parts all of whose entries have the names as labels.
    var labelTests: [LabelTest] { demoted.map(\.labelTest) }

    func passes(_ stream: StreamID, _ arena: borrowing ByteSpan, _ pairs: Range<Int>) -> Bool {
        for test in metadata where !test.passes(arena, pairs) { return false }
        if demoted.isEmpty { return true }
        let labels = snapshot.labels(stream)
        for test in demoted where !test.passes(labels, arena, pairs) { return false }
        return true
    }
}
