import Bytes
import Model

/// Reads one body of our own push format.
struct PlainReader {
    let fields: PlainFields
    let maxDepth: Int
    let now: Int64
    let arrival: ArrivalClock
    /// Zone of timestamps that name none; nil: such a timestamp cannot be read.
    let zone: TimeZoneTable?
    let queryLabels: [(name: [UInt8], value: [UInt8])]
    var builder: BatchBuilder
    var streams = StreamCache()
    var labelValues: [PlainValue]
    var metadataValues: [PlainValue]
    var timeValues: [PlainValue]
    var scratch = ByteScratch()
    /// Values of the labels of an entry, each with its length, and the same as the stream's key.
    var streamKey: [UInt8] = []

    init(
        options: ReceiveOptions, queryLabels: [(name: String, value: String)], now: Int64, arrival: ArrivalClock,
        zone: TimeZoneTable?, bodyBytes: Int
    ) throws(ReceiveError) {
        fields = PlainFields(options)
        maxDepth = options.limits.nestingDepth.value
        self.now = now
        self.arrival = arrival
        self.zone = zone
        self.queryLabels = try PlainReader.labels(queryLabels)
        builder = BatchBuilder(options: options, now: now, expectedBytes: bodyBytes)
        labelValues = Array(repeating: PlainValue(), count: fields.labels.count)
        metadataValues = Array(repeating: PlainValue(), count: fields.metadata.count)
        timeValues = Array(repeating: PlainValue(), count: fields.times.count)
    }

    /// The labels that the query parameters give; the first of equal names counts.
    private static func labels(
        _ parameters: [(name: String, value: String)]
    ) throws(ReceiveError) -> [(name: [UInt8], value: [UInt8])] {
        var result: [(name: [UInt8], value: [UInt8])] = []
        for parameter in parameters where !parameter.value.isEmpty {
            let isTrace = PlainFields.traceFields.contains(parameter.name)
            let name = isTrace ? PlainFields.traceName : [UInt8](parameter.name.utf8)
            guard MetadataNames.firstInvalidByte(label: name.span) == nil else {
                throw ReceiveError.malformed(
                    "query parameter '\(BatchBuilder.excerpt(name.span))' cannot be a label: "
                        + "names are letters, digits and underscores")
            }
            guard !result.contains(where: { $0.name == name }) else { continue }
            var value = [UInt8](parameter.value.utf8)
            if name == PlainFields.levelName {
                let sent = value
                value = []
                PlainFields.appendLevel(sent.span, to: &value)
            }
            result.append((name, value))
        }
        return result
    }

    // MARK: - Plain text

    /// Reads `body[range]` as lines of text, each an entry. They are counted first: a body of line feeds ends here.
    mutating func readText(_ body: borrowing ByteSpan, _ range: Range<Int>) throws(ReceiveError) {
        var lineFeeds = 0
        for index in range where body[index] == 0x0a { lineFeeds &+= 1 }
        guard lineFeeds <= builder.options.limits.requestEntries.value else {
            throw BatchBuilder.tooManyEntries(builder.options.limits)
        }
        clearValues()
        var at = range.lowerBound
        while at < range.upperBound {
            let end = ByteSearch.find(byte: 0x0a, in: body, from: at) ?? range.upperBound
            let textEnd = end > at && body[end - 1] == 0x0d ? end - 1 : end
            guard commit(body, at..<textEnd) else { return }
            at = end + 1
        }
    }

    // MARK: - JSON

    /// Reads the object that comes next and notes the wanted fields.
    mutating func readObject(_ body: borrowing ByteSpan, _ scanner: inout JSONScanner, depth: Int) throws(JSONError) {
        clearValues()
        var record: Range<Int>?
        try scanner.expect(0x7b, in: body)
        if scanner.take(0x7d, in: body) { return }
        repeat {
            _ = scanner.peek(in: body)
            let keyStart = scanner.offset
            let hasEscapes = try scanner.skipString(in: body)
            let keyEnd = scanner.offset
            try scanner.expect(0x3a, in: body)
            var value = PlainValue()
            value.isString = scanner.peek(in: body) == 0x22
            let start = scanner.offset
            if value.isString {
                value.hasEscapes = try scanner.skipString(in: body)
                value.range = (start + 1)..<(scanner.offset - 1)
            } else {
                try scanner.skipValue(in: body, depth: depth + 1)
                value.range = start..<scanner.offset
            }
            value.isPresent = value.isString ? !value.range.isEmpty : body[start] != 0x6e
            if hasEscapes {
                var again = JSONScanner(keyStart..<keyEnd, maxDepth: 1)
                let text = try again.string(in: body, scratch: &scratch)
                let key = scratch.bytes
                note(key.span.extracting(text.range), value)
            } else {
                let key = (keyStart + 1)..<(keyEnd - 1)
                if !value.isString, body[start] == 0x7b,
                    PlainReader.matches(body.extracting(key), PlainReader.recordName)
                {
                    record = value.range
                }
                note(body.extracting(key), value)
            }
        } while try scanner.more(until: 0x7d, in: body)
        if let record { readRecord(body, record) }
    }

    @inline(__always)
    private mutating func note(_ name: borrowing ByteSpan, _ value: PlainValue) {
        if let index = fields.labels.index(of: name) { labelValues[index] = value }
        if let index = fields.metadata.index(of: name) { metadataValues[index] = value }
        if let index = fields.times.index(of: name) { timeValues[index] = value }
    }

    private mutating func clearValues() {
        for index in labelValues.indices { labelValues[index].isPresent = false }
        for index in metadataValues.indices { metadataValues[index].isPresent = false }
        for index in timeValues.indices { timeValues[index].isPresent = false }
    }

    // MARK: - Entries

    /// Hands the entry `body[range]` with the noted fields to the builder; false to stop.
    mutating func commit(_ body: borrowing ByteSpan, _ range: Range<Int>) -> Bool {
        guard let stream = stream(body) else { return false }
        addMetadata(body)
        return builder.append(time: time(body), line: body.extracting(range), stream: stream)
    }

    private mutating func time(_ body: borrowing ByteSpan) -> Int64 {
        for value in timeValues where value.isPresent {
            if !value.hasEscapes, let time = EpochTime.parse(body.extracting(value.range), zone: zone) {
                return time
            }
            builder.countUnreadableTimestamp()
        }
        builder.noteArrivalStamp()
        return arrival.stamp(now: now)
    }

    private mutating func addMetadata(_ body: borrowing ByteSpan) {
        let traces = PlainFields.traceFields.count
        var hasTrace = false
        for index in metadataValues.indices where metadataValues[index].isPresent {
            if index < traces {
                if hasTrace { continue }
                hasTrace = true
            }
            let value = metadataValues[index]
            let name = fields.metadataNames[index]
            if value.hasEscapes {
                let count = unescape(body, value)
                let text = scratch.bytes
                builder.addMetadata(name: name.span, value: text.span.extracting(0..<count))
            } else {
                builder.addMetadata(name: name.span, value: body.extracting(value.range))
            }
        }
    }

    /// Unescapes a string noted before into the scratch memory, returning its size.
    private mutating func unescape(_ body: borrowing ByteSpan, _ value: PlainValue) -> Int {
        var scanner = JSONScanner((value.range.lowerBound - 1)..<(value.range.upperBound + 1), maxDepth: 1)
        do throws(JSONError) {
            return try scanner.string(in: body, scratch: &scratch).range.count
        } catch {
            return 0  // cannot be: the string was scanned before
        }
    }

    private mutating func stream(_ body: borrowing ByteSpan) -> Int? {
        streamKey.removeAll(keepingCapacity: true)
        for value in labelValues {
            guard value.isPresent else {
                streamKey.append(0)
                continue
            }
            if value.hasEscapes {
                let count = unescape(body, value)
                streamKey.appendVarint(count + 1)
                streamKey.append(scratch.bytes, 0..<count)
            } else {
                streamKey.appendVarint(value.range.count + 1)
                streamKey.append(span: body.extracting(value.range))
            }
        }
        let hash = Hash.keyed64(streamKey)
        if let known = streams.find(streamKey.span, hash: hash) { return known }
        guard let stream = newStream() else { return nil }
        streams.insert(streamKey, hash: hash, stream: stream)
        return stream
    }

    /// Begins the stream that `streamKey` describes.
    private mutating func newStream() -> Int? {
        builder.beginStream()
        let key = streamKey
        var reader = ByteReader(key)
        var level: [UInt8] = []
        for name in fields.labelNames {
            guard let size = try? reader.varint(), size > 0, let range = try? reader.range(Int(size) - 1) else {
                continue
            }
            if builder.hasLabel(name.span) { continue }  // two fields with one label name: the first counts
            if name == PlainFields.levelName {
                level.removeAll()
                PlainFields.appendLevel(key.span.extracting(range), to: &level)
                builder.addLabel(name: name.span, value: level.span)
            } else {
                builder.addLabel(name: name.span, value: key.span.extracting(range))
            }
        }
        for label in queryLabels where !builder.hasLabel(label.name.span) {
            builder.addLabel(name: label.name.span, value: label.value.span)
        }
        return builder.endStream()
    }
}
