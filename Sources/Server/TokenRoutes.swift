import Access
import Bytes
import Model
import Store

/// Making, listing and revoking tokens, for operators.
struct TokenRoutes: Sendable {
    private static let path = "/api/v1/admin/tokens"

    let backend: Backend

    var routes: [Route] {
        [
            Route(["GET", "POST", "DELETE"], TokenRoutes.path) { call in
                switch call.method {
                case "GET": list()
                case "POST": await create(call)
                default: await revoke(call)
                }
            }
        ]
    }

    private func list() -> Answer {
        var out = [UInt8]("{\"tokens\":[".utf8)
        let now = backend.clock.nowNanoseconds()
        for (index, token) in backend.access.tokens.enumerated() {
            if index > 0 { out.append(0x2c) }
            TokenRoutes.append(token, now: now, to: &out)
        }
        out.append(contentsOf: "]}\n".utf8)
        return .json(200, out)
    }

    private func create(_ call: Call) async -> Answer {
        // A server that asks nobody for a token would give the first one, and with it itself, to anybody who asks.
        guard call.identity.tokenID != nil else { return TokenRoutes.refused }
        guard let scope = Scope(name: call.parameters.first("scope") ?? "") else {
            return ErrorAnswers.observability(400, "scope is push, read or admin", code: "bad_request")
        }
        var order = TokenOrder(scope: scope)
        order.name = call.parameters.first("name") ?? ""
        order.app = call.parameters.value("app")
        if let tenant = call.parameters.value("tenant") { order.tenant = TenantID(tenant) }
        order.lifeSeconds = call.parameters.value("expires_seconds").map { Int($0) ?? -1 }
        order.linesPerSecond = call.parameters.value("lines_per_second").map { Int($0) ?? -1 } ?? 0
        order.bytesPerSecond = call.parameters.value("bytes_per_second").map { Int($0) ?? -1 } ?? 0
        if let fault = order.fault { return ErrorAnswers.observability(400, fault, code: "bad_request") }
        let (token, text) = order.made(at: backend.clock.nowNanoseconds())
        if let failure = await store(token) { return failure }
        AuditLog.write(
            "token created", call,
            [
                ("token", token.id), ("name", token.name), ("scope", scope.name), ("app", token.app ?? ""),
                ("tenant", token.tenant.name),
            ])
        var out = [UInt8]("{\"id\":".utf8)
        JSONText.append(token.id, to: &out)
        out.append(contentsOf: ",\"token\":".utf8)
        JSONText.append(text, to: &out)
        out.append(contentsOf: "}\n".utf8)
        return .json(201, out)
    }

    private func revoke(_ call: Call) async -> Answer {
        guard call.identity.tokenID != nil else { return TokenRoutes.refused }
        guard var token = backend.access.token(call.parameters.first("id") ?? "") else {
            return ErrorAnswers.observability(404, "there is no token of this id", code: "not_found")
        }
        if token.revokedAt == nil {
            token.revokedAt = backend.clock.nowNanoseconds()
            if let failure = await store(token) { return failure }
            AuditLog.write("token revoked", call, [("token", token.id), ("name", token.name)])
        }
        return .noContent
    }

    private static let refused = ErrorAnswers.observability(
        403, "make and revoke tokens with 'dendro token' on the server's machine", code: "forbidden")

    private func store(_ token: Token) async -> Answer? {
        do throws(StoreError) {
            try await backend.operations.save(token)
            backend.access.put(token)
            return nil
        } catch {
            return ErrorAnswers.observability(500, error.description, code: "not_stored")
        }
    }

    private static func append(_ token: Token, now: Int64, to out: inout [UInt8]) {
        let times = [("created_at", token.createdAt as Int64?), ("expires_at", token.expiresAt)]
        let state = token.revokedAt != nil ? "revoked" : token.isExpired(at: now) ? "expired" : "active"
        let texts = [
            ("name", token.name), ("scope", token.scope.name), ("app", token.app ?? ""),
            ("tenant", token.tenant.name), ("state", state),
        ]
        out.append(contentsOf: "{\"id\":".utf8)
        JSONText.append(token.id, to: &out)
        for (name, text) in texts {
            out.append(contentsOf: ",\"\(name)\":".utf8)
            JSONText.append(text, to: &out)
        }
        for (name, time) in times {
            out.append(contentsOf: ",\"\(name)\":".utf8)
            JSONText.append(time.map { RFC3339.format($0) } ?? "", to: &out)
        }
        let rates = ",\"lines_per_second\":\(token.linesPerSecond),\"bytes_per_second\":\(token.bytesPerSecond)}"
        out.append(contentsOf: rates.utf8)
    }
}
