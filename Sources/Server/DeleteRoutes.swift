import Access
import Bytes
import LogQL
import Model
import Query
import Store

/// Loki's delete requests (http-api section 12): parameters come in the URL, bodies are ignored.
struct DeleteRoutes: Sendable {
    private static let path = "/loki/api/v1/delete"

    let backend: Backend
    let executor: QueryExecutor

    var routes: [Route] {
        [
            Route(["POST", "PUT", "GET", "DELETE"], DeleteRoutes.path) { call in
                switch call.method {
                case "GET": list(call)
                case "DELETE": try await cancel(call)
                default: try await create(call)
                }
            }
        ]
    }

    private func create(_ call: Call) async throws -> Answer {
        let range: TimeRange
        let query: String
        do throws(ParameterError) {
            (query, range) = try DeleteRoutes.read(call.query, now: backend.clock.nowNanoseconds())
        } catch {
            return .text(400, error.message + "\n")
        }
        do throws(DeletionError) {
            let request = try await backend.operations.requestDeletion(
                of: try bounded(query, call.identity), in: range, tenant: call.identity.tenant)
            AuditLog.write("deletion requested", call, [("request", request.id), ("query", request.query)])
            var answer = Answer.noContent
            answer.headers.append(("X-Delete-Request-ID", request.id))
            return answer
        } catch {
            switch error {
            case .invalidQuery(let reason): return .text(400, "invalid query expression: \(reason)\n")
            case .tooMany: return .text(429, error.description + "\n")
            default: return .text(500, error.description + "\n")
            }
        }
    }

    private func list(_ call: Call) -> Answer {
        var out: [UInt8] = [0x5b]
        for (index, request) in requests(call.identity).enumerated() {
            if index > 0 { out.append(0x2c) }
            DeleteRoutes.append(request, to: &out)
        }
        out.append(contentsOf: "]\n".utf8)
        return Answer(status: 200, headers: [("Content-Type", "application/json")], body: out)
    }

    /// `force` cancels what has begun to be executed elsewhere; here nothing can be brought back from the disk then.
    private func cancel(_ call: Call) async throws -> Answer {
        let id = call.query.first("request_id") ?? ""
        do throws(DeletionError) {
            guard requests(call.identity).contains(where: { $0.id == id }) else { throw DeletionError.unknown }
            try await backend.operations.cancelDeletion(id, tenant: call.identity.tenant)
            AuditLog.write("deletion cancelled", call, [("request", id)])
            return .noContent
        } catch {
            switch error {
            case .unknown: return .text(404, "could not find delete request with given id\n")
            case .underWay:
                return .text(400, "deletion of request which is in process or already processed is not supported\n")
            default: return .text(500, error.description + "\n")
            }
        }
    }

    /// The requests that `identity` may know of.
    private func requests(_ identity: Identity) -> [DeleteRequest] {
        let all = backend.operations.deleteRequests(identity.tenant)
        guard let app = identity.app else { return all }
        return all.filter { request in
            guard case .log(let query)? = try? executor.parse(request.query) else { return false }
            return query.isBounded(to: app)
        }
    }

    /// The query as far as `identity` may delete.
    private func bounded(_ text: String, _ identity: Identity) throws(DeletionError) -> String {
        guard identity.app != nil else { return text }
        do throws(QueryError) {
            guard case .log(let query) = try executor.parse(text) else {
                throw QueryError(.invalid, "only log queries name entries")
            }
            return query.bounded(by: identity).description
        } catch {
            throw .invalidQuery(error.message)
        }
    }

    /// What to delete, in the reference's order of checks.
    static func read(_ parameters: RequestParameters, now: Int64) throws(ParameterError) -> (String, TimeRange) {
        guard let query = parameters.value("query") else { throw ParameterError("query not set") }
        guard let text = parameters.value("start") else { throw ParameterError("start time not set") }
        guard let start = time(text) else {
            throw ParameterError("invalid start time: require unix seconds or RFC3339 format")
        }
        var end = now
        if let text = parameters.value("end") {
            guard let given = time(text) else {
                throw ParameterError("invalid end time: require unix seconds or RFC3339 format")
            }
            guard given <= now else { throw ParameterError("deletes in the future are not allowed") }
            end = given
        }
        guard start <= end else { throw ParameterError("start time can't be greater than end time") }
        if let text = parameters.value("max_interval") {
            guard let interval = TimeParameters.prometheusDuration(text), interval > 0 else {
                throw ParameterError("invalid max_interval: valid time units are 's', 'm', 'h'")
            }
            guard interval <= end &- start else {
                throw ParameterError("max_interval can't be greater than the interval to be deleted")
            }
        }
        // Both ends belong to the range.
        return (query, TimeRange(start: start, end: end.addingReportingOverflow(1).partialValue))
    }

    /// Unix seconds of exactly ten digits, or RFC 3339.
    private static func time(_ text: String) -> Int64? {
        if text.utf8.count == 10, text.utf8.allSatisfy({ (48...57).contains($0) }), let seconds = Int64(text) {
            let (time, overflow) = seconds.multipliedReportingOverflow(by: Nanoseconds.perSecond)
            return overflow ? nil : time
        }
        return RFC3339.parse([UInt8](text.utf8).span)
    }

    private static func append(_ request: DeleteRequest, to out: inout [UInt8]) {
        out.append(contentsOf: "{\"request_id\":".utf8)
        JSONText.append(request.id, to: &out)
        let start = request.range.start / Nanoseconds.perSecond
        let end = (request.range.end &- 1) / Nanoseconds.perSecond
        out.append(contentsOf: ",\"start_time\":\(start),\"end_time\":\(end),\"query\":".utf8)
        JSONText.append(request.query, to: &out)
        out.append(contentsOf: ",\"status\":".utf8)
        JSONText.append(status(request.status), to: &out)
        let milliseconds = request.createdAt / Nanoseconds.perMillisecond
        let fraction = String(1000 + milliseconds % 1000).dropFirst()
        out.append(contentsOf: ",\"created_at\":\(milliseconds / 1000).\(fraction),\"user_id\":\"\"}".utf8)
    }

    private static func status(_ status: DeleteRequest.Status) -> String {
        switch status {
        case .received: "received"
        case .underWay: "building delete manifest"
        case .processed: "processed"
        }
    }
}
