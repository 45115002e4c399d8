import Bytes
import Glibc

/// CPU, memory, disk and load of this machine, read from /proc.
struct SystemSampler {
    struct Sample: Sendable {
        var cpuPercent: Double?
        var memoryUsedBytes = 0.0
        var memoryTotalBytes = 0.0
        var diskUsedBytes = 0.0
        var diskTotalBytes = 0.0
        var load = 0.0
        var openFiles = 0

        var memoryPercent: Double? { memoryTotalBytes > 0 ? memoryUsedBytes * 100 / memoryTotalBytes : nil }
        var diskPercent: Double? { diskTotalBytes > 0 ? diskUsedBytes * 100 / diskTotalBytes : nil }
    }

    /// The disk that holds this folder is looked at.
    let folder: String
    private static let leastTicks = 100.0
    private var lastBusy = 0.0
    private var lastTotal = 0.0

    init(folder: String) {
        self.folder = folder
        _ = sample()
    }

    /// CPU is what was used since the last call.
    mutating func sample() -> Sample {
        var result = Sample()
        let ticks = SystemSampler.read("/proc/stat").prefix { $0 != "\n" }.split(separator: " ").dropFirst()
            .prefix(8).map { Double($0) ?? 0 }
        if ticks.count == 8 {
            let total = ticks.reduce(0, +)
            let busy = total - ticks[3] - ticks[4]
            // Less than half a second says nothing: a server that has just started keeps the machine busy.
            if total - lastTotal >= SystemSampler.leastTicks {
                result.cpuPercent = max(0, (busy - lastBusy) * 100 / (total - lastTotal))
                (lastBusy, lastTotal) = (busy, total)
            }
        }
        var memory: [Substring: Double] = [:]
        for line in SystemSampler.read("/proc/meminfo").split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count > 1 { memory[words[0]] = (Double(words[1]) ?? 0) * 1024 }
        }
        result.memoryTotalBytes = memory["MemTotal:"] ?? 0
        result.memoryUsedBytes = max(0, result.memoryTotalBytes - (memory["MemAvailable:"] ?? 0))
        var disk = statvfs()
        if unsafe statvfs(folder, &disk) == 0 {
            let block = Double(disk.f_frsize)
            result.diskUsedBytes = Double(disk.f_blocks - min(disk.f_bfree, disk.f_blocks)) * block
            result.diskTotalBytes = result.diskUsedBytes + Double(disk.f_bavail) * block
        }
        result.load = SystemSampler.read("/proc/loadavg").split(separator: " ").first.flatMap { Double($0) } ?? 0
        result.openFiles = SystemSampler.openFiles()
        return result
    }

    private static func read(_ path: String) -> String {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 8192)
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
        return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : ""
    }

    private static func openFiles() -> Int {
        guard let folder = unsafe opendir("/proc/self/fd") else { return 0 }
        defer { unsafe closedir(folder) }
        var count = 0
        while unsafe readdir(folder) != nil { count += 1 }
        return max(0, count - 3)
    }
}

extension SystemSampler.Sample {
    /// The sample as a check of the machine.
    func check(_ thresholds: HealthThresholds) -> HealthCheck {
        var complaints: [String] = []
        for (name, value, limit) in [
            ("CPU", cpuPercent, thresholds.cpuPercent), ("memory", memoryPercent, thresholds.memoryPercent),
            ("disk", diskPercent, thresholds.diskPercent),
        ] {
            if let value, value > limit { complaints.append("\(name) \(Int(value)) % above \(Int(limit)) %") }
        }
        var check = HealthCheck(
            complaints.isEmpty ? .healthy : .degraded, complaints.isEmpty ? "ok" : complaints.joined(separator: ", "))
        func rounded(_ value: Double) -> Double { (value * 10).rounded() / 10 }
        let gigabyte = 1_073_741_824.0
        check.details = [
            ("cpu_percent", .number(rounded(cpuPercent ?? 0))),
            ("memory_percent", .number(rounded(memoryPercent ?? 0))),
            ("memory_used_gb", .number(rounded(memoryUsedBytes / gigabyte))),
            ("memory_total_gb", .number(rounded(memoryTotalBytes / gigabyte))),
            ("disk_percent", .number(rounded(diskPercent ?? 0))),
            ("disk_used_gb", .number(rounded(diskUsedBytes / gigabyte))),
            ("disk_total_gb", .number(rounded(diskTotalBytes / gigabyte))), ("load_1m", .number(load)),
            ("open_files", .number(Double(openFiles))),
        ]
        return check
    }
}
