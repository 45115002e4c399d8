import Bytes
import Model
import Receive
import Wire

/// Reads a decompressed `PushRequest` message.
struct LokiProtobuf {
    private var builder: BatchBuilder
    private var streamCount = 0
    private let maxStreams: Int

    init(options: ReceiveOptions, now: Int64, bodyBytes: Int) {
        builder = BatchBuilder(options: options, now: now, expectedBytes: bodyBytes)
        maxStreams = options.limits.requestStreams.value
    }

    static func read(_ body: borrowing ByteSpan, options: ReceiveOptions, now: Int64) throws(ReceiveError)
        -> ReceiveResult
    {
        var reader = LokiProtobuf(options: options, now: now, bodyBytes: body.count)
        do throws(ProtobufError) {
            try reader.readRequest(body)
        } catch {
            throw ReceiveError.malformed(error.description)
        }
        let isEmpty = reader.streamCount == 0
        let result = try reader.builder.finish()
        if isEmpty { throw LokiPush.noStreams }
        return result
    }

    private mutating func readRequest(_ body: borrowing ByteSpan) throws(ProtobufError) {
        var request = ProtobufReader(0..<body.count)
        while let field = try request.next(in: body) {
            guard field.number == 1, case .bytes(let start, let count) = field.content else { continue }
            streamCount += 1
            try readStream(body, start..<(start + count))
            if builder.isExceeded { return }
        }
    }

    private mutating func readStream(_ body: borrowing ByteSpan, _ range: Range<Int>) throws(ProtobufError) {
        var labels = range.lowerBound..<range.lowerBound
        var fields = ProtobufReader(range)
        // Agents write the labels first; elsewhere they are looked for before the entries are read.
        while let field = try fields.next(in: body) {
            if field.number == 1, case .bytes(let start, let count) = field.content {
                labels = start..<(start + count)
                break
            }
        }
        builder.beginStream()
        if !labels.isEmpty { LabelText.read(body, labels, into: &builder) }
        guard let stream = builder.endStream() else { return }
        fields = ProtobufReader(range)
        while let field = try fields.next(in: body) {
            guard field.number == 2, case .bytes(let start, let count) = field.content else { continue }
            guard try readEntry(body, start..<(start + count), stream: stream) else { return }
        }
    }

    private mutating func readEntry(
        _ body: borrowing ByteSpan, _ range: Range<Int>, stream: Int
    ) throws(ProtobufError) -> Bool {
        var time: Int64 = 0
        var line = 0..<0
        var fields = ProtobufReader(range)
        while let field = try fields.next(in: body) {
            guard case .bytes(let start, let count) = field.content else { continue }
            switch field.number {
            case 1: time = try readTime(body, start..<(start + count))
            case 2: line = start..<(start + count)
            case 3: try readPair(body, start..<(start + count))
            default: break
            }
        }
        return builder.append(time: time, line: body.extracting(line), stream: stream)
    }

    private func readTime(_ body: borrowing ByteSpan, _ range: Range<Int>) throws(ProtobufError) -> Int64 {
        var seconds: Int64 = 0
        var nanos: Int64 = 0
        var fields = ProtobufReader(range)
        while let field = try fields.next(in: body) {
            guard case .varint(let value) = field.content else { continue }
            if field.number == 1 { seconds = Int64(bitPattern: value) }
            if field.number == 2 { nanos = Int64(Int32(truncatingIfNeeded: value)) }
        }
        let (whole, over) = seconds.multipliedReportingOverflow(by: Nanoseconds.perSecond)
        let (time, overflow) = whole.addingReportingOverflow(nanos)
        return over || overflow ? (seconds < 0 ? .min : .max) : time
    }

    private mutating func readPair(_ body: borrowing ByteSpan, _ range: Range<Int>) throws(ProtobufError) {
        var name = 0..<0
        var value = 0..<0
        var fields = ProtobufReader(range)
        while let field = try fields.next(in: body) {
            guard case .bytes(let start, let count) = field.content else { continue }
            if field.number == 1 { name = start..<(start + count) }
            if field.number == 2 { value = start..<(start + count) }
        }
        builder.addMetadata(name: body.extracting(name), value: body.extracting(value))
    }
}
