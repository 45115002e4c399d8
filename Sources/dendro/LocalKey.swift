import Access
import Bytes
import Glibc
import Model

/// How commands on the server's machine reach the server that has a data folder open: a file in it that only the
/// folder's owner can read, with the server's address and a token that ends with the server.
struct LocalKey: Sendable {
    let token: Token
    private let text: String
    private let path: String

    init(folder: String) {
        path = LocalKey.path(folder)
        (token, text) = TokenOrder(scope: .admin).made(at: SystemClock().nowNanoseconds())
    }

    /// Writes the file, now that the server listens. Without it the server works, but commands cannot talk to it.
    /// - Parameter address: such as `http://127.0.0.1:3100`.
    func announce(_ address: String) {
        remove()
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { return }
        let bytes = [UInt8]((address + "\n" + text + "\n").utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
        close(descriptor)
    }

    func remove() { _ = unsafe unlink(path) }

    /// The address under which a program on this machine reaches a server that listens on `host`.
    static func localAddress(_ host: String, _ port: Int) -> String {
        switch host {
        case "0.0.0.0": "127.0.0.1:\(port)"
        case "::": "[::1]:\(port)"
        default: host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        }
    }

    /// A client of the server that has `folder` open.
    static func client(folder: String) throws(StartError) -> HTTPClient {
        do {
            let lines = try InputFile.text(path(folder), limitBytes: 4096).split(separator: "\n").map(String.init)
            guard lines.count == 2 else { throw InputError(description: "\(path(folder)) is not complete yet") }
            return try HTTPClient(lines[0], token: lines[1], trust: .thisMachine)
        } catch {
            throw StartError(
                "the server that has \(folder) open cannot be talked to: \(error). Stop it and try again.",
                code: Exit.unreachable)
        }
    }

    private static func path(_ folder: String) -> String { folder + "/local-key" }
}

/// A file that says that tokens were made for a data folder: should their records ever be lost, the server still asks
/// for one instead of opening up.
struct TokenMark: Sendable {
    private let path: String

    init(folder: String) {
        path = folder + "/tokens-in-use"
    }

    var isSet: Bool { unsafe access(path, F_OK) == 0 }

    func set() {
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }
}
