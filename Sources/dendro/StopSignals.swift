import Dispatch
import Glibc
import Synchronization

/// SIGTERM and SIGINT: the first asks the server to stop, a second ends the process at once.
final class StopSignals {
    private final class Presses: Sendable {
        let count = Atomic<Int>(0)
    }

    private var sources: [any DispatchSourceSignal] = []

    init(_ stop: @escaping @Sendable (_ name: String) -> Void) {
        signal(SIGPIPE, SIG_IGN)
        let queue = DispatchQueue(label: "dendro.signals")
        let presses = Presses()
        for (number, name) in [(SIGTERM, "SIGTERM"), (SIGINT, "SIGINT")] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler {
                if presses.count.wrappingAdd(1, ordering: .relaxed).newValue > 1 { Glibc._exit(130) }
                stop(name)
            }
            source.resume()
            sources.append(source)
        }
    }

    /// Listens no longer; a signal has no effect from now on.
    func cancel() {
        for source in sources { source.cancel() }
    }
}
