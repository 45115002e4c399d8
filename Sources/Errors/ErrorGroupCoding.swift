import Bytes

// A group in the state store: one record of its counts, one of its samples, which change less often. Numbers are
// varints (times zigzag), texts have their length before them, lists their count.

extension ErrorGroup {
    private static let version: UInt64 = 1
    private static let listLimit = 100_000

    static func hash(_ text: String) -> UInt64 { Hash.hash64([UInt8](text.utf8)) }

    func encode() -> [UInt8] {
        var out: [UInt8] = []
        out.appendVarint(ErrorGroup.version)
        for text in [
            id, app, type, message, culprit, level, reason, firstRelease, lastRelease, assignee, mergedInto,
            status.rawValue,
        ] {
            out.appendPrefixed(text)
        }
        out.appendVarint(count)
        for time in [firstSeen, lastSeen, statusSince, ignoredUntil, Int64(ignoredCount)] { out.appendZigzag(time) }
        for counts in [hours, days] {
            out.appendVarint(counts.count)
            for (unit, count) in counts.sorted(by: { $0.key < $1.key }) {
                out.appendZigzag(unit)
                out.appendVarint(count)
            }
        }
        for counts in [levels, releases, environments] {
            out.appendVarint(counts.count)
            for (name, count) in counts.sorted(by: { $0.key < $1.key }) {
                out.appendPrefixed(name)
                out.appendVarint(count)
            }
        }
        out.appendVarint(traces.count)
        for trace in traces { out.appendPrefixed(trace) }
        out.appendVarint(users.count)
        for user in users.sorted() { out.appendLittleEndian(user) }
        out.appendVarint(history.count)
        for entry in history {
            out.appendZigzag(entry.at)
            for text in [entry.from, entry.to, entry.by, entry.comment] { out.appendPrefixed(text) }
        }
        return out
    }

    init(_ bytes: [UInt8]) throws(ReadError) {
        var reader = ByteReader(bytes)
        guard try reader.varint() == ErrorGroup.version else { throw ReadError("group of another version", at: 0) }
        let id = try reader.prefixedText()
        self.init(id: id, event: ErrorEvent(time: 0), reason: "")
        app = try reader.prefixedText()
        type = try reader.prefixedText()
        message = try reader.prefixedText()
        culprit = try reader.prefixedText()
        level = try reader.prefixedText()
        reason = try reader.prefixedText()
        firstRelease = try reader.prefixedText()
        lastRelease = try reader.prefixedText()
        assignee = try reader.prefixedText()
        mergedInto = try reader.prefixedText()
        status = ErrorStatus(rawValue: try reader.prefixedText()) ?? .unresolved
        count = Int(clamping: try reader.varint())
        firstSeen = try reader.zigzag()
        lastSeen = try reader.zigzag()
        statusSince = try reader.zigzag()
        ignoredUntil = try reader.zigzag()
        ignoredCount = Int(clamping: try reader.zigzag())
        hours = try ErrorGroup.units(&reader)
        days = try ErrorGroup.units(&reader)
        levels = try ErrorGroup.names(&reader)
        releases = try ErrorGroup.names(&reader)
        environments = try ErrorGroup.names(&reader)
        for _ in 0..<(try reader.count(limit: ErrorGroup.listLimit)) { traces.append(try reader.prefixedText()) }
        for _ in 0..<(try reader.count(limit: ErrorGroup.listLimit)) {
            users.insert(try reader.littleEndian(UInt64.self))
        }
        for _ in 0..<(try reader.count(limit: ErrorGroup.listLimit)) {
            history.append(
                ErrorHistoryEntry(
                    at: try reader.zigzag(), from: try reader.prefixedText(), to: try reader.prefixedText(),
                    by: try reader.prefixedText(), comment: try reader.prefixedText()))
        }
        (isChanged, areSamplesChanged) = (false, false)
    }

    private static func units(_ reader: inout ByteReader) throws(ReadError) -> [Int64: Int] {
        var counts: [Int64: Int] = [:]
        for _ in 0..<(try reader.count(limit: listLimit)) {
            let unit = try reader.zigzag()
            counts[unit] = Int(clamping: try reader.varint())
        }
        return counts
    }

    private static func names(_ reader: inout ByteReader) throws(ReadError) -> [String: Int] {
        var counts: [String: Int] = [:]
        for _ in 0..<(try reader.count(limit: listLimit)) {
            let name = try reader.prefixedText()
            counts[name] = Int(clamping: try reader.varint())
        }
        return counts
    }

    func encodeSamples() -> [UInt8] {
        var out: [UInt8] = []
        out.appendVarint(ErrorGroup.version)
        out.appendVarint(samples.count)
        for sample in samples {
            let event = sample.stored
            out.appendVarint(sample.number)
            out.appendZigzag(event.time)
            for text in [
                event.level, event.message, event.logger, event.traceback, event.app, event.release, event.environment,
                event.trace, event.user, event.method, event.path,
            ] {
                out.appendPrefixed(text)
            }
            out.appendVarint(event.exceptions.count)
            for exception in event.exceptions { ErrorGroup.append(exception, to: &out) }
        }
        return out
    }

    private static func append(_ exception: ParsedException, to out: inout [UInt8]) {
        out.appendPrefixed(exception.type)
        out.appendPrefixed(exception.value)
        out.appendVarint(exception.frames.count)
        for frame in exception.frames {
            for text in [frame.file, frame.function, frame.module, frame.source] { out.appendPrefixed(text) }
            out.appendVarint(UInt64(max(frame.line, 0)) << 1 | (frame.isInApp ? 1 : 0))
        }
    }

    mutating func decodeSamples(_ bytes: [UInt8]) throws(ReadError) {
        var reader = ByteReader(bytes)
        guard try reader.varint() == ErrorGroup.version else { throw ReadError("samples of another version", at: 0) }
        var found: [ErrorSample] = []
        for _ in 0..<(try reader.count(limit: 1000)) {
            let number = Int(clamping: try reader.varint())
            var event = ErrorEvent(time: try reader.zigzag())
            event.level = try reader.prefixedText()
            event.message = try reader.prefixedText()
            event.logger = try reader.prefixedText()
            event.traceback = try reader.prefixedText()
            event.app = try reader.prefixedText()
            event.release = try reader.prefixedText()
            event.environment = try reader.prefixedText()
            event.trace = try reader.prefixedText()
            event.user = try reader.prefixedText()
            event.method = try reader.prefixedText()
            event.path = try reader.prefixedText()
            for _ in 0..<(try reader.count(limit: 100)) {
                event.exceptions.append(try ErrorGroup.exception(&reader))
            }
            found.append(ErrorSample(number: number, event: event))
        }
        kept = found
        newest = found.last
    }

    private static func exception(_ reader: inout ByteReader) throws(ReadError) -> ParsedException {
        var exception = ParsedException(type: try reader.prefixedText(), value: try reader.prefixedText())
        for _ in 0..<(try reader.count(limit: 1000)) {
            var frame = StackFrame(
                file: try reader.prefixedText(), function: try reader.prefixedText(),
                module: try reader.prefixedText(), isInApp: false, source: try reader.prefixedText())
            let place = try reader.varint()
            frame.line = Int(clamping: place >> 1)
            frame.isInApp = place & 1 == 1
            exception.frames.append(frame)
        }
        return exception
    }
}
