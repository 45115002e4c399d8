internal import Bytes
internal import LogQL
internal import Model
internal import Store

/// A test of a name that was a stream label once and is metadata of newer entries: it holds for the label, or else for
/// the metadata; where neither is there, for the empty text.
struct DemotedTest: Sendable {
    let matcher: Matcher
    let name: [UInt8]
    let test: TextTest

    /// For parts all of whose entries have it as a label.
    var labelTest: LabelTest { LabelTest(name: name, test: test) }

    func passes(_ labels: LabelSet, _ arena: borrowing ByteSpan, _ metadata: Range<Int>) -> Bool {
        let encoded = labels.encoded.span
        if let value = LabelSet.range(of: name.span, in: encoded, 0..<encoded.count) {
            return test.matches(encoded.extracting(value))
        }
        return MetadataTest(name: name, test: test).passes(arena, metadata)
    }
}

extension QueryExecutor {
    /// Values of a demoted label that are kept at most; more are cut.
    static let demotedValuesLimit = 10_000

    /// Values that entries in the range carry as metadata.
    func demotedValues(
        _ name: String, _ request: LabelsRequest, source: any RecentData
    ) async throws(QueryError) -> Set<String> {
        let control = QueryControl(
            seconds: limits.querySeconds.value, memoryBytes: limits.queryMemoryBytes.value, shared: memory)
        let snapshot = source.snapshot(request.tenant)
        var range = request.range
        range.start = max(range.start, snapshot.oldestTime)
        if range.isEmpty { return [] }
        let search = DemotedValueSearch(
            name: [UInt8](text: name), request: ScanRequest(range: range), snapshot: snapshot, control: control)
        let outcome = await withTaskCancellationHandler {
            await scheduler.run(.query) { search.run() }
        } onCancel: {
            control.cancel()
        }
        return try outcome.get()
    }
}

/// Collects values of a name in the metadata of entries.
private struct DemotedValueSearch: Sendable {
    let name: [UInt8]
    let request: ScanRequest
    let snapshot: any StoreSnapshot
    let control: QueryControl

    func run() -> Result<Set<String>, QueryError> {
        var found: Set<[UInt8]> = []
        do {
            for unit in try snapshot.plan(request).units where found.count < QueryExecutor.demotedValuesLimit {
                try control.check()
                add(try unit.load(.rows), &found)
            }
        } catch let error as QueryError {
            return .failure(error)
        } catch {
            return .failure(QueryError(.failed, "\(error)"))
        }
        return .success(Set(found.map(\.text)))
    }

    private func add(_ loaded: LoadedRows, _ found: inout Set<[UInt8]>) {
        var candidates = CandidateRows()
        loaded.rows.read { (entries, arena) in
            candidates.find(loaded, entries, arena, range: request.range, pilot: [])
            for row in candidates.rows where found.count < QueryExecutor.demotedValuesLimit {
                let metadata = entries[Int(row)].metadata
                guard let value = LabelSet.range(of: name.span, in: arena, metadata), !value.isEmpty else { continue }
                found.insert([UInt8](copying: arena.extracting(value)))
            }
        }
    }
}
