import Bytes
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Receive

/// A small HTTP/1.1 client for dendro's own commands and for notices: one connection, one request at a time.
struct HTTPClient {
    struct Reply {
        var status: Int
        var headers: HTTPHeaders
        var body: [UInt8]

        var text: String { String(decoding: body, as: UTF8.self) }

        /// The answer as JSON, or nil if it is none. The server is our own: what bounds the size of an answer
        /// bounds the number of its values.
        var document: JSONValue? { try? JSONValue(parsing: body, maxDepth: 64, maxValues: HTTPClient.replyLimitBytes) }
    }

    /// The server cannot be talked to.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Largest answer that is read.
    static let replyLimitBytes = 512 << 20

    private typealias Connection = NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>

    let host: String
    let port: Int
    /// Largest answer that is read, and how long a request may take with its answer; nil is for ever.
    var answerLimitBytes = HTTPClient.replyLimitBytes
    var patience: TimeAmount?
    private let root: String
    private let token: String?
    /// Nil: the connection is not encrypted.
    private let trust: TLSTrust?

    /// A client of the server at `address`: `https://host:port/path`, `http://host:port/path`, or just `host:port`.
    init(_ address: String, token: String? = nil, trust: TLSTrust = .roots) throws(Failure) {
        self.token = token
        var rest = address[...]
        if rest.hasPrefix("https://") {
            rest = rest.dropFirst(8)
            self.trust = trust
        } else if rest.hasPrefix("http://") || !rest.contains("://") {
            if rest.hasPrefix("http://") { rest = rest.dropFirst(7) }
            self.trust = nil
        } else {
            throw Failure(description: "\(address): only http:// and https:// addresses are supported")
        }
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let path = rest[slash...]
        root = path.hasSuffix("/") ? String(path.dropLast()) : String(path)
        let authority = rest[..<slash]
        guard let colon = authority.lastIndex(of: ":"), !authority.hasSuffix("]") else {
            (host, port) = (String(authority), self.trust == nil ? 80 : 443)
            return
        }
        guard let port = Int(authority[authority.index(after: colon)...]), (1...65535).contains(port) else {
            throw Failure(description: "\(address) is not an address such as http://127.0.0.1:3100")
        }
        host = String(authority[..<colon].filter { $0 != "[" && $0 != "]" })
        self.port = port
    }

    /// Sends one request on a connection of its own and reads the whole answer.
    func send(
        _ method: HTTPMethod, _ path: String, headers: [(String, String)] = [], body: [UInt8] = []
    ) async throws(Failure) -> Reply {
        do {
            let connection = try await connect()
            let end = patience.map { patience in
                connection.channel.eventLoop.scheduleTask(in: patience) {
                    connection.channel.close(promise: nil)
                }
            }
            defer { end?.cancel() }
            return try await connection.executeThenClose { inbound, outbound in
                var fields = HTTPHeaders(headers)
                fields.add(name: "Host", value: "\(host):\(port)")
                fields.add(name: "User-Agent", value: "dendro/" + Version.text)
                fields.add(name: "Connection", value: "close")
                if let token { fields.replaceOrAdd(name: "Authorization", value: "Bearer " + token) }
                if method != .GET { fields.add(name: "Content-Length", value: String(body.count)) }
                let uri = root + path
                let head = HTTPRequestHead(
                    version: .http1_1, method: method, uri: uri.hasPrefix("/") ? uri : "/" + uri, headers: fields)
                try await outbound.write(.head(head))
                if !body.isEmpty { try await outbound.write(.body(.byteBuffer(ByteBuffer(bytes: body)))) }
                try await outbound.write(.end(nil))
                return try await read(inbound)
            }
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(description: "no answer from \(host):\(port): \(error)")
        }
    }

    private func connect() async throws -> Connection {
        let encryption = try trust?.context()
        let name = TLSTrust.serverName(host)
        return try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup).connectTimeout(.seconds(5))
            .connect(
                host: host, port: port
            ) { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let encryption {
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: encryption, serverHostname: name))
                    }
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    return try Connection(wrappingChannelSynchronously: channel)
                }
            }
    }

    private func read(_ inbound: NIOAsyncChannelInboundStream<HTTPClientResponsePart>) async throws -> Reply {
        var reply = Reply(status: 0, headers: HTTPHeaders(), body: [])
        for try await part in inbound {
            switch part {
            case .head(let head): (reply.status, reply.headers) = (Int(head.status.code), head.headers)
            case .body(let piece):
                guard reply.body.count + piece.readableBytes <= answerLimitBytes else {
                    throw Failure(description: "the answer is larger than \(answerLimitBytes) bytes")
                }
                reply.body.append(contentsOf: piece.readableBytesView)
            case .end: return reply
            }
        }
        throw Failure(description: "the server closed the connection before its answer was complete")
    }

    /// `text` for use in a query: everything but letters, digits and `-._~` percent-encoded.
    static func escaped(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            let isPlain =
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                || [45, 46, 95, 126].contains(byte)
            if isPlain {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                result += "%" + (digits.count < 2 ? "0" : "") + digits
            }
        }
        return result
    }

    /// A query string of `pairs`, with its question mark; empty without pairs.
    static func query(_ pairs: [(String, String)]) -> String {
        pairs.isEmpty ? "" : "?" + pairs.map { escaped($0.0) + "=" + escaped($0.1) }.joined(separator: "&")
    }
}
