import Bytes
import Model
import Observe
import Receive
import Store
import Synchronization

@testable import Server

/// A sink that keeps what it is given, or refuses it.
final class FakeSink: BatchSink {
    private let state = Mutex<(batches: [Batch], refusal: IngestError?)>(([], nil))

    var batches: [Batch] { state.withLock { $0.batches } }

    func refuse(_ error: IngestError?) { state.withLock { $0.refusal = error } }

    func append(_ batch: Batch, completion: @escaping @Sendable (Result<Receipt, IngestError>) -> Void) {
        let refusal = state.withLock { state in
            if state.refusal == nil { state.batches.append(batch) }
            return state.refusal
        }
        if let refusal { return completion(.failure(refusal)) }
        completion(.success(Receipt(acceptedRows: batch.rows.count, duplicateRows: 0)))
    }
}

struct EmptySnapshot: StoreSnapshot {
    var oldestTime: Int64 { .min }
    func labels(_ stream: StreamID) -> LabelSet { LabelSet(canonical: []) }
    func streams(_ request: ScanRequest) throws(ScanError) -> [StreamID] { [] }
    func plan(_ request: ScanRequest) throws(ScanError) -> ScanPlan { ScanPlan() }
}

struct EmptySource: RecentData {
    func snapshot(_ tenant: TenantID) -> any StoreSnapshot { EmptySnapshot() }
}

struct InlineScheduler: WorkScheduler {
    func run<R: Sendable>(_ priority: WorkPriority, _ work: @escaping @Sendable () -> R) async -> R { work() }
}

final class FakeOperations: Operations {
    let version = "1.2.3"
    let settingsText = "listen: x\n"
    let refusalText: String?
    let flushes = Atomic<Int>(0)
    let cancelledFlushes = Atomic<Int>(0)
    /// Whether a flush lasts until it is cancelled.
    let isSlow: Bool

    init(refusal: String? = nil, isSlow: Bool = false) {
        refusalText = refusal
        self.isSlow = isSlow
    }

    var refusal: String? { refusalText }
    var statistics: StoreStatistics { StoreStatistics() }

    func flush() async {
        flushes.add(1, ordering: .relaxed)
        guard isSlow else { return }
        try? await Task.sleep(for: .seconds(60))
        if Task.isCancelled { cancelledFlushes.add(1, ordering: .relaxed) }
    }
}

extension Backend {
    /// A backend without a store.
    static func fake(sink: FakeSink = FakeSink(), operations: FakeOperations = FakeOperations()) -> Backend {
        Backend(
            sink: sink, source: EmptySource(), scheduler: InlineScheduler(), metrics: Metrics(), limits: Limits(),
            receive: ReceiveOptions(), clock: SystemClock(), batchKeySeed: 7, operations: operations)
    }
}
