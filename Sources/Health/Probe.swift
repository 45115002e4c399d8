import Bytes
import Glibc

/// Looks at a service once. Blocks until it answers or its time is over.
struct Probe: Sendable {
    let configuration: ProbeConfiguration
    /// What is wrong with the server's own databases, or nil; blocks.
    var ownFault: @Sendable () -> String? = { nil }

    func look() -> HealthCheck {
        let began = Machine.monotonicNanoseconds()
        let deadline = began &+ Int64(configuration.timeoutMilliseconds) &* 1_000_000
        var details: [(name: String, value: HealthDetail)] = [
            ("kind", .text(configuration.kind.rawValue)), ("target", .text(configuration.target)),
        ]
        if configuration.kind == .redis { details.append(("used_memory_mb", .null)) }
        var check: HealthCheck
        do throws(ProbeFailure) {
            let found = try ask(deadline)
            let spent = Double(Machine.monotonicNanoseconds() &- began) / 1e6
            check = HealthCheck(found.status, found.message, latencyMilliseconds: spent)
            if found.status == .healthy, spent > configuration.thresholdMilliseconds {
                check.status = .degraded
                check.message += ", slower than \(Int(configuration.thresholdMilliseconds)) ms"
            }
            for detail in found.details {
                details.removeAll { $0.name == detail.name }
                details.append(detail)
            }
        } catch {
            // A database that is away is what an application cannot do without.
            let isGrave = !error.isSilence || configuration.kind == .postgres
            check = HealthCheck(isGrave ? .unhealthy : .unavailable, error.message)
        }
        check.thresholdMilliseconds = configuration.kind == .file ? nil : configuration.thresholdMilliseconds
        check.details = details
        return check
    }

    private func ask(_ deadline: Int64) throws(ProbeFailure) -> HealthCheck {
        switch configuration.kind {
        case .tcp:
            _ = try connect(deadline)
            return HealthCheck(.healthy, "connected")
        case .redis: return try redis(deadline)
        case .http: return try http(deadline)
        case .postgres: return try PostgresProbe(configuration).look(deadline)
        case .file: return try file()
        case .sqlite:
            guard configuration.path == ProbeConfiguration.ownPath else {
                return try SQLiteProbe(path: configuration.path).look(deadline)
            }
            if let fault = ownFault() { throw ProbeFailure(message: fault, isSilence: false) }
            return HealthCheck(.healthy, "quick_check: ok")
        }
    }

    private func connect(_ deadline: Int64) throws(ProbeFailure) -> ProbeSocket {
        try ProbeSocket(host: configuration.host, port: configuration.port, deadline: deadline)
    }

    private func redis(_ deadline: Int64) throws(ProbeFailure) -> HealthCheck {
        let socket = try connect(deadline)
        if !configuration.password.isEmpty {
            let answer = try Probe.command(["AUTH", configuration.password], socket)
            guard answer.hasPrefix("+OK") else {
                throw ProbeFailure(message: "the password is wrong", isSilence: false)
            }
        }
        let pong = try Probe.command(["PING"], socket)
        guard pong.hasPrefix("+PONG") else {
            let line = pong.prefix { $0 != "\r\n" && $0 != "\n" }.prefix(200)
            throw ProbeFailure(message: "PING: \(line.isEmpty ? "connection closed" : String(line))", isSilence: false)
        }
        var check = HealthCheck(.healthy, "PONG")
        let memory = try Probe.command(["INFO", "memory"], socket)
        for line in memory.split(whereSeparator: \.isNewline) where line.hasPrefix("used_memory:") {
            if let used = Double(line.dropFirst(12)) {
                check.details = [("used_memory_mb", .number((used / 1048576 * 100).rounded() / 100))]
            }
        }
        return check
    }

    /// One command and its answer: a simple string, an error or a bulk string.
    private static func command(_ words: [String], _ socket: borrowing ProbeSocket) throws(ProbeFailure) -> String {
        let text = "*\(words.count)\r\n" + words.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()
        try socket.send([UInt8](text.utf8))
        let answer = try socket.receive { bytes in
            guard let end = bytes.firstIndex(of: 0x0a) else { return false }
            guard bytes[0] == 0x24 else { return true }
            let length = Int(String(decoding: bytes[1..<max(1, end - 1)], as: UTF8.self)) ?? 0
            return bytes.count >= end &+ 1 &+ min(max(length, 0), 65536)
        }
        return String(decoding: answer, as: UTF8.self)
    }

    private func http(_ deadline: Int64) throws(ProbeFailure) -> HealthCheck {
        let socket = try connect(deadline)
        let path = configuration.path.isEmpty ? "/" : configuration.path
        let head = "GET \(path) HTTP/1.1\r\nHost: \(configuration.target)\r\nConnection: close\r\nAccept: */*\r\n\r\n"
        try socket.send([UInt8](head.utf8))
        let answer = try socket.receive { $0.contains(0x0a) }
        let words = answer.prefix(64).split(separator: 0x20)
        guard answer.starts(with: "HTTP/1.".utf8), words.count > 1, let status = Int(words[1].prefix(3).text) else {
            throw ProbeFailure(message: "the answer is not HTTP", isSilence: answer.isEmpty)
        }
        let isWell = (200..<400).contains(status)
        var check = HealthCheck(isWell ? .healthy : status < 500 ? .degraded : .unhealthy, "GET \(path): \(status)")
        check.details = [("status_code", .number(Double(status)))]
        return check
    }

    private func file() throws(ProbeFailure) -> HealthCheck {
        let descriptor = unsafe open(configuration.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw ProbeFailure(message: unsafe String(cString: strerror(errno)).lowercased())
        }
        defer { close(descriptor) }
        var facts = stat()
        guard unsafe fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
            throw ProbeFailure(message: "not a file", isSilence: false)
        }
        var head = [UInt8](repeating: 0, count: 16)
        let count = unsafe head.withUnsafeMutableBytes { unsafe pread(descriptor, $0.baseAddress, $0.count, 0) }
        head = Array(head.prefix(max(0, count)))
        let magic: String? =
            head.starts(with: "PAR1".utf8) ? "parquet" : head.dropFirst(8).starts(with: "DUCK".utf8) ? "duckdb" : nil
        let age = max(0, SystemClock().nowNanoseconds() / 1_000_000_000 - Int64(facts.st_mtim.tv_sec))
        let details: [(name: String, value: HealthDetail)] = [
            ("size_bytes", .number(Double(facts.st_size))), ("age_s", .number(Double(age))),
            ("format", magic.map { .text($0) } ?? .null),
        ]
        let wanted = ["duckdb": "duckdb", "parquet": "parquet"].first { configuration.path.hasSuffix("." + $0.key) }?
            .value
        if let wanted, wanted != magic {
            return HealthCheck(.unhealthy, "not a \(wanted) file", details: details)
        }
        if let limit = configuration.maximumAgeSeconds, age > limit {
            return HealthCheck(.degraded, "\(age) s old, more than \(limit) s", details: details)
        }
        return HealthCheck(.healthy, "\(facts.st_size) bytes, \(age) s old", details: details)
    }
}

extension ArraySlice<UInt8> {
    fileprivate var text: String { String(decoding: self, as: UTF8.self) }
}
