import Glibc

/// The machine's own file system.
public struct PosixFileSystem: FileSystem {
    public init() {}

    public func open(_ path: String, _ mode: OpenMode) throws(FileError) -> any File {
        let flags: Int32
        switch mode {
        case .read: flags = O_RDONLY | O_CLOEXEC
        case .update: flags = O_RDWR | O_CLOEXEC
        case .create: flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC
        }
        let descriptor = unsafe Glibc.open(path, flags, mode_t(0o600))
        guard descriptor >= 0 else { throw FileError.last("open", path) }
        return PosixFile(path: path, descriptor: descriptor)
    }

    public func rename(_ path: String, to target: String) throws(FileError) {
        guard unsafe Glibc.rename(path, target) == 0 else { throw FileError.last("rename to \(target)", path) }
    }

    public func link(_ path: String, to target: String) throws(FileError) {
        guard unsafe Glibc.link(path, target) == 0 else { throw FileError.last("link to \(target)", path) }
    }

    public func remove(_ path: String) throws(FileError) {
        guard unsafe unlink(path) == 0 else { throw FileError.last("remove", path) }
    }

    public func removeFolder(_ path: String) throws(FileError) {
        guard unsafe rmdir(path) == 0 else { throw FileError.last("remove folder", path) }
    }

    public func createFolder(_ path: String) throws(FileError) {
        if unsafe mkdir(path, 0o700) == 0 || Glibc.errno == EEXIST { return }
        guard Glibc.errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex else {
            throw FileError.last("create folder", path)
        }
        try createFolder(String(path[..<slash]))
        guard unsafe mkdir(path, 0o700) == 0 || Glibc.errno == EEXIST else {
            throw FileError.last("create folder", path)
        }
    }

    public func syncFolder(_ path: String) throws(FileError) {
        let descriptor = unsafe Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError.last("open folder", path) }
        defer { _ = Glibc.close(descriptor) }
        guard fsync(descriptor) == 0 else { throw FileError.last("sync folder", path) }
    }

    public func list(_ path: String) throws(FileError) -> [String] {
        guard let folder = unsafe opendir(path) else {
            if Glibc.errno == ENOENT { return [] }
            throw FileError.last("list", path)
        }
        defer { unsafe closedir(folder) }
        var names: [String] = []
        while let entry = unsafe readdir(folder) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    public func exists(_ path: String) -> Bool {
        unsafe access(path, F_OK) == 0
    }

    public func size(_ path: String) throws(FileError) -> Int {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { throw FileError.last("stat", path) }
        return Int(status.st_size)
    }

    public func space(_ path: String) throws(FileError) -> (freeBytes: Int, totalBytes: Int) {
        var status = statvfs()
        guard unsafe statvfs(path, &status) == 0 else { throw FileError.last("statvfs", path) }
        let unit = UInt(status.f_frsize)
        return (
            Int(clamping: UInt(status.f_bavail).multipliedReportingOverflow(by: unit).partialValue),
            Int(clamping: UInt(status.f_blocks).multipliedReportingOverflow(by: unit).partialValue)
        )
    }
}

/// A file descriptor of the machine's file system.
final class PosixFile: File, @unchecked Sendable {
    // Invariant: `descriptor` is set to -1 by `close` only, after which no call may come; the kernel serialises the
    // rest.
    let path: String
    private var descriptor: Int32

    init(path: String, descriptor: Int32) {
        self.path = path
        self.descriptor = descriptor
    }

    deinit {
        close()
    }

    func size() throws(FileError) -> Int {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw FileError.last("stat", path) }
        return Int(status.st_size)
    }

    func read(at offset: Int, count: Int) throws(FileError) -> [UInt8] {
        var failure: FileError?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            var done = 0
            while done < count {
                let size = unsafe pread(
                    descriptor, buffer.baseAddress.map { unsafe $0 + done }, count - done, off_t(offset + done))
                if size < 0 && Glibc.errno == EINTR { continue }
                if size < 0 { failure = FileError.last("read", path) }
                if size == 0 {
                    failure = FileError(
                        "read", path, errno: 0, reason: "file ends at byte \(offset + done), \(offset + count) expected"
                    )
                }
                if size <= 0 { break }
                done += size
            }
            initialized = done
        }
        if let failure { throw failure }
        return bytes
    }

    func write(_ bytes: [UInt8], at offset: Int) throws(FileError) {
        var done = 0
        while done < bytes.count {
            let size = unsafe bytes.withUnsafeBytes { source in
                unsafe pwrite(
                    descriptor, source.baseAddress.map { unsafe $0 + done }, bytes.count - done, off_t(offset + done))
            }
            if size < 0 && Glibc.errno == EINTR { continue }
            guard size > 0 else { throw FileError.last("write", path) }
            done += size
        }
    }

    func sync() throws(FileError) {
        guard fdatasync(descriptor) == 0 else { throw FileError.last("sync", path) }
    }

    func preallocate(bytes: Int) throws(FileError) {
        let status = posix_fallocate(descriptor, 0, off_t(bytes))
        guard status == 0 else {
            throw FileError("preallocate", path, errno: status, reason: FileError.text(status))
        }
    }

    func truncate(to bytes: Int) throws(FileError) {
        guard ftruncate(descriptor, off_t(bytes)) == 0 else { throw FileError.last("truncate", path) }
    }

    func close() {
        guard descriptor >= 0 else { return }
        _ = Glibc.close(descriptor)
        descriptor = -1
    }
}

extension FileError {
    /// The error that the last system call of this thread left behind.
    static func last(_ operation: String, _ path: String) -> FileError {
        let number = Glibc.errno
        return FileError(operation, path, errno: number, reason: text(number))
    }

    static func text(_ number: Int32) -> String {
        unsafe String(cString: strerror(number))
    }

    /// Whether the disk is full or over its quota.
    public var isDiskFull: Bool { errno == ENOSPC || errno == EDQUOT }
}
