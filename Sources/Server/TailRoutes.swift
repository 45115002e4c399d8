import Bytes
import Model
import NIOHTTP1
import Observe
import Query
import Store
import Synchronization

/// Live tails: which requests become one, and how many there may be.
final class TailRoutes: Sendable {
    let backend: Backend
    let executor: QueryExecutor
    private let limit: Int
    private let running = Mutex<[TenantID: Int]>([:])

    init(backend: Backend, executor: QueryExecutor, limit: Int) {
        self.backend = backend
        self.executor = executor
        self.limit = limit
    }

    /// What becomes of a request: a tail, or a refusal.
    enum Outcome {
        case accepted(TailRequest)
        case refused(Answer)
    }

    /// Checks a request before the connection is upgraded.
    func examine(_ head: HTTPRequestHead, _ target: RoutePath, _ form: TailForm) -> Outcome {
        guard head.method == .GET else { return .refused(.empty(405)) }
        do {
            let request = try TailRequest(form, head, target, executor: executor, now: backend.clock.nowNanoseconds())
            return TailRequest.asksForUpgrade(head.headers) ? .accepted(request) : .refused(TailRequest.badRequest)
        } catch {
            return .refused(ErrorAnswers.failed(error))
        }
    }

    /// Counts a tail of `tenant` that begins; the text of the refusal if there are too many.
    func enter(_ tenant: TenantID) -> String? {
        let count = running.withLock { running in
            let count = running[tenant, default: 0] + 1
            if count <= limit { running[tenant] = count }
            return count
        }
        guard count <= limit else {
            return "max concurrent tail requests limit exceeded, count > limit (\(count) > \(limit))"
        }
        backend.metrics.tails.running.add(1)
        return nil
    }

    func leave(_ tenant: TenantID) {
        backend.metrics.tails.running.add(-1)
        running.withLock { running in
            let left = running[tenant, default: 1] - 1
            running[tenant] = left > 0 ? left : nil
        }
    }
}
