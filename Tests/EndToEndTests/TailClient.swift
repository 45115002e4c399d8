import Foundation

/// A WebSocket client of a live tail, over raw bytes.
final class TailClient {
    /// A message of a tail.
    struct Message: Decodable {
        struct Stream: Decodable {
            let stream: [String: String]
            let values: [[Value]]
        }

        struct Dropped: Decodable {
            let timestamp: String
        }

        let streams: [Stream]
        let dropped_entries: [Dropped]?
        let encodingFlags: [String]?

        var lines: [String] { streams.flatMap { $0.values.map { $0[1].text } } }
    }

    /// An item of an entry: time, line, or the labels by category.
    enum Value: Decodable {
        case text(String)
        case categories([String: [String: String]])

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let text = try? container.decode(String.self) {
                self = .text(text)
            } else {
                self = .categories(try container.decode([String: [String: String]].self))
            }
        }

        var text: String { if case .text(let text) = self { text } else { "" } }
    }

    enum Frame {
        case message([UInt8])
        case ping
        case close(code: Int, reason: String)
    }

    let reply: HTTPReply
    private let connection: HTTPConnection

    /// - Parameter upgrades: whether a WebSocket is asked for at all.
    init(
        port: Int, _ query: [(String, String)], path: String = "/loki/api/v1/tail",
        headers: [(String, String)] = [], upgrades: Bool = true
    ) throws {
        connection = try HTTPConnection(port: port)
        let text = query.map { "\($0.0)=\(ServerProcess.escaped($0.1))" }.joined(separator: "&")
        let upgrade = [
            ("Upgrade", "websocket"), ("Connection", "keep-alive, Upgrade"), ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ]
        reply = try connection.send("GET", path + "?" + text, headers: headers + (upgrades ? upgrade : []))
    }

    func frame() throws -> Frame {
        let head = try connection.take(2)
        var count = Int(head[1] & 0x7f)
        if count >= 126 {
            count = try connection.take(count == 126 ? 2 : 8).reduce(0) { $0 << 8 | Int($1) }
        }
        let payload = try connection.take(count)
        switch head[0] & 15 {
        case 8:
            return .close(
                code: payload.prefix(2).reduce(0) { $0 << 8 | Int($1) },
                reason: String(decoding: payload.dropFirst(2), as: UTF8.self))
        case 9: return .ping
        default: return .message(payload)
        }
    }

    /// The next message as text, pings passed over.
    func text() throws -> String {
        while true {
            switch try frame() {
            case .ping: continue
            case .message(let bytes): return String(decoding: bytes, as: UTF8.self)
            case .close(let code, let reason):
                throw ServerProcess.Failure(description: "the tail was closed: \(code) \(reason)")
            }
        }
    }

    func message() throws -> Message {
        try JSONDecoder().decode(Message.self, from: Data(try text().utf8))
    }

    /// Lines until there are `count`.
    func lines(_ count: Int) throws -> [String] {
        var lines: [String] = []
        while lines.count < count { lines += try message().lines }
        return lines
    }

    /// Code and reason of the close that comes next, messages passed over.
    func closing() throws -> (code: Int, reason: String) {
        while true {
            if case .close(let code, let reason) = try frame() { return (code, reason) }
        }
    }

    /// Sends a masked close frame, as a client does.
    func close() {
        connection.write([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8])
    }
}
