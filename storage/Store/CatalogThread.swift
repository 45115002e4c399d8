import Bytes
import Synchronization

/// The one thread that touches SQLite and syncs parts: jobs run one after the other, in order.
final class CatalogThread: Sendable {
    private struct Queue {
        var jobs: [@Sendable () -> Void] = []
        var isStopped = false
    }

    private let queue = Gate(Queue())
    private let thread: OSThread

    init() {
        let queue = self.queue
        thread = OSThread(name: "dendro-catalog") {
            while true {
                let jobs =
                    queue.wait { queue -> [@Sendable () -> Void]? in
                        if queue.jobs.isEmpty { return queue.isStopped ? [] : nil }
                        defer { queue.jobs = [] }
                        return queue.jobs
                    } ?? []
                if jobs.isEmpty { return }
                for job in jobs { job() }
            }
        }
    }

    /// Queues `job`; after `stop` it is dropped.
    func submit(_ job: @escaping @Sendable () -> Void) {
        queue.update { if !$0.isStopped { $0.jobs.append(job) } }
    }

    /// The same; false if it was dropped.
    func submitted(_ job: @escaping @Sendable () -> Void) -> Bool {
        queue.update { queue in
            if !queue.isStopped { queue.jobs.append(job) }
            return !queue.isStopped
        }
    }

    /// Runs `job` on the thread and waits for it. Not from the thread itself, not from an event loop.
    func perform<R: Sendable>(_ job: @escaping @Sendable () -> R) -> R? {
        let done = Gate<R?>(nil)
        let isQueued = queue.update { queue -> Bool in
            if queue.isStopped { return false }
            queue.jobs.append {
                let result = job()
                done.update { $0 = result }
            }
            return true
        }
        return isQueued ? done.wait { $0 } : nil
    }

    /// Finishes what is queued and ends the thread.
    func stop() {
        queue.update { $0.isStopped = true }
        thread.join()
    }
}
