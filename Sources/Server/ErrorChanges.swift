import Access
import Bytes
import Errors
import Model
import Observe
import Receive

/// What people change of error groups: `POST errors/{id}/resolve` and the like, and deletion. Each change is durable
/// before it is answered, and named in the audit log.
struct ErrorChanges: Sendable {
    let backend: Backend

    func answer(_ call: Call) async throws -> Answer {
        if let denial = call.identity.denial(of: .change) { return ErrorAnswers.denied(denial, path: call.path) }
        guard let log = backend.errors, let group = ErrorRoutes.group(call, log) else {
            return ErrorRoutes.missing(call)
        }
        let body = call.body.isEmpty ? JSONValue.object([]) : try JSONValue(body: call.body)
        let by = body["by"]?.string ?? call.identity.description
        let comment = String((body["comment"]?.string ?? "").prefix(2000))
        let now = backend.clock.nowNanoseconds()
        let tenant = call.identity.tenant
        let changed: ErrorGroup?
        switch call.captures[1] {
        case "merge":
            guard let target = body["into"]?.string else {
                throw ParameterError("merge needs a body such as {\"into\":\"e_…\"}")
            }
            guard let other = log.group(tenant, target), other.id != group.id else {
                throw ParameterError("there is no other error group '\(target)' to merge into")
            }
            if let app = call.identity.app, app != other.app { return ErrorRoutes.missing(call) }
            changed = log.merge(group.id, into: target, tenant, by: by, now: now)
        case "split": changed = log.split(call.captures[0], tenant)
        default:
            guard let change = try ErrorChanges.change(call.captures[1], body, of: group, log, tenant) else {
                return ErrorAnswers.observability(404, "there is no such route", code: "not_found")
            }
            changed = log.apply(change, to: group.id, tenant, by: by, comment: comment, now: now)
        }
        guard let changed else {
            return ErrorAnswers.observability(409, "this group cannot be changed in that way", code: "conflict")
        }
        if let failure = await save() { return failure }
        AuditLog.write("error group changed", call, [("group", group.id), ("change", call.captures[1]), ("by", by)])
        return ErrorShapes(now: now).detail(changed).answer()
    }

    private static func change(
        _ name: String, _ body: JSONValue, of group: ErrorGroup, _ log: ErrorLog, _ tenant: TenantID
    ) throws(ParameterError) -> ErrorLog.Change? {
        switch name {
        case "resolve": return .resolve(try resolution(body["in_release"], of: group, log, tenant))
        case "reopen": return .reopen
        case "comment": return .comment
        case "assign": return .assign(body["assignee"]?.string ?? body["to"]?.string ?? "")
        case "ignore":
            let until = try body["until"]?.string.map { text throws(ParameterError) in
                try ObservabilityParameters.instant(text, name: "until")
            }
            let users = try whole(body["users"], "users", through: ErrorGroup.usersLimit - group.userCount)
            return .ignore(until: until ?? 0, count: try whole(body["count"], "count", through: 1 << 50), users: users)
        default: return nil
        }
    }

    /// `null`, a release, or `next`: whatever comes after the newest that errors of the app have named.
    private static func resolution(
        _ value: JSONValue?, of group: ErrorGroup, _ log: ErrorLog, _ tenant: TenantID
    ) throws(ParameterError) -> Resolution? {
        switch value {
        case nil, .null: return nil
        default: break
        }
        guard let release = value?.string, (1...Resolution.releaseLimit).contains(release.utf8.count) else {
            throw ParameterError("in_release is a release of at most \(Resolution.releaseLimit) bytes, or \"next\"")
        }
        guard release == "next" else { return Resolution(release) }
        guard let newest = log.newestRelease(tenant, app: group.app) else {
            throw ParameterError("in_release is \"next\", but no error of '\(group.app)' has named a release yet")
        }
        return Resolution(newest, isAfter: true)
    }

    /// A whole number; 0 where none is given.
    private static func whole(
        _ value: JSONValue?, _ name: String, through most: Int
    ) throws(ParameterError) -> Int {
        switch value {
        case nil, .null: return 0
        default: break
        }
        guard let number = value?.double, number >= 0, number <= Double(most), number == number.rounded() else {
            throw ParameterError("\(name) is a whole number from 0 to \(most)")
        }
        return Int(number)
    }

    /// `DELETE errors/{id}`, and `DELETE errors/cleanup?days=`.
    func delete(_ call: Call) async throws -> Answer {
        if let denial = call.identity.denial(of: .change) { return ErrorAnswers.denied(denial, path: call.path) }
        guard let log = backend.errors else { return ErrorRoutes.missing(call) }
        let tenant = call.identity.tenant
        var count = 1
        if call.captures[0] == "cleanup" {
            let days = try ObservabilityParameters.whole(call.parameters, "days", 1...3650) ?? 7
            let oldest = backend.clock.nowNanoseconds() - Int64(days) * Nanoseconds.perDay
            count = log.deleteUnseen(since: oldest, tenant, app: call.identity.app)
        } else {
            guard let group = ErrorRoutes.group(call, log), log.delete(group.id, tenant) else {
                return ErrorRoutes.missing(call)
            }
        }
        if let failure = await save() { return failure }
        AuditLog.write("error groups deleted", call, [("group", call.captures[0]), ("count", "\(count)")])
        return JSONValue.object([("deleted", .int(count))]).answer()
    }

    func save() async -> Answer? {
        guard let reason = await backend.saveObservations() else { return nil }
        return ErrorAnswers.observability(503, "the change could not be stored: \(reason)", code: "not_stored")
    }
}

/// `POST errors`: a capture without any SDK. The body, as the original service writes its error files, becomes a log
/// line of level error and is counted in its group like any other. Limits and repeats are those of a push.
struct ErrorCapture: Sendable {
    let backend: Backend

    func answer(_ call: Call) async throws -> Answer {
        if let denial = call.identity.denial(of: .push) { return ErrorAnswers.denied(denial, path: call.path) }
        guard !call.body.isEmpty else { throw ParameterError("the body is one error as JSON, or several as lines") }
        let app = call.identity.app ?? call.parameters.value("app") ?? "unknown"
        var result: ReceiveResult
        do throws(ReceiveError) {
            result = try PlainPush.decode(
                body: call.body.span, queryLabels: [("app", app), ("level", "error")],
                contentEncoding: call.header("Content-Encoding"), options: backend.receiveOptions(call.identity.tenant),
                now: backend.clock.nowNanoseconds(), arrival: ArrivalClock())
        } catch {
            return ErrorAnswers.observability(error.status, error.message, code: "bad_request")
        }
        result.batch.tenant = call.identity.tenant
        let repeated = call.header("Idempotency-Key")
        if result.everyEntryHadTimestamp || repeated != nil {
            result.batch.key = backend.batchKey(
                call.identity, "\(call.path)?app=\(app)", idempotencyKey: repeated, call.body.span)
        }
        let batch = result.batch
        guard !batch.isEmpty else { throw ParameterError("the body holds no error that can be stored") }
        if let allowed = call.identity.app, batch.streams.contains(where: { $0.value(of: "app") != allowed }) {
            return ErrorAnswers.denied(.otherApp(allowed: allowed, found: nil), path: call.path)
        }
        if let answer = throttled(batch, call) { return answer }
        let stored = await withCheckedContinuation { continuation in
            backend.sink.append(batch) { continuation.resume(returning: $0) }
        }
        if case .failure(let error) = stored { return ErrorAnswers.pushedBack(error, as: .plain) }
        if let failure = await ErrorChanges(backend: backend).save() { return failure }
        let ids = batch.rows.map { ErrorLog.groupID(of: $0, in: batch) }
        return JSONValue.object([
            ("count", .int(ids.count)), ("error_id", ids.first.map { .optional($0) } ?? .null),
            ("error_ids", .array(ids.map { .optional($0) })),
        ]).answer(201)
    }

    private func throttled(_ batch: Batch, _ call: Call) -> Answer? {
        let lines = batch.rows.count
        let bytes = batch.rows.reduce(0) { $0 &+ Int($1.lineCount) }
        guard
            let seconds = backend.access.admit(
                call.identity, lines: lines, bytes: bytes, monotonicNanoseconds: Machine.monotonicNanoseconds())
        else { return nil }
        backend.metrics.ingest.pushedBack.add()
        return ErrorAnswers.throttled(call.identity, lines: lines, bytes: bytes, after: seconds, as: .plain)
    }
}
