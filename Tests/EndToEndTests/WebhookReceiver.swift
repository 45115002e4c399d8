import Foundation
import Glibc
import Synchronization

/// Takes what is posted to it, on a free port, and answers 200.
final class WebhookReceiver: Sendable {
    private let listener: Int32
    let port: Int
    private let kept = Mutex<[String]>([])

    /// Bodies so far.
    var bodies: [String] { kept.withLock { $0 } }

    init() throws {
        (listener, port) = try WebhookReceiver.listen()
        Thread.detachNewThread { [weak self, listener] in
            while true {
                let client = accept(listener, nil, nil)
                if client < 0 { return }
                let body = WebhookReceiver.body(client)
                let answer = Array("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".utf8)
                _ = write(client, answer, answer.count)
                close(client)
                guard let self else { return }
                self.kept.withLock { $0.append(body) }
            }
        }
    }

    /// A socket that listens on a free port, which no program started later inherits.
    static func listen() throws -> (descriptor: Int32, port: Int) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = WebhookReceiver.address(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(descriptor, pointer, length) == 0 && Glibc.listen(descriptor, 16) == 0
                    && getsockname(descriptor, pointer, &length) == 0
            }
        }
        guard isBound else { throw ServerProcess.Failure(description: "no port to listen on") }
        return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
    }

    /// A connection to a port of this machine; nil where nobody listens.
    static func connect(_ port: Int) -> Int32? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = WebhookReceiver.address(port)
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if status == 0 { return descriptor }
        close(descriptor)
        return nil
    }

    private static func address(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        return address
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    private static func body(_ client: Int32) -> String {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(client, &piece, piece.count)
            guard count > 0 else { return "" }
            bytes += piece[..<count]
            let text = String(decoding: bytes, as: UTF8.self)
            guard let end = text.firstRange(of: "\r\n\r\n"),
                let match = text[..<end.lowerBound].lowercased().firstMatch(of: #/content-length: (\d+)/#),
                let length = Int(match.1), text[end.upperBound...].utf8.count >= length
            else { continue }
            return String(text[end.upperBound...])
        }
    }
}

/// A number that one thread sets and others read.
final class SharedNumber: Sendable {
    private let state = Mutex(0)

    var value: Int { state.withLock { $0 } }

    func set(_ value: Int) { state.withLock { $0 = value } }
}
