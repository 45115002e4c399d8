import Access
import Bytes
import Model
import NIOCore
import Observe
import Push
import Receive
import Store

/// A push as the front handler hands it over: what a decoder needs, and nothing that belongs to an event loop.
struct PushRequest: Sendable {
    var route: PushRoute
    /// Path and query as sent.
    var target: RoutePath
    var contentType: String?
    var contentEncoding: String?
    var idempotencyKey: String?
    /// Name of the zone of timestamps that name none.
    var timeZone: String?
    var identity = Identity.anybody
    var body: ByteBuffer

    var answerForm: PushAnswerForm { route.answerForm(contentType: contentType) }

    /// Whether decoding takes long enough to be done on a worker thread.
    func isLarge(_ options: ServerOptions) -> Bool {
        let isPlain = (contentEncoding ?? "").isEmpty || contentEncoding == "identity"
        let isPacked = !isPlain || (route == .loki && contentType?.hasPrefix("application/json") != true)
        return body.readableBytes > (isPacked ? options.inlineCompressedBytes : options.inlinePlainBytes)
    }
}

/// How the outcome of a push is told.
enum PushAnswerForm: Sendable {
    case loki
    case plain
    case otlp(OTLPPush.Form)
}

/// Which push format a path speaks.
enum PushRoute: String, Sendable {
    case loki
    case plain
    /// OpenTelemetry logs.
    case otlp

    /// The push route at `path`, or nil, with the name under which it is counted.
    static func at(_ path: String) -> (route: PushRoute, name: String)? {
        switch path {
        case "/loki/api/v1/push": (.loki, "loki_api_v1_push")
        case "/api/prom/push": (.loki, "api_prom_push")
        case "/otlp/v1/logs": (.otlp, "otlp_v1_logs")
        case "/v1/logs": (.otlp, "v1_logs")
        case "/api/v1/push": (.plain, "api_v1_push")
        case "/api/v1/logs": (.plain, "api_v1_logs")
        default: nil
        }
    }

    func answerForm(contentType: String?) -> PushAnswerForm {
        switch self {
        case .loki: .loki
        case .plain: .plain
        case .otlp: .otlp(OTLPPush.form(contentType: contentType) ?? .protobuf)
        }
    }

    func allows(_ method: String) -> Bool { method == "POST" || (self == .plain && method == "PUT") }
}

/// Pushes, from the whole body to the answer. `answer` is called once, on any thread.
struct PushRoutes: Sendable {
    let backend: Backend
    let options: ServerOptions
    private let arrival = ArrivalClock()

    init(backend: Backend, options: ServerOptions) {
        self.backend = backend
        self.options = options
    }

    func respond(_ request: PushRequest, _ answer: @escaping @Sendable (Answer) -> Void) {
        backend.metrics.ingest.bodyBytes.add(request.body.readableBytes)
        // What is stored below keeps no hold of the body: its buffer is free while the sync is waited for.
        let form = request.answerForm
        let identity = request.identity
        guard request.isLarge(options) else { return store(identity, form, decode(request), answer) }
        let scheduler = backend.scheduler
        Task {
            let decoded = await scheduler.run(.decode) { decode(request) }
            store(identity, form, decoded, answer)
        }
    }

    private func decode(_ request: PushRequest) -> Result<ReceiveResult, ReceiveError> {
        let now = backend.clock.nowNanoseconds()
        let body = request.body.readableBytesUInt8Span
        do throws(ReceiveError) {
            let options = backend.receiveOptions(request.identity.tenant)
            var result: ReceiveResult
            switch request.route {
            case .loki:
                result = try LokiPush.decode(
                    body: body, contentType: request.contentType, contentEncoding: request.contentEncoding,
                    options: options, now: now)
            case .plain:
                result = try PlainPush.decode(
                    body: body, queryLabels: try queryLabels(request), contentEncoding: request.contentEncoding,
                    options: options, now: now, arrival: arrival, zone: try zone(request))
            case .otlp:
                result = try OTLPPush.decode(
                    body: body, contentType: request.contentType, contentEncoding: request.contentEncoding,
                    options: options, now: now, arrival: arrival)
            }
            result.batch.tenant = request.identity.tenant
            if result.everyEntryHadTimestamp || request.idempotencyKey != nil {
                result.batch.key = backend.batchKey(
                    request.identity, request.target.target, idempotencyKey: request.idempotencyKey, body)
            }
            return .success(result)
        } catch {
            return .failure(error)
        }
    }

    private func zone(_ request: PushRequest) throws(ReceiveError) -> TimeZoneTable? {
        guard let name = request.timeZone else { return nil }
        do throws(ParameterError) {
            return try ObservabilityParameters.zone(name)
        } catch {
            throw ReceiveError.malformed("X-Dendro-Time-Zone: " + error.message)
        }
    }

    private func queryLabels(_ request: PushRequest) throws(ReceiveError) -> [(name: String, value: String)] {
        do throws(ParameterError) {
            return try RequestParameters(query: request.target.query).pairs
        } catch {
            throw ReceiveError.malformed(error.message)
        }
    }

    private func store(
        _ identity: Identity, _ form: PushAnswerForm, _ decoded: Result<ReceiveResult, ReceiveError>,
        _ answer: @escaping @Sendable (Answer) -> Void
    ) {
        let metrics = backend.metrics.ingest
        let result: ReceiveResult
        switch decoded {
        case .success(let success): result = success
        case .failure(let error):
            metrics.reject(error.status == 413 ? "request_too_large" : "invalid_request", count: 1)
            return answer(ErrorAnswers.refused(error, as: form))
        }
        for (reason, count) in result.rejectedByReason { metrics.reject(reason.rawValue, count: count) }
        metrics.unreadableTimestamps.add(result.unreadableTimestamps)
        if !result.scrubbed.isEmpty {
            for rule in ScrubRule.allCases { metrics.scrub(rule.name, count: result.scrubbed[rule]) }
        }
        guard !result.batch.isEmpty else {
            return answer(ErrorAnswers.stored(Receipt(acceptedRows: 0, duplicateRows: 0), result, as: form))
        }
        let lineBytes = result.batch.rows.reduce(0) { $0 &+ Int($1.lineCount) }
        if let denial = identity.denial(of: result.batch) {
            metrics.reject("other_app", count: result.batch.rows.count)
            return answer(ErrorAnswers.denied(denial, as: form))
        }
        let lineCount = result.batch.rows.count
        if let seconds = backend.access.admit(
            identity, lines: lineCount, bytes: lineBytes, monotonicNanoseconds: Machine.monotonicNanoseconds())
        {
            metrics.pushedBack.add()
            return answer(
                ErrorAnswers.throttled(identity, lines: lineCount, bytes: lineBytes, after: seconds, as: form))
        }
        backend.sink.append(result.batch) { outcome in
            switch outcome {
            case .success(let receipt):
                metrics.lines.add(receipt.acceptedRows)
                metrics.lineBytes.add(lineBytes)
                metrics.duplicates.add(receipt.duplicateRows)
                answer(ErrorAnswers.stored(receipt, result, as: form))
            case .failure(let error):
                metrics.pushedBack.add()
                answer(ErrorAnswers.pushedBack(error, as: form))
            }
        }
    }
}

extension Backend {
    /// What a repeat of a push is recognised by (storage rule 7).
    /// - Parameter target: path and query as sent.
    func batchKey(
        _ identity: Identity, _ target: String, idempotencyKey: String?, _ body: borrowing ByteSpan
    ) -> Hash128 {
        var head: [UInt8] = []
        head.appendPrefixed(identity.tenant.name)
        head.appendPrefixed(identity.tokenID ?? "")
        head.appendPrefixed(target)
        head.appendPrefixed(idempotencyKey ?? "")
        let outer = Hash.hash128(head, seed: batchKeySeed)
        return Hash128(
            high: Hash.hash64(body, seed: outer.high), low: Hash.hash64(body, seed: outer.low ^ 0x9e37_79b9_7f4a_7c15))
    }
}
