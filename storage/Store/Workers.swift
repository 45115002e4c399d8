import Bytes
import Synchronization

/// The worker threads for scans, seals and merges: niced, so that acknowledging never waits for them. Work is taken by
/// priority, first come first served within one.
final class Workers: WorkScheduler {
    private struct Queue {
        var waiting: [[@Sendable () -> Void]] = WorkPriority.allCases.map { _ in [] }
        var heads: [Int] = WorkPriority.allCases.map { _ in 0 }
        var isStopped = false

        mutating func push(_ priority: WorkPriority, _ work: @escaping @Sendable () -> Void) {
            waiting[priority.rawValue].append(work)
        }

        /// The next piece of work; `sealFirst` lets seals overtake queries.
        mutating func pop(sealFirst: Bool) -> (@Sendable () -> Void)? {
            let order: [WorkPriority] = sealFirst ? [.seal, .query, .merge] : [.query, .seal, .merge]
            for priority in order {
                let lane = priority.rawValue
                guard heads[lane] < waiting[lane].count else { continue }
                let work = waiting[lane][heads[lane]]
                waiting[lane][heads[lane]] = {}  // lets go of what the work holds (parts, say) as soon as it is done
                heads[lane] += 1
                if heads[lane] > 64 && heads[lane] * 2 > waiting[lane].count {
                    waiting[lane].removeFirst(heads[lane])
                    heads[lane] = 0
                }
                return work
            }
            return nil
        }
    }

    private let queue = Gate(Queue())
    private let isSealUrgent = Atomic<Bool>(false)
    private let threads: Mutex<[OSThread]> = Mutex([])

    init(count: Int, nice: Int) {
        for index in 0..<count {
            let thread = OSThread(name: "dendro-work-\(index)", nice: nice) { [queue, self] in
                while let work = queue.wait(until: { queue -> (@Sendable () -> Void)?? in
                    if let work = queue.pop(sealFirst: self.isSealUrgent.load(ordering: .relaxed)) {
                        return .some(work)
                    }
                    return queue.isStopped ? .some(nil) : nil
                }) ?? nil {
                    work()
                }
            }
            threads.withLock { $0.append(thread) }
        }
    }

    /// Whether seals come before queries: set while memory for heads runs short.
    func setSealUrgent(_ isUrgent: Bool) {
        isSealUrgent.store(isUrgent, ordering: .relaxed)
    }

    /// Queues `work`; returns at once.
    func submit(_ priority: WorkPriority, _ work: @escaping @Sendable () -> Void) {
        queue.update { $0.push(priority, work) }
    }

    func run<R: Sendable>(_ priority: WorkPriority, _ work: @escaping @Sendable () -> R) async -> R {
        await withCheckedContinuation { continuation in
            submit(priority) { continuation.resume(returning: work()) }
        }
    }

    /// Finishes what is queued and ends the threads.
    func stop() {
        queue.update { $0.isStopped = true }
        for thread in threads.withLock({ $0 }) { thread.join() }
    }
}
