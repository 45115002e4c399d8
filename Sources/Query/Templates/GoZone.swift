internal import Bytes
internal import Glibc
internal import Synchronization

/// Time zones by name, from the system's zone files (RFC 9636, the 64-bit block), read once each.
enum GoZone {
    private struct Zone: Sendable {
        /// Moments in seconds since 1970 from which an offset counts, ascending.
        var moments: [Int64] = []
        var offsets: [Int] = []
        var first = 0

        func offset(at seconds: Int64) -> Int {
            var result = first
            for (index, moment) in moments.enumerated() where moment <= seconds { result = offsets[index] }
            return result
        }
    }

    private static let known: Mutex<[String: Zone]> = Mutex([:])
    private static let sizeLimitBytes = 64 << 10
    private static let zoneLimit = 64

    /// Seconds east of UTC that the wall clock of `zone` shows at the wall time `wallSeconds`; 0 for unknown zones.
    static func offset(_ zone: String, wallSeconds: Int64) -> Int {
        guard let zone = find(zone) else { return 0 }
        let guess = zone.offset(at: wallSeconds)
        return zone.offset(at: wallSeconds &- Int64(guess))
    }

    private static func find(_ name: String) -> Zone? {
        let isName = name.utf8.allSatisfy { LabelName.isNameByte($0) || $0 == 0x2f || $0 == 0x2d || $0 == 0x2b }
        guard isName, !name.isEmpty, name.utf8.count <= 64, !name.hasPrefix("/") else { return nil }
        if let zone = known.withLock({ $0[name] }) { return zone }
        guard let bytes = read("/usr/share/zoneinfo/" + name), let zone = parse(bytes) else { return nil }
        known.withLock { if $0.count < zoneLimit { $0[name] = zone } }
        return zone
    }

    private static func read(_ path: String) -> [UInt8]? {
        guard let file = unsafe fopen(path, "rb") else { return nil }
        defer { _ = unsafe fclose(file) }
        var bytes = [UInt8](repeating: 0, count: sizeLimitBytes)
        let size = unsafe bytes.withUnsafeMutableBytes { unsafe fread($0.baseAddress, 1, $0.count, file) }
        bytes.removeLast(bytes.count - size)
        return bytes
    }

    private static func parse(_ bytes: [UInt8]) -> Zone? {
        func number(_ at: Int, _ width: Int) -> Int64? {
            guard at >= 0, at + width <= bytes.count else { return nil }
            var value: Int64 = width == 4 && bytes[at] >= 0x80 ? -1 : 0
            for index in at..<(at + width) { value = value << 8 | Int64(bytes[index]) }
            return value
        }
        guard bytes.count > 44, bytes.starts(with: "TZif".utf8), bytes[4] >= 0x32 else { return nil }
        func counts(_ at: Int) -> [Int]? {
            var found: [Int] = []
            for index in 0..<6 {
                guard let count = number(at + 20 + 4 * index, 4), (0...10_000).contains(count) else { return nil }
                found.append(Int(count))
            }
            return found
        }
        // isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt
        guard let old = counts(0) else { return nil }
        let second = 44 + old[3] * 5 + old[4] * 6 + old[5] + old[2] * 8 + old[1] + old[0]
        guard let new = counts(second) else { return nil }
        let times = second + 44
        let types = times + new[3] * 8
        let infos = types + new[3]
        var zone = Zone()
        zone.first = Int(number(infos, 4) ?? 0)
        for index in 0..<new[3] {
            guard let moment = number(times + 8 * index, 8), types + index < bytes.count,
                let offset = number(infos + 6 * Int(bytes[types + index]), 4)
            else { return nil }
            zone.moments.append(moment)
            zone.offsets.append(Int(offset))
        }
        return zone
    }
}
