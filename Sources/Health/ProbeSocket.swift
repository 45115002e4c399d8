import Bytes
import Glibc

/// Why a service could not be talked to.
struct ProbeFailure: Error {
    let message: String
    /// Whether nothing answered at all, as opposed to a wrong answer.
    var isSilence = true
}

/// A TCP connection with one deadline for everything done on it.
struct ProbeSocket: ~Copyable {
    private let descriptor: Int32
    /// On the monotonic clock.
    private let deadline: Int64

    /// Connects to the first address of `host` that answers.
    init(host: String, port: Int, deadline: Int64) throws(ProbeFailure) {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = unsafe getaddrinfo(host, String(port), &hints, &list)
        guard status == 0 else {
            throw ProbeFailure(message: "\(host): unknown host: \(unsafe String(cString: gai_strerror(status)))")
        }
        defer { unsafe freeaddrinfo(list) }
        var failure = ProbeFailure(message: "\(host) has no address")
        var next = unsafe list
        while let address = unsafe next {
            let made = unsafe socket(
                address.pointee.ai_family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue),
                0)
            if made >= 0 {
                do throws(ProbeFailure) {
                    if unsafe connect(made, address.pointee.ai_addr, address.pointee.ai_addrlen) != 0 {
                        guard errno == EINPROGRESS else { throw ProbeSocket.failure(errno) }
                        try ProbeSocket.wait(made, Int16(POLLOUT), deadline)
                        var code: Int32 = 0
                        var size = socklen_t(MemoryLayout<Int32>.size)
                        unsafe getsockopt(made, SOL_SOCKET, SO_ERROR, &code, &size)
                        if code != 0 { throw ProbeSocket.failure(code) }
                    }
                    descriptor = made
                    self.deadline = deadline
                    return
                } catch {
                    close(made)
                    failure = error
                }
            }
            unsafe next = address.pointee.ai_next
        }
        throw failure
    }

    deinit { close(descriptor) }

    func send(_ bytes: [UInt8]) throws(ProbeFailure) {
        var sent = 0
        while sent < bytes.count {
            try ProbeSocket.wait(descriptor, Int16(POLLOUT), deadline)
            let from = sent
            let count = unsafe bytes.withUnsafeBytes { raw in
                unsafe Glibc.send(
                    descriptor, raw.baseAddress?.advanced(by: from), raw.count - from, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno != EAGAIN, errno != EINTR { throw ProbeSocket.failure(errno) }
            sent += max(0, count)
        }
    }

    /// Reads until `isWhole` says so, or the other side is done; 64 KiB at most.
    func receive(until isWhole: ([UInt8]) -> Bool) throws(ProbeFailure) -> [UInt8] {
        var all: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4096)
        while !isWhole(all), all.count < 65536 {
            try ProbeSocket.wait(descriptor, Int16(POLLIN), deadline)
            let count = unsafe piece.withUnsafeMutableBytes { unsafe recv(descriptor, $0.baseAddress, $0.count, 0) }
            if count < 0 {
                if errno == EAGAIN || errno == EINTR { continue }
                throw ProbeSocket.failure(errno)
            }
            if count == 0 { break }
            all += piece[..<count]
        }
        return all
    }

    private static func wait(_ descriptor: Int32, _ events: Int16, _ deadline: Int64) throws(ProbeFailure) {
        while true {
            let left = (deadline - Machine.monotonicNanoseconds()) / 1_000_000
            guard left > 0 else { throw ProbeFailure(message: "no answer in time") }
            var entry = pollfd(fd: descriptor, events: events, revents: 0)
            let ready = unsafe poll(&entry, 1, Int32(clamping: left))
            if ready > 0 { return }
            if ready < 0, errno != EINTR { throw failure(errno) }
        }
    }

    private static func failure(_ code: Int32) -> ProbeFailure {
        switch code {
        case ECONNREFUSED: ProbeFailure(message: "connection refused")
        case ETIMEDOUT: ProbeFailure(message: "no answer in time")
        case ECONNRESET, EPIPE: ProbeFailure(message: "connection closed by the service")
        default: ProbeFailure(message: unsafe String(cString: strerror(code)).lowercased())
        }
    }
}
