import Glibc

/// Standard output and error.
enum Output {
    static func write(_ text: String) { write([UInt8](text.utf8)) }

    static func error(_ text: String) { send([UInt8](text.utf8), to: 2) }

    static func write(_ bytes: [UInt8]) { send(bytes, to: 1) }

    /// Whether standard error is a terminal, fit for a progress bar.
    static var isTerminal: Bool { isatty(2) == 1 }

    private static func send(_ bytes: [UInt8], to descriptor: Int32) {
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress?.advanced(by: sent), $0.count - sent)
            }
            if count <= 0 { return }
            sent += count
        }
    }
}

/// A file that cannot be read.
struct InputError: Error, CustomStringConvertible {
    let description: String
}

/// A file, or standard input, read from its beginning to its end.
struct InputFile: ~Copyable {
    private let descriptor: Int32
    let path: String
    /// Of a regular file; 0 for a pipe.
    let sizeBytes: Int

    /// Opens `path`; `-` is standard input.
    init(_ path: String) throws(InputError) {
        self.path = path
        descriptor = path == "-" ? 0 : unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw InputError(description: "\(path) cannot be opened: \(SystemError.text(errno))")
        }
        // Files can be gone to the end of, pipes and terminals cannot; a folder's end is no size.
        let place = lseek(descriptor, 0, SEEK_CUR)
        let end = place < 0 ? 0 : lseek(descriptor, 0, SEEK_END)
        if place >= 0 { lseek(descriptor, place, SEEK_SET) }
        sizeBytes = end > 0 && end < 1 << 48 ? Int(end) : 0
    }

    deinit {
        if descriptor > 0 { close(descriptor) }
    }

    /// Appends up to `count` bytes; false at the end.
    func read(_ count: Int, into bytes: inout [UInt8]) throws(InputError) -> Bool {
        var piece = [UInt8](repeating: 0, count: count)
        let descriptor = self.descriptor
        let got = unsafe piece.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
        guard got >= 0 else { throw InputError(description: "\(path) cannot be read: \(SystemError.text(errno))") }
        bytes.append(contentsOf: piece[..<got])
        return got > 0
    }

    /// All of a small file as text.
    static func text(_ path: String, limitBytes: Int) throws(InputError) -> String {
        String(decoding: try bytes(path, limitBytes: limitBytes), as: UTF8.self)
    }

    /// All of a small file.
    static func bytes(_ path: String, limitBytes: Int) throws(InputError) -> [UInt8] {
        let file = try InputFile(path)
        var bytes: [UInt8] = []
        while try file.read(64 << 10, into: &bytes) {
            if bytes.count > limitBytes { throw InputError(description: "\(path) is larger than \(limitBytes) bytes") }
        }
        return bytes
    }
}

/// Error numbers of the system in words.
enum SystemError {
    static func text(_ number: Int32) -> String {
        guard let text = unsafe strerror(number) else { return "error \(number)" }
        return unsafe String(cString: text)
    }
}

/// Variables of the environment.
enum ProcessEnvironment {
    static func variables() -> [String: String] {
        var result: [String: String] = [:]
        var entry = unsafe environ
        while let text = unsafe entry.pointee {
            let pair = unsafe String(cString: text).split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if pair.count == 2 { result[String(pair[0])] = String(pair[1]) }
            unsafe entry += 1
        }
        return result
    }
}
