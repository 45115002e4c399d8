import Bytes
import Model
import Receive
import Synchronization

/// Lines that the server writes of itself, on their way into the store as those of the app dendro: requests that it
/// answered, and what its log says from warnings on. They wait in a queue that drops what has no room, and come into
/// the store as a push of others would. Pushes, and what dendro's own commands ask, make no lines, so that lines never
/// make lines.
public final class OwnLines: Sendable {
    private struct State {
        var requests: [UInt8] = []
        var messages: [UInt8] = []
        var storedCount = 0
        var droppedCount = 0
        var waitingCount = 0
        var isStoring = false
        /// On the monotonic clock: after a failure nothing is tried for a while.
        var pausedUntil: Int64 = 0
    }

    static let limitBytes = 1 << 20
    private static let pauseNanoseconds = Nanoseconds.perMinute

    private let state = Mutex(State())

    public init() {}

    /// Where the server's log goes as well; nil for nowhere else.
    static let ofLog = Mutex<OwnLines?>(nil)

    /// Makes these the lines of the server's log too.
    public func followLog() { OwnLines.ofLog.withLock { $0 = self } }

    var stored: Int { state.withLock { $0.storedCount } }
    var dropped: Int { state.withLock { $0.droppedCount } }

    /// Takes a line of JSON with its line feed.
    func add(_ line: [UInt8], isRequest: Bool) {
        state.withLock { state in
            let isFull = state.requests.count + state.messages.count + line.count > OwnLines.limitBytes
            guard !isFull, state.pausedUntil < Machine.monotonicNanoseconds() else {
                state.droppedCount &+= 1
                return
            }
            state.waitingCount += 1
            if isRequest { state.requests += line } else { state.messages += line }
        }
    }

    /// Stores what waits, once a second, until the task is cancelled.
    public func run(_ backend: Backend) async {
        while !Task.isCancelled {
            do { try await Task.sleep(for: .seconds(1)) } catch { break }
            flush(backend)
        }
        flush(backend)
    }

    /// Stores what waits, unless that is still under way.
    func flush(_ backend: Backend) {
        let waiting = state.withLock { state -> (requests: [UInt8], messages: [UInt8], count: Int)? in
            guard !state.isStoring, state.waitingCount > 0 else { return nil }
            defer {
                state.isStoring = true
                (state.requests, state.messages, state.waitingCount) = ([], [], 0)
            }
            return (state.requests, state.messages, state.waitingCount)
        }
        guard let waiting else { return }
        let batches = [(waiting.requests, "request"), (waiting.messages, "log")].compactMap { bytes, kind in
            bytes.isEmpty ? nil : OwnLines.batch(bytes, kind, backend)
        }
        if batches.isEmpty { return end(waiting.count, isStored: false) }
        let shared = Shared(count: batches.count)
        for batch in batches {
            backend.sink.append(batch) { [self] result in
                let isStored = if case .success = result { true } else { false }
                if shared.isLast(isStored) { end(waiting.count, isStored: shared.isWhole) }
            }
        }
    }

    private func end(_ count: Int, isStored: Bool) {
        state.withLock { state in
            state.isStoring = false
            if isStored {
                state.storedCount &+= count
            } else {
                state.droppedCount &+= count
                state.pausedUntil = Machine.monotonicNanoseconds() &+ OwnLines.pauseNanoseconds
            }
        }
    }

    private static func batch(_ bytes: [UInt8], _ kind: String, _ backend: Backend) -> Batch? {
        do throws(ReceiveError) {
            let result = try PlainPush.decode(
                body: bytes.span, queryLabels: [("app", "dendro"), ("kind", kind)], contentEncoding: nil,
                options: backend.receiveOptions(.standard), now: backend.clock.nowNanoseconds(),
                arrival: ArrivalClock())
            return result.batch.isEmpty ? nil : result.batch
        } catch {
            return nil
        }
    }
}

/// How many batches of a flush are still under way.
private final class Shared: Sendable {
    private let state: Mutex<(left: Int, isWhole: Bool)>

    init(count: Int) { state = Mutex((count, true)) }

    var isWhole: Bool { state.withLock { $0.isWhole } }

    func isLast(_ isStored: Bool) -> Bool {
        state.withLock { state in
            state.left -= 1
            state.isWhole = state.isWhole && isStored
            return state.left == 0
        }
    }
}
