// Observe: what dendro knows about itself. Counters and histograms that the hot paths bump without allocating,
// figures of the process, and the Prometheus text that shows them. It knows no HTTP, no store and no routes: they
// hand it numbers.

public import Bytes

/// All counters of one server, handed to whoever bumps them.
public final class Metrics: Sendable {
    public let requests = RequestMetrics()
    public let ingest = IngestMetrics()
    public let queries = QueryMetrics()
    public let tails = TailMetrics()
    /// When the server was made, in nanoseconds since 1970.
    public let startedNanoseconds: Int64

    public init(clock: any WallClock = SystemClock()) {
        startedNanoseconds = clock.nowNanoseconds()
    }
}
