import Bytes
import Synchronization

/// The threads for what takes longer than a moment, in three crews of equal size. The first scans; the others, niced,
/// decode large bodies, and seal and merge. They share the processors by the system's weights: a query never waits for
/// a seal that has begun, or for those behind it, event loops come before bodies that pour in, and under any load of
/// queries seals go on.
final class Workers: WorkScheduler {
    private let answering: Crew
    private let decoding: Crew
    private let upkeep: Crew

    /// - Parameters:
    ///   - count: threads of each crew.
    ///   - nice: niceness of the threads that seal and merge.
    init(count: Int, nice: Int) {
        answering = Crew(name: "dendro-work", count: count, nice: 0, lanes: [.query])
        decoding = Crew(name: "dendro-decode", count: count, nice: nice, lanes: [.decode])
        upkeep = Crew(name: "dendro-seal", count: count, nice: nice, lanes: [.seal, .merge])
    }

    /// Queues `work`; returns at once.
    func submit(_ priority: WorkPriority, _ work: @escaping @Sendable () -> Void) {
        switch priority {
        case .query: answering.submit(priority, work)
        case .decode: decoding.submit(priority, work)
        case .seal, .merge: upkeep.submit(priority, work)
        }
    }

    func run<R: Sendable>(_ priority: WorkPriority, _ work: @escaping @Sendable () -> R) async -> R {
        await withCheckedContinuation { continuation in
            submit(priority) { continuation.resume(returning: work()) }
        }
    }

    /// Finishes what is queued and ends the threads.
    func stop() {
        answering.stop()
        decoding.stop()
        upkeep.stop()
    }
}

/// Threads that take pieces of work of some priorities: first come first served within one.
private final class Crew: Sendable {
    private struct Lane {
        let priority: WorkPriority
        var waiting: [@Sendable () -> Void] = []
        var head = 0

        mutating func pop() -> (@Sendable () -> Void)? {
            guard head < waiting.count else { return nil }
            let work = waiting[head]
            waiting[head] = {}  // lets go of what the work holds (parts, say) as soon as it is done
            head += 1
            if head > 64 && head * 2 > waiting.count {
                waiting.removeFirst(head)
                head = 0
            }
            return work
        }
    }

    private struct Queue {
        /// The first is asked first.
        var lanes: [Lane]
        var isStopped = false

        mutating func pop() -> (@Sendable () -> Void)? {
            for index in lanes.indices {
                if let work = lanes[index].pop() { return work }
            }
            return nil
        }
    }

    private let queue: Gate<Queue>
    private let threads: Mutex<[OSThread]> = Mutex([])

    /// - Parameters:
    /// - Parameter lanes: the priorities, the first one first.
    init(name: String, count: Int, nice: Int, lanes: [WorkPriority]) {
        queue = Gate(Queue(lanes: lanes.map { Lane(priority: $0) }))
        for index in 0..<count {
            let thread = OSThread(name: "\(name)-\(index)", nice: nice) { [queue] in
                while let work = queue.wait(until: { queue -> (@Sendable () -> Void)?? in
                    if let work = queue.pop() { return .some(work) }
                    return queue.isStopped ? .some(nil) : nil
                }) ?? nil {
                    work()
                }
            }
            threads.withLock { $0.append(thread) }
        }
    }

    func submit(_ priority: WorkPriority, _ work: @escaping @Sendable () -> Void) {
        queue.update { queue in
            guard let lane = queue.lanes.firstIndex(where: { $0.priority == priority }) else { return }
            queue.lanes[lane].waiting.append(work)
        }
    }

    func stop() {
        queue.update { $0.isStopped = true }
        for thread in threads.withLock({ $0 }) { thread.join() }
    }
}
