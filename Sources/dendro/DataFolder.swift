import Glibc

/// The data folder while this process owns it: made if missing, for its owner only, and locked against a second server.
struct DataFolder: ~Copyable {
    let path: String
    private let descriptor: Int32

    /// Takes the folder at `path`.
    init(_ path: String) throws(StartError) {
        descriptor = try DataFolder.lock(path)
        self.path = path
    }

    /// Takes the folder at `path`, which must be there.
    init(existing path: String) throws(StartError) {
        guard unsafe access(path, F_OK) == 0 else {
            throw StartError("there is no folder \(path)", code: Exit.cannotStart)
        }
        try self.init(path)
    }

    deinit {
        close(descriptor)
    }

    /// An open descriptor that holds the folder's lock.
    private static func lock(_ path: String) throws(StartError) -> Int32 {
        try make(path)
        let descriptor = unsafe open(path + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw StartError(
                "the data folder \(path) cannot be written: \(SystemError.text(errno)). Choose another with --data-dir "
                    + "or give this user the right to write there.", code: Exit.cannotStart)
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw StartError(
                "the data folder \(path) is in use by another dendro. Stop it, or choose another folder with "
                    + "--data-dir.",
                code: Exit.locked)
        }
        return descriptor
    }

    private static func make(_ path: String) throws(StartError) {
        var partial = ""
        for part in path.split(separator: "/", omittingEmptySubsequences: false) {
            partial += part
            if !partial.isEmpty, partial != "/", unsafe mkdir(partial, 0o700) != 0, errno != EEXIST {
                throw StartError(
                    "the data folder \(path) cannot be made: \(partial): \(SystemError.text(errno)). "
                        + "Choose another with --data-dir.", code: Exit.cannotStart)
            }
            partial += "/"
        }
    }
}

/// Why the server did not start, for people, and the code with which the process ends.
struct StartError: Error {
    let text: String
    let code: Int32

    init(_ text: String, code: Int32) {
        self.text = text
        self.code = code
    }
}
