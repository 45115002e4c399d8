import Glibc
import Model

/// A time zone by its name, and the one that this machine's clocks show.
struct LocalZone {
    let name: String
    let table: TimeZoneTable

    private static let folder = "/usr/share/zoneinfo/"

    /// - Parameter name: as in the system's tables, or `+08:00`; nil for the machine's own.
    /// - Throws: `InputError` where there is no such zone.
    init(_ name: String?) throws(InputError) {
        guard let name else {
            self = LocalZone.ofMachine
            return
        }
        guard let table = LocalZone.table(name) else {
            throw InputError(description: "--time-zone is a name such as Europe/Berlin, +08:00 or UTC, not '\(name)'")
        }
        self.init(name: name, table: table)
    }

    private init(name: String, table: TimeZoneTable) { (self.name, self.table) = (name, table) }

    /// What TZ says, else what /etc/localtime links to, else UTC.
    private static var ofMachine: LocalZone {
        let said = ProcessEnvironment.variables()["TZ"].map { $0.hasPrefix(":") ? String($0.dropFirst()) : $0 }
        for name in [said, linked("/etc/localtime")] {
            if let name, let table = table(name) { return LocalZone(name: name, table: table) }
        }
        return LocalZone(name: "UTC", table: .utc)
    }

    private static func table(_ name: String) -> TimeZoneTable? {
        if name == "UTC" { return .utc }
        if let fixed = TimeZoneTable(offset: name) { return fixed }
        guard !name.isEmpty, !name.hasPrefix("/"), !name.contains(".."),
            let bytes = try? InputFile.bytes(folder + name, limitBytes: 1 << 20)
        else { return nil }
        return try? TimeZoneTable(bytes)
    }

    private static func linked(_ path: String) -> String? {
        var target = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = unsafe target.withUnsafeMutableBytes { bytes in
            guard let start = bytes.baseAddress else { return 0 }
            return unsafe readlink(path, start, bytes.count)
        }
        guard count > 0 else { return nil }
        let text = String(decoding: target[..<count], as: UTF8.self)
        guard let start = text.firstRange(of: "zoneinfo/")?.upperBound else { return nil }
        return String(text[start...])
    }
}
