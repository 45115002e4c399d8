import Access
import Bytes
import LogQL
import Model
import NIOCore
import Observe
import Query
import Store

/// `GET /api/v1/observability/logs/tail`: lines as they arrive, as server-sent events.
struct LogTailRoute: Sendable {
    let tails: TailRoutes

    var routes: [Route] { [ObservabilityRoute.make("logs/tail") { try answer($0) }] }

    private func answer(_ call: Call) throws -> Answer {
        guard let live = tails.backend.live else {
            return ErrorAnswers.observability(503, "nothing can be followed here", code: "unsupported")
        }
        guard case .log(let query) = try tails.executor.parse(try LogsQuery.text(call.parameters), dialect: .dendro)
        else {
            throw ParameterError("q is a metric query; this route answers with lines")
        }
        let scan = try tails.executor.tail(query.bounded(by: call.identity), categorizes: true)
        let tenant = call.identity.tenant
        if let refusal = tails.enter(tenant) {
            return ErrorAnswers.observability(429, refusal, code: "too_many_tails")
        }
        let follower = live.follow(tenant, limitBytes: LogTail.waitingBytes) {}
        var answer = Answer(
            status: 200, headers: [("Content-Type", "text/event-stream"), ("Cache-Control", "no-cache")])
        answer.stream = LogTail(TailBacklog(follower: follower, scan: scan, delay: 0), tails, tenant)
        return answer
    }
}

/// Lines as server-sent events: `data:` and the line as JSON, with its id. A comment every now and then keeps the
/// connection and finds out whether anybody listens.
actor LogTail: AnswerStream {
    static let waitingBytes = 8 << 20
    private static let messageEntries = 1000
    private static let pause = Duration.milliseconds(100)
    private static let quietNanoseconds: Int64 = 15 * Nanoseconds.perSecond

    private var backlog: TailBacklog
    private let tails: TailRoutes
    private let tenant: TenantID
    private let follower: Follower
    private var hasBegun = false

    init(_ backlog: TailBacklog, _ tails: TailRoutes, _ tenant: TenantID) {
        self.backlog = backlog
        self.tails = tails
        self.tenant = tenant
        follower = backlog.follower
    }

    deinit {
        follower.end()
        tails.leave(tenant)
    }

    func next() async throws -> ByteBuffer? {
        if !hasBegun {
            hasBegun = true
            return ByteBuffer(string: ": following\n\n")
        }
        let began = Machine.monotonicNanoseconds()
        while Machine.monotonicNanoseconds() - began < Self.quietNanoseconds {
            let work = backlog
            let (next, batch) = await tails.backend.scheduler.run(.query) {
                var backlog = work
                let batch = backlog.next(limit: Self.messageEntries)
                return (backlog, batch)
            }
            backlog = next
            tails.backend.metrics.tails.missed.add(batch.missed.count)
            var out: [UInt8] = []
            let lines = ShownLine.lines(batch.streams, isAscending: true)
            for line in lines {
                out.append(contentsOf: "id: \(line.id)\ndata: ".utf8)
                line.append(to: &out)
                out.append(contentsOf: "\n\n".utf8)
            }
            if batch.missed.count > 0 {
                out.append(contentsOf: "event: missed\ndata: {\"count\":\(batch.missed.count)}\n\n".utf8)
            }
            tails.backend.metrics.tails.entries.add(lines.count)
            if !out.isEmpty { return ByteBuffer(bytes: out) }
            if !backlog.isWaiting { try await Task.sleep(for: Self.pause) }
        }
        return ByteBuffer(string: ": still here\n\n")
    }

    func trailers() -> [(name: String, value: String)] { [] }
}
