import Glibc

struct HTTPReply {
    var status: Int
    var head: String
    var body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }
}

/// A blocking connection to the server under test; raw enough to send what no client would.
final class HTTPConnection {
    struct Closed: Error {}

    private let descriptor: Int32
    private var buffer: [UInt8] = []

    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var timeout = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw Closed() }
    }

    deinit { close(descriptor) }

    /// Sends bytes as they are; false when the server has closed.
    @discardableResult
    func write(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress?.advanced(by: sent), $0.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return false }
            sent += count
        }
        return true
    }

    /// Sends no more; the server sees the end.
    func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    func send(
        _ method: String, _ path: String, headers: [(String, String)] = [], body: [UInt8] = []
    ) throws -> HTTPReply {
        var head = "\(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        for header in headers { head += "\(header.0): \(header.1)\r\n" }
        if method != "GET" { head += "Content-Length: \(body.count)\r\n" }
        guard write(Array((head + "\r\n").utf8) + body) else { throw Closed() }
        return try read()
    }

    /// Bytes that came, `count` of them.
    func take(_ count: Int) throws -> [UInt8] {
        _ = try fill { $0.count >= count ? 0 : nil }
        defer { buffer.removeFirst(count) }
        return [UInt8](buffer[..<count])
    }

    /// What came up to and with `end`.
    func text(until end: String) throws -> String {
        let wanted = Array(end.utf8)
        let place = try fill { bytes in
            (0..<max(0, bytes.count - wanted.count + 1)).first { Array(bytes[$0..<($0 + wanted.count)]) == wanted }
        }
        let text = String(decoding: buffer[..<(place + wanted.count)], as: UTF8.self)
        buffer.removeFirst(place + wanted.count)
        return text
    }

    /// One whole reply.
    func read() throws -> HTTPReply {
        let end = try fill { bytes in
            (0..<max(0, bytes.count - 3)).first { Array(bytes[$0..<($0 + 4)]) == [13, 10, 13, 10] }
        }
        let head = String(decoding: buffer[..<end], as: UTF8.self)
        buffer.removeFirst(end + 4)
        let status = Int(head.split(separator: " ").dropFirst().first ?? "") ?? 0
        let length = head.firstMatch(of: #/(?i)content-length: *(\d+)/#).flatMap { Int($0.1) } ?? 0
        let isChunked = head.lowercased().contains("transfer-encoding: chunked")
        if isChunked { return HTTPReply(status: status, head: head, body: try chunks()) }
        _ = try fill { $0.count >= length ? 0 : nil }
        defer { buffer.removeFirst(length) }
        return HTTPReply(status: status, head: head, body: Array(buffer[..<length]))
    }

    private func chunks() throws -> [UInt8] {
        var body: [UInt8] = []
        while true {
            let end = try fill { $0.firstIndex(of: 10) }
            let size = Int(String(decoding: buffer[..<end].filter { $0 > 32 }, as: UTF8.self), radix: 16) ?? 0
            buffer.removeFirst(end + 1)
            _ = try fill { $0.count >= size + 2 ? 0 : nil }
            body += buffer[..<size]
            buffer.removeFirst(size + 2)
            if size == 0 { return body }
        }
    }

    /// Reads on until `found` tells where what is looked for lies.
    private func fill(_ found: ([UInt8]) -> Int?) throws -> Int {
        while true {
            if let place = found(buffer) { return place }
            var piece = [UInt8](repeating: 0, count: 64 << 10)
            let count = piece.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
            guard count > 0 else { throw Closed() }
            buffer += piece[..<count]
        }
    }
}
