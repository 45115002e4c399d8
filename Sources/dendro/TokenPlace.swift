import Access
import ArgumentParser
import Bytes
import Model
import NIOHTTP1
import Receive
import Store

/// Where tokens are: in a data folder that nobody has open, or with the server that has.
enum TokenPlace {
    private static let path = "/api/v1/admin/tokens"

    /// Runs `offline`, or `online` if a server has the folder open.
    static func run<R>(
        offline: () throws(StartError) -> R, online: () async throws -> R
    ) async throws -> R {
        do throws(StartError) {
            return try offline()
        } catch {
            guard error.code == Exit.locked else { throw Exit.failed(error.text, code: error.code) }
        }
        do {
            return try await online()
        } catch let error as StartError {
            throw Exit.failed(error.text, code: error.code)
        } catch let error as HTTPClient.Failure {
            throw Exit.failed(error.description, code: Exit.unreachable)
        }
    }

    // MARK: - Without a server

    static func create(_ order: TokenOrder, _ folder: String) throws(StartError) -> String {
        let lock = try DataFolder(folder)
        let (token, text) = order.made(at: SystemClock().nowNanoseconds())
        try change(folder, token)
        TokenMark(folder: folder).set()
        _ = consume lock
        return text
    }

    static func list(_ folder: String) throws(StartError) -> [TokenRow] {
        let lock = try DataFolder(existing: folder)
        let now = SystemClock().nowNanoseconds()
        let rows = try tokens(folder).sorted { $0.createdAt < $1.createdAt }.map { TokenRow($0, now: now) }
        _ = consume lock
        return rows
    }

    static func revoke(_ id: String, _ folder: String) throws(StartError) {
        let lock = try DataFolder(existing: folder)
        guard var token = try tokens(folder).first(where: { $0.id == id }) else {
            throw StartError("there is no token \(id)", code: Exit.rejected)
        }
        token.revokedAt = SystemClock().nowNanoseconds()
        try change(folder, token)
        _ = consume lock
    }

    private static func tokens(_ folder: String) throws(StartError) -> [Token] {
        do throws(StoreError) {
            let closed = try ClosedTokens(folder: folder)
            defer { closed.close() }
            return try closed.records().records.compactMap { Token(id: $0.id, encoded: $0.bytes) }
        } catch {
            throw StartError(error.description, code: Exit.cannotStart)
        }
    }

    private static func change(_ folder: String, _ token: Token) throws(StartError) {
        do throws(StoreError) {
            let closed = try ClosedTokens(folder: folder)
            defer { closed.close() }
            try closed.put(TokenRecord(id: token.id, version: Token.version, bytes: token.encoded))
        } catch {
            throw StartError(error.description, code: Exit.cannotStart)
        }
    }

    // MARK: - With a server

    static func create(_ order: TokenOrder, _ client: HTTPClient) async throws -> String {
        var pairs = [("scope", order.scope.name), ("name", order.name), ("tenant", order.tenant.name)]
        if let app = order.app { pairs.append(("app", app)) }
        if let seconds = order.lifeSeconds { pairs.append(("expires_seconds", String(seconds))) }
        if order.linesPerSecond > 0 { pairs.append(("lines_per_second", String(order.linesPerSecond))) }
        if order.bytesPerSecond > 0 { pairs.append(("bytes_per_second", String(order.bytesPerSecond))) }
        let reply = try await answer(client, .POST, pairs, 201)
        guard let text = reply?["token"]?.plain else {
            throw StartError("the server's answer cannot be read", code: Exit.rejected)
        }
        return text
    }

    static func list(_ client: HTTPClient) async throws -> [TokenRow] {
        try await answer(client, .GET, [], 200)?["tokens"]?.items.map { TokenRow($0) } ?? []
    }

    static func revoke(_ id: String, _ client: HTTPClient) async throws {
        _ = try await answer(client, .DELETE, [("id", id)], 204)
    }

    private static func answer(
        _ client: HTTPClient, _ method: HTTPMethod, _ pairs: [(String, String)], _ status: Int
    ) async throws -> JSONValue? {
        let reply = try await client.send(method, path + HTTPClient.query(pairs))
        guard reply.status == status else {
            let text = reply.document?["detail"]?.plain ?? reply.text
            throw StartError("the server answered \(reply.status): \(text)", code: Exit.rejected)
        }
        return reply.document
    }
}
