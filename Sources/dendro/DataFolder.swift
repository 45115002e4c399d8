import Glibc

/// The data folder while this process owns it: made if missing, for its owner only, and locked against a second server.
struct DataFolder: ~Copyable {
    let path: String
    /// Where the folder cannot be written: an empty folder for copies of what changes while it is read.
    let scratch: String?
    private let descriptor: Int32

    /// Takes the folder at `path`. One that was made and can no longer be written is read as it is.
    init(_ path: String) throws(StartError) {
        (descriptor, scratch) = try DataFolder.take(path)
        self.path = path
    }

    private static func take(_ path: String) throws(StartError) -> (descriptor: Int32, scratch: String?) {
        let isMade = unsafe access(path + "/state.sqlite", R_OK) == 0
        let isWritable = unsafe access(path, W_OK) == 0
        guard isMade, !isWritable else { return (try lock(path), nil) }
        return (try lockAsItIs(path), try makeScratch())
    }

    /// Size of the disk that the folder lies on.
    var diskBytes: Int {
        var status = statvfs()
        guard unsafe statvfs(path, &status) == 0 else { return .max }
        return Int(clamping: UInt(status.f_blocks).multipliedReportingOverflow(by: UInt(status.f_frsize)).partialValue)
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
        guard let scratch else { return }
        for database in ["state.sqlite", "catalog.sqlite"] {
            for suffix in ["", "-wal", "-shm", "-journal"] { _ = unsafe unlink(scratch + "/" + database + suffix) }
        }
        _ = unsafe rmdir(scratch)
    }

    /// A lock on a folder that is only read; without a file to lock there can be no other server that writes there.
    private static func lockAsItIs(_ path: String) throws(StartError) -> Int32 {
        let descriptor = unsafe open(path + "/lock", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return descriptor }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw StartError("the data folder \(path) is in use by another dendro", code: Exit.locked)
        }
        return descriptor
    }

    private static func makeScratch() throws(StartError) -> String {
        let variables = ProcessEnvironment.variables()
        for parent in [variables["TMPDIR"] ?? "/tmp", "/dev/shm"] {
            let path = "\(parent)/dendro-\(getpid())-\(String(UInt64.random(in: .min ... .max), radix: 36))"
            if unsafe mkdir(path, 0o700) == 0 { return path }
        }
        throw StartError(
            "the data folder cannot be written, and there is no place for copies of its databases: set TMPDIR",
            code: Exit.cannotStart)
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
