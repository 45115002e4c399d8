import Bytes
import Glibc

/// What the operating system says about this process, read from /proc. Figures that cannot be read are 0.
public struct ProcessFigures: Sendable, Hashable {
    public var cpuSeconds: Double
    public var residentBytes: Int
    public var virtualBytes: Int
    public var openFiles: Int
    public var openFilesLimit: Int
    public var threads: Int

    /// The figures of this moment.
    public static func now() -> ProcessFigures {
        let pages = ProcessFigures.read("/proc/self/statm").split(separator: " ").map { Int($0) ?? 0 }
        let pageBytes = Int(sysconf(Int32(_SC_PAGESIZE)))
        return ProcessFigures(
            cpuSeconds: Double(Machine.processCPUNanoseconds()) / 1e9,
            residentBytes: pages.count > 1 ? pages[1] * pageBytes : 0,
            virtualBytes: pages.first.map { $0 * pageBytes } ?? 0,
            openFiles: max(0, entries("/proc/self/fd") - 1), openFilesLimit: descriptorLimit(),
            threads: entries("/proc/self/task"))
    }

    /// The first 4 KiB of a small file of /proc, or nothing.
    private static func read(_ path: String) -> String {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
        return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : ""
    }

    /// Entries of a folder, `.` and `..` not counted.
    private static func entries(_ path: String) -> Int {
        guard let folder = unsafe opendir(path) else { return 0 }
        defer { unsafe closedir(folder) }
        var count = 0
        while unsafe readdir(folder) != nil { count += 1 }
        return max(0, count - 2)
    }

    private static func descriptorLimit() -> Int {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
        return Int(clamping: limit.rlim_cur)
    }
}
