import Bytes
import Model
import Receive
import Wire

/// Reads a decompressed `ExportLogsServiceRequest` message: resource attributes to stream labels and metadata, scope
/// and record attributes to metadata, bodies to lines.
struct OTLPLogs {
    /// What reading depends on besides the body.
    struct Reading {
        let options: ReceiveOptions
        let now: Int64
        let arrival: ArrivalClock
    }

    private var builder: BatchBuilder
    private let reading: Reading
    /// Attributes that become labels, and what the labels are called.
    private let labelNames: NameList
    private let labels: [[UInt8]]
    private let depth: Int
    /// Where the values of the attributes that become labels lie, by their position in `labelNames`.
    private var labelValues: [Range<Int>]
    private var resource: OTLPAttributes
    private var scope: OTLPAttributes
    private var record: OTLPAttributes
    /// Text of the value at hand.
    private var text: [UInt8] = []

    private init(_ reading: Reading, bodyBytes: Int) {
        self.reading = reading
        let limits = reading.options.limits
        builder = BatchBuilder(options: reading.options, now: reading.now, expectedBytes: bodyBytes)
        labelNames = NameList(reading.options.resourceLabels)
        labels = reading.options.resourceLabels.map { name in
            var label: [UInt8] = []
            _ = MetadataNames.appendNormalised([UInt8](name.utf8).span, to: &label)
            return label
        }
        labelValues = Array(repeating: 0..<0, count: labelNames.count)
        depth = limits.nestingDepth.value
        resource = OTLPAttributes(limits)
        scope = OTLPAttributes(limits)
        record = OTLPAttributes(limits)
    }

    static func read(_ body: borrowing ByteSpan, _ reading: Reading) throws(ReceiveError) -> ReceiveResult {
        var reader = OTLPLogs(reading, bodyBytes: body.count)
        do throws(ProtobufError) {
            try reader.readRequest(body)
        } catch {
            if !reader.builder.isExceeded { throw ReceiveError.malformed(error.description) }
        }
        let isEmpty = reader.builder.entryCount == 0
        let result = try reader.builder.finish()
        if isEmpty { throw LokiPush.noStreams }
        return result
    }

    private mutating func readRequest(_ body: borrowing ByteSpan) throws(ProtobufError) {
        var request = ProtobufReader(0..<body.count)
        while let field = try request.next(in: body) {
            guard field.number == 1, let range = field.range else { continue }
            try readResourceLogs(body, range)
            if builder.isExceeded { return }
        }
    }

    /// `ResourceLogs`: the resource first, wherever it stands, for it names the stream.
    private mutating func readResourceLogs(_ body: borrowing ByteSpan, _ range: Range<Int>) throws(ProtobufError) {
        resource.removeAll()
        for index in labelValues.indices { labelValues[index] = 0..<0 }
        var fields = ProtobufReader(range)
        while let field = try fields.next(in: body) {
            if field.number == 1, let range = field.range { try readResource(body, range) }
        }
        builder.beginStream()
        for index in labelValues.indices where !labelValues[index].isEmpty {
            text.removeAll(keepingCapacity: true)
            try OTLPValue(body, labelValues[index]).append(to: &text, in: body, depth: depth)
            let name = labels[index]
            let value = text
            builder.addLabel(name: name.span, value: value.span)
        }
        guard let stream = builder.endStream() else { return }
        fields = ProtobufReader(range)
        while let field = try fields.next(in: body) {
            guard field.number == 2, let range = field.range else { continue }
            try readScopeLogs(body, range, stream: stream)
            if builder.isExceeded { return }
        }
    }

    private mutating func readResource(_ body: borrowing ByteSpan, _ range: Range<Int>) throws(ProtobufError) {
        var fields = ProtobufReader(range)
        while let field = try fields.next(in: body) {
            guard field.number == 1, let range = field.range else { continue }
            let pair = try OTLPAttributes.pair(body, range)
            if let label = labelNames.index(of: body.extracting(pair.key)), pair.value.count > 0 {
                let value = try OTLPValue(body, pair.value)
                if case .map = value {
                } else {
                    labelValues[label] = pair.value
                    continue
                }
            }
            try resource.add(body, range, depth: depth)
        }
    }

    /// `ScopeLogs`: the scope first, then the records.
    private mutating func readScopeLogs(
        _ body: borrowing ByteSpan, _ range: Range<Int>, stream: Int
    ) throws(ProtobufError) {
        scope.removeAll()
        var fields = ProtobufReader(range)
        while let field = try fields.next(in: body) {
            if field.number == 1, let range = field.range { try readScope(body, range) }
        }
        fields = ProtobufReader(range)
        while let field = try fields.next(in: body) {
            guard field.number == 2, let range = field.range else { continue }
            guard try readRecord(body, range, stream: stream) else { return }
        }
    }

    private mutating func readScope(_ body: borrowing ByteSpan, _ range: Range<Int>) throws(ProtobufError) {
        var fields = ProtobufReader(range)
        while let field = try fields.next(in: body) {
            if field.number == 3, let range = field.range { try scope.add(body, range, depth: depth) }
        }
        fields = ProtobufReader(range)
        while let field = try fields.next(in: body) {
            switch (field.number, field.content) {
            case (1, .bytes(let start, let count)):
                scope.add(OTLPNames.scopeName, value: body.extracting(start..<(start + count)))
            case (2, .bytes(let start, let count)):
                scope.add(OTLPNames.scopeVersion, value: body.extracting(start..<(start + count)))
            case (4, .varint(let dropped)):
                scope.add(OTLPNames.scopeDropped, number: UInt64(UInt32(truncatingIfNeeded: dropped)))
            default: break
            }
        }
    }

    /// `LogRecord`; false when a limit on the whole request is exceeded.
    private mutating func readRecord(
        _ body: borrowing ByteSpan, _ range: Range<Int>, stream: Int
    ) throws(ProtobufError) -> Bool {
        record.removeAll()
        var facts = OTLPRecord()
        var fields = ProtobufReader(range)
        while let field = try fields.next(in: body) {
            if field.number == 6, let range = field.range {
                try record.add(body, range, depth: depth)
            } else {
                facts.take(field)
            }
        }
        record.add(facts, in: body)
        record.give(to: &builder)
        resource.give(to: &builder)
        scope.give(to: &builder)
        var time = facts.time
        if time == 0 {
            time = UInt64(bitPattern: reading.arrival.stamp(now: reading.now))
            builder.noteArrivalStamp()
        }
        let stamp = Int64(clamping: time)
        switch try OTLPValue(body, facts.body) {
        case .text(let line): return builder.append(time: stamp, line: body.extracting(line), stream: stream)
        case let value:
            text.removeAll(keepingCapacity: true)
            try value.append(to: &text, in: body, depth: depth)
            let line = text
            return builder.append(time: stamp, line: line.span, stream: stream)
        }
    }
}

extension ProtobufReader.Field {
    /// Where the content lies if it is text, bytes or a message.
    var range: Range<Int>? {
        guard case .bytes(let start, let count) = content else { return nil }
        return start..<(start + count)
    }
}
