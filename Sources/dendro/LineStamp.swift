import Bytes
import Model

/// The time that a line of a text log tells itself: at its beginning as `2026-11-23 19:05:37.123` or
/// `2026/11/23 19:05:37`, perhaps in a bracket and with a zone, or as `[23/Nov/2026:19:05:37 +0100]` in an access line.
struct LineStamp {
    /// Of times that name no zone.
    let zone: TimeZoneTable

    /// The longest client and user in front of an access line's time.
    private static let accessPrefixBytes = 256
    private static let accessStampBytes = 28
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ].map { [UInt8]($0.utf8) }

    /// Nanoseconds since 1970, or nil.
    func read(_ line: ArraySlice<UInt8>) -> Int64? {
        leading(line) ?? access(line)
    }

    private func leading(_ line: ArraySlice<UInt8>) -> Int64? {
        var text = Array(line.first == 0x5b ? line.dropFirst().prefix(40) : line.prefix(40))
        guard text.count >= 19, text[0] &- 0x30 < 10, text[13] == 0x3a else { return nil }
        if text[4] == 0x2f, text[7] == 0x2f { (text[4], text[7]) = (0x2d, 0x2d) }
        var end = 19
        func skipDigits(_ start: Int) -> Int {
            text[start...].firstIndex { $0 &- 0x30 >= 10 } ?? text.count
        }
        if end + 1 < text.count, text[end] == 0x2e || text[end] == 0x2c, text[end + 1] &- 0x30 < 10 {
            end = skipDigits(end + 1)
        }
        let bare = Array(text[..<end])
        // The zone may stand behind a blank.
        let start = end < text.count && text[end] == 0x20 ? end + 1 : end
        if start < text.count, text[start] == 0x2b || text[start] == 0x2d || text[start] == 0x5a {
            for size in [6, 5, 1] where start + size <= text.count {
                let zoned = bare + text[start..<(start + size)]
                if let time = RFC3339.parse(zoned.span) { return time }
            }
        }
        return RFC3339.parse(bare.span, zoneRequired: false).map { zone.instant(ofLocal: $0) }
    }

    private func access(_ line: ArraySlice<UInt8>) -> Int64? {
        let head = line.prefix(LineStamp.accessPrefixBytes)
        guard let open = head.firstIndex(of: 0x5b), open + LineStamp.accessStampBytes <= line.endIndex else {
            return nil
        }
        let text = Array(line[open..<(open + LineStamp.accessStampBytes)])
        guard text[3] == 0x2f, text[7] == 0x2f, text[12] == 0x3a, text[21] == 0x20, text[27] == 0x5d,
            let month = LineStamp.months.firstIndex(of: Array(text[4..<7]))
        else { return nil }
        let number = UInt8(month + 1)
        let date = text[8..<12] + [0x2d, 0x30 + number / 10, 0x30 + number % 10, 0x2d] + text[1..<3]
        let whole = Array(date + [0x54] + text[13..<21] + text[22..<27])
        return RFC3339.parse(whole.span)
    }
}

/// The lines of a text log as entries: a line that tells no time, in a log whose lines do, goes on with the entry
/// before it, as those of a stack trace do.
struct TextEntries {
    struct Entry {
        /// Nanoseconds since 1970.
        var time: Int64
        var line: [UInt8]
    }

    /// An entry that grows beyond this ends, and what follows is the next.
    static let joinedBytes = 128 << 10

    private let stamp: LineStamp
    private let joinsLines: Bool
    private let now: Int64
    private var open: Entry?
    private var isStamped = false
    /// The last time read, and that given to the last entry: entries of one time are a nanosecond apart, so that equal
    /// lines stay apart and their order is kept. The same file gives the same times again.
    private var lastRead: Int64?
    private var lastGiven: Int64

    /// - Parameters:
    ///   - now: time of lines before the first that tells one, in nanoseconds since 1970.
    ///   - joinsLines: whether lines that tell no time belong to the one before.
    init(zone: TimeZoneTable, now: Int64, joinsLines: Bool) {
        stamp = LineStamp(zone: zone)
        self.now = now
        self.joinsLines = joinsLines
        lastGiven = now
    }

    /// The entries that `lines`, which ends at a line's end, completes.
    mutating func take(_ lines: [UInt8]) -> [Entry] {
        var complete: [Entry] = []
        let text = lines.last == 0x0a ? lines.dropLast() : lines[...]
        for var line in text.split(separator: 0x0a, omittingEmptySubsequences: false) {
            if line.last == 0x0d { line = line.dropLast() }
            let time = stamp.read(line)
            if time == nil, isStamped, joinsLines, var entry = open,
                entry.line.count + line.count < TextEntries.joinedBytes
            {
                open = nil
                entry.line.append(0x0a)
                entry.line.append(contentsOf: line)
                open = entry
                continue
            }
            guard !line.isEmpty else { continue }
            if let entry = finish() { complete.append(entry) }
            isStamped = isStamped || time != nil
            open = Entry(time: given(time), line: Array(line))
        }
        return complete
    }

    /// The last entry.
    mutating func finish() -> Entry? {
        guard var entry = open else { return nil }
        open = nil
        while entry.line.last == 0x0a { entry.line.removeLast() }
        return entry
    }

    private mutating func given(_ time: Int64?) -> Int64 {
        if let time, time != lastRead {
            (lastRead, lastGiven) = (time, time)
        } else {
            lastGiven = lastGiven.addingReportingOverflow(1).partialValue
        }
        return lastGiven
    }
}
