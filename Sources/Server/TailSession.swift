import Access
import Bytes
import Grafana
import LogQL
import Model
import NIOWebSocket
import Observe
import Query
import Store

/// One live tail: the newest entries of the past, then what arrives, until the client or the time ends it.
///
/// Rows wait in the follower's queue while the client takes a message: a slow client costs the memory of that queue and
/// one message, and is told what it missed.
struct TailSession: Sendable {
    let routes: TailRoutes
    let request: TailRequest
    let identity: Identity
    let socket: TailSocket
    var tenant: TenantID { identity.tenant }

    /// Memory that rows waiting for one client may hold.
    private static let waitingBytes = 8 << 20
    /// Entries of one message.
    private static let messageEntries = 1000
    /// Time between messages while nothing waits: what arrives meanwhile goes out together.
    private static let pauseNanoseconds: UInt64 = 200_000_000
    /// Longest life of a tail.
    private static let lifeNanoseconds: Int64 = 3600 * 1_000_000_000

    /// Runs until the tail ends.
    func run() async {
        if let refusal = routes.enter(tenant) { return socket.close(.unexpectedServerError, refusal) }
        defer { routes.leave(tenant) }
        do {
            try await follow()
        } catch let error as QueryError {
            socket.close(.unexpectedServerError, error.message)
        } catch {
            // The client is gone, or takes nothing any more.
        }
    }

    private func follow() async throws {
        guard case .log(let query) = request.expression else {
            throw QueryError(.invalid, "tail is for log queries: a metric query has no lines to follow")
        }
        guard let live = routes.backend.live else { throw QueryError(.unsupported, "nothing can be followed here") }
        let scan = try routes.executor.tail(query.bounded(by: identity), categorizes: request.categorizes)
        let (wakes, wake) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let follower = live.follow(tenant, limitBytes: Self.waitingBytes) { wake.yield() }
        defer { follower.end() }
        let ends = Task {
            try await Task.sleep(nanoseconds: UInt64(Self.lifeNanoseconds))
            socket.close(.normalClosure, "reached tail max duration limit")
        }
        defer { ends.cancel() }
        // Following begins before the past is looked up: nothing falls in between, and what is in both is left out.
        let past = try await history()
        var known = KnownEntries(past)
        let knownUntil = Machine.monotonicNanoseconds()
        if !past.isEmpty { try await send(past, []) }
        var backlog = TailBacklog(follower: follower, scan: scan, delay: request.delayNanoseconds)
        for await _ in wakes {
            var isBehind = true
            while isBehind {
                try Task.checkCancellation()
                let work = backlog
                let (next, batch) = await routes.backend.scheduler.run(.query) {
                    var backlog = work
                    let batch = backlog.next(limit: Self.messageEntries)
                    return (backlog, batch)
                }
                backlog = next
                var streams = batch.streams
                if batch.oldestArrival <= knownUntil { streams = known.removed(from: streams) }
                if !streams.isEmpty || !batch.missed.samples.isEmpty {
                    try await send(streams, batch.missed.samples.filter { scan.wants($0.labels) })
                }
                routes.backend.metrics.tails.missed.add(batch.missed.count)
                isBehind = backlog.isWaiting
                if batch.waitNanoseconds > 0 {
                    try await Task.sleep(nanoseconds: UInt64(batch.waitNanoseconds))
                }
            }
            try await Task.sleep(nanoseconds: Self.pauseNanoseconds)
        }
    }

    /// The newest entries of the past, oldest first.
    private func history() async throws -> [LogStream] {
        let now = routes.backend.clock.nowNanoseconds()
        var parameters = QueryParameters(range: min(request.start, now), now)
        parameters.tenant = tenant
        parameters.limit = min(request.limit, routes.backend.limits.queryEntries.value)
        parameters.direction = .backward
        parameters.categorizesLabels = request.categorizes
        let answer = try await routes.executor.run(
            request.expression, parameters, source: routes.backend.source(for: identity))
        guard case .streams(let streams) = answer.result else { return [] }
        return streams.map { LogStream(labels: $0.labels, entries: $0.entries.reversed()) }
    }

    private func send(_ streams: [LogStream], _ dropped: [TailWriter.Dropped]) async throws {
        let message: [UInt8]
        switch request.form {
        case .streams:
            message = TailWriter.message(
                streams, dropped: dropped, categorizes: request.categorizes, encodingFlags: request.encodingFlags)
        case .legacy: message = TailWriter.legacyMessage(streams, dropped: dropped)
        }
        routes.backend.metrics.tails.entries.add(streams.reduce(0) { $0 + $1.entries.count })
        try await socket.send(message)
    }
}

/// Entries that were sent as the past and may arrive again.
struct KnownEntries {
    private struct Entry: Hashable {
        let labels: LabelSet
        let entry: LogEntry
    }

    private var counts: [Entry: Int] = [:]

    init(_ streams: [LogStream]) {
        for stream in streams {
            for entry in stream.entries { counts[Entry(labels: stream.labels, entry: entry), default: 0] += 1 }
        }
    }

    /// The streams without the entries that are known, each left out as often as it is.
    mutating func removed(from streams: [LogStream]) -> [LogStream] {
        guard !counts.isEmpty else { return streams }
        var result: [LogStream] = []
        for stream in streams {
            var rest = stream
            rest.entries.removeAll { entry in
                let key = Entry(labels: stream.labels, entry: entry)
                guard let count = counts[key] else { return false }
                counts[key] = count > 1 ? count - 1 : nil
                return true
            }
            if !rest.entries.isEmpty { result.append(rest) }
        }
        return result
    }
}
