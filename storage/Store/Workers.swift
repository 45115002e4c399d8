import Bytes
import Synchronization

/// The threads for what takes longer than a moment, in two crews of equal size. The first decodes large bodies and
/// scans; the second, niced, seals and merges. They share the processors by the system's weights: a query never waits
/// for a seal that has begun, or for those behind it, and under any load of queries seals go on.
final class Workers: WorkScheduler {
    private let answering: Crew
    private let upkeep: Crew

    /// - Parameters:
    ///   - count: threads of each crew.
    ///   - nice: niceness of the threads that seal and merge.
    init(count: Int, nice: Int) {
        answering = Crew(name: "dendro-work", count: count, nice: 0, lanes: [.decode, .query], takesTurns: true)
        upkeep = Crew(name: "dendro-seal", count: count, nice: nice, lanes: [.seal, .merge], takesTurns: false)
    }

    /// Queues `work`; returns at once.
    func submit(_ priority: WorkPriority, _ work: @escaping @Sendable () -> Void) {
        switch priority {
        case .decode, .query: answering.submit(priority, work)
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
        /// The next to be asked first.
        var lanes: [Lane]
        let takesTurns: Bool
        var isStopped = false

        mutating func pop() -> (@Sendable () -> Void)? {
            for index in lanes.indices {
                guard let work = lanes[index].pop() else { continue }
                if takesTurns { lanes.append(lanes.remove(at: index)) }
                return work
            }
            return nil
        }
    }

    private let queue: Gate<Queue>
    private let threads: Mutex<[OSThread]> = Mutex([])

    /// - Parameters:
    ///   - lanes: the priorities, the first one first.
    ///   - takesTurns: whether instead the one served last is asked last.
    init(name: String, count: Int, nice: Int, lanes: [WorkPriority], takesTurns: Bool) {
        queue = Gate(Queue(lanes: lanes.map { Lane(priority: $0) }, takesTurns: takesTurns))
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
