import Bytes

// A group as bytes. Numbers are varints (times zigzag, later ones as differences), texts have their length before them,
// lists their count.

extension ErrorGroup {
    private static let listLimit = 100_000

    /// - Parameter hasNewest: whether the newest occurrence is written, too.
    func encode(to out: inout [UInt8], hasNewest: Bool) {
        out.appendLittleEndian(name.digest)
        out.append(madeOf.rawValue << 1 | (name.isOverflow ? 1 : 0))
        out.append(ErrorGroup.number(of: status))
        for text in [app, type, message, culprit, level, firstRelease, lastRelease, assignee] {
            out.appendPrefixed(text)
        }
        out.appendVarint(count)
        out.appendZigzag(firstSeen)
        for time in [lastSeen, statusSince, ignoredUntil] { out.appendZigzag(time &- firstSeen) }
        out.appendVarint(ignoredCount)
        for counts in [hourCounts, dayCounts] { ErrorGroup.append(counts, to: &out) }
        for counts in [levelCounts, releaseCounts, environmentCounts] {
            out.appendVarint(counts.items.count)
            for item in counts.items {
                out.appendPrefixed(item.name)
                out.appendVarint(item.count)
            }
        }
        out.appendVarint(levelHours.count)
        for counts in levelHours { ErrorGroup.append(counts, to: &out) }
        out.appendVarint(packedTraces.count)
        out.append(contentsOf: packedTraces.bytes)
        out.appendVarint(users.count)
        for user in users { out.appendLittleEndian(user) }
        out.appendVarint(history.count)
        for entry in history {
            out.appendZigzag(entry.at)
            for text in [entry.from, entry.to, entry.by, entry.comment] { out.appendPrefixed(text) }
        }
        out.append(target.map { $0.isOverflow ? 2 : 1 } ?? 0)
        if let target { out.appendLittleEndian(target.digest) }
        out.appendVarint(kept.count)
        for sample in kept {
            out.appendVarint(sample.number)
            for number in [sample.page, sample.offset, sample.count] { out.appendVarint(UInt64(number)) }
        }
        out.appendPrefixed(hasNewest ? newest : [])
        out.appendVarint(ignoredUsers)
        out.append(resolution.map { $0.isAfter ? 2 : 1 } ?? 0)
        if let resolution { out.appendPrefixed(resolution.release) }
    }

    /// - Parameter version: of the record that it stands in.
    init(_ reader: inout ByteReader, version: UInt64, pages: SamplePages) throws(ReadError) {
        let digest = try reader.littleEndian(UInt64.self)
        let kind = try reader.byte()
        self.init(
            GroupName(digest: digest, isOverflow: kind & 1 == 1),
            madeOf: Fingerprint.Reason(rawValue: kind >> 1) ?? .message, firstSeen: 0, pages: pages)
        status = ErrorGroup.status(of: try reader.byte())
        app = try reader.prefixedText()
        type = try reader.prefixedText()
        message = try reader.prefixedText()
        culprit = try reader.prefixedText()
        level = try reader.prefixedText()
        firstRelease = try reader.prefixedText()
        lastRelease = try reader.prefixedText()
        assignee = try reader.prefixedText()
        count = Int(clamping: try reader.varint())
        firstSeen = try reader.zigzag()
        lastSeen = firstSeen &+ (try reader.zigzag())
        statusSince = firstSeen &+ (try reader.zigzag())
        ignoredUntil = firstSeen &+ (try reader.zigzag())
        ignoredCount = Int(clamping: try reader.varint())
        hourCounts = try ErrorGroup.units(&reader)
        dayCounts = try ErrorGroup.units(&reader)
        levelCounts = try ErrorGroup.names(&reader)
        releaseCounts = try ErrorGroup.names(&reader)
        environmentCounts = try ErrorGroup.names(&reader)
        for _ in 0..<(try reader.count(limit: NameCounts.limit)) { levelHours.append(try ErrorGroup.units(&reader)) }
        guard levelHours.isEmpty || levelHours.count == levelCounts.items.count else {
            throw ReadError("hours of levels that are not there", at: reader.offset)
        }
        for _ in 0..<(try reader.count(limit: ErrorGroup.listLimit)) { packedTraces.append(try reader.prefixed()) }
        for _ in 0..<(try reader.count(limit: ErrorGroup.listLimit)) {
            users.append(try reader.littleEndian(UInt64.self))
        }
        for _ in 0..<(try reader.count(limit: ErrorGroup.listLimit)) {
            history.append(
                ErrorHistoryEntry(
                    at: try reader.zigzag(), from: try reader.prefixedText(), to: try reader.prefixedText(),
                    by: try reader.prefixedText(), comment: try reader.prefixedText()))
        }
        let isMerged = try reader.byte()
        if isMerged > 0 {
            target = GroupName(digest: try reader.littleEndian(UInt64.self), isOverflow: isMerged == 2)
        }
        for _ in 0..<(try reader.count(limit: ErrorGroup.listLimit)) {
            kept.append(
                KeptSample(
                    number: Int(clamping: try reader.varint()), page: UInt32(clamping: try reader.varint()),
                    offset: UInt32(clamping: try reader.varint()), count: UInt32(clamping: try reader.varint())))
        }
        newest = try reader.prefixed()
        if version < ErrorGroupRecord.versionWithReleases { return }
        ignoredUsers = Int(clamping: try reader.varint())
        let resolved = try reader.byte()
        if resolved > 0 { resolution = Resolution(try reader.prefixedText(), isAfter: resolved == 2) }
    }

    private static func number(of status: ErrorStatus) -> UInt8 {
        switch status {
        case .unresolved: 0
        case .resolved: 1
        case .ignored: 2
        case .regressed: 3
        }
    }

    private static func status(of number: UInt8) -> ErrorStatus {
        switch number {
        case 1: .resolved
        case 2: .ignored
        case 3: .regressed
        default: .unresolved
        }
    }

    private static func append(_ counts: UnitCounts, to out: inout [UInt8]) {
        out.appendVarint(counts.items.count)
        var last: Int64 = 0
        for item in counts.items {
            out.appendZigzag(item.unit &- last)
            out.appendVarint(item.count)
            last = item.unit
        }
    }

    private static func units(_ reader: inout ByteReader) throws(ReadError) -> UnitCounts {
        var counts = UnitCounts()
        var last: Int64 = 0
        for _ in 0..<(try reader.count(limit: listLimit)) {
            last = last &+ (try reader.zigzag())
            counts.add(last, Int(clamping: try reader.varint()))
        }
        return counts
    }

    private static func names(_ reader: inout ByteReader) throws(ReadError) -> NameCounts {
        var counts = NameCounts()
        for _ in 0..<(try reader.count(limit: listLimit)) {
            counts.add(try reader.prefixedText(), Int(clamping: try reader.varint()))
        }
        return counts
    }
}

/// Many groups as one record: version, size of their text, that text compressed; each group has its length before it.
enum ErrorGroupRecord {
    private static let version: UInt64 = 4
    /// Version 3 ends each group with its newest occurrence.
    static let versionWithReleases: UInt64 = 4
    private static let oldestVersion: UInt64 = 3
    private static let sizeLimit = 256 << 20

    static func bytes(_ text: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        out.appendVarint(version)
        out.appendVarint(text.count)
        if let packed = try? Codec.best.compress(text.span) { out.append(contentsOf: packed) }
        return out
    }

    static func text(_ bytes: [UInt8]) -> (text: [UInt8], version: UInt64)? {
        var reader = ByteReader(bytes)
        guard let found = try? reader.varint(), (oldestVersion...version).contains(found),
            let size = try? reader.count(limit: sizeLimit),
            let text = try? Codec.best.decompress(bytes.span.extracting(reader.offset..<bytes.count), rawSize: size)
        else { return nil }
        return (text, found)
    }
}
