import Bytes
import Model
import Receive

/// Reads the JSON push body, in today's form (`stream` and `values`) and the legacy one (`labels` and `entries`), told
/// apart stream by stream.
struct LokiJSON {
    var scanner: JSONScanner
    var builder: BatchBuilder
    /// Text of the line, and of names and values, when they have escapes.
    var line = ByteScratch()
    var name = ByteScratch()
    var value = ByteScratch()
    var key: [UInt8] = []
    var streamCount = 0
    var hasStreams = false
    /// Where reading is, for messages.
    var place = Place()

    struct Place {
        var stream: Int?
        var list = ""
        var entry: Int?
    }

    /// Lists of entries that came before their stream's labels.
    struct Deferred {
        let offset: Int
        let isLegacy: Bool
    }

    private init(_ body: borrowing ByteSpan, options: ReceiveOptions, now: Int64) {
        scanner = JSONScanner(0..<body.count, maxDepth: options.limits.nestingDepth.value)
        builder = BatchBuilder(options: options, now: now, expectedBytes: body.count)
    }

    static func read(_ body: borrowing ByteSpan, options: ReceiveOptions, now: Int64) throws(ReceiveError)
        -> ReceiveResult
    {
        var reader = LokiJSON(body, options: options, now: now)
        guard reader.scanner.peek(in: body) != 0 || reader.scanner.offset < body.count else {
            throw ReceiveError.malformed("EOF")
        }
        do throws(JSONError) {
            try reader.readRequest(body)
        } catch {
            if !reader.builder.isExceeded { throw ReceiveError.malformed("\(error)\(reader.placeText)") }
        }
        let isEmpty = reader.streamCount == 0
        let result = try reader.builder.finish()
        if isEmpty { throw LokiPush.noStreams }
        return result
    }

    var placeText: String {
        guard let stream = place.stream else { return "" }
        guard let entry = place.entry else { return " (streams[\(stream)])" }
        return " (streams[\(stream)].\(place.list)[\(entry)])"
    }

    /// Thrown to leave when a limit on the whole request is exceeded; the builder knows which.
    var exceeded: JSONError { JSONError("limit exceeded", at: scanner.offset) }

    // MARK: - Request and streams

    mutating func readRequest(_ body: borrowing ByteSpan) throws(JSONError) {
        if !scanner.takeNull(in: body) {
            try scanner.expect(0x7b, in: body)
            if !scanner.take(0x7d, in: body) {
                repeat {
                    try readKey(body)
                    if key.elementsEqual("streams".utf8) {
                        guard !hasStreams else { throw JSONError("\"streams\" is there twice", at: scanner.offset) }
                        hasStreams = true
                        try readStreams(body)
                    } else {
                        try scanner.skipValue(in: body, depth: 1)
                    }
                } while try scanner.more(until: 0x7d, in: body)
            }
        }
        try scanner.finish(in: body)
    }

    /// Reads a key and its colon into `key`.
    mutating func readKey(_ body: borrowing ByteSpan) throws(JSONError) {
        key.removeAll(keepingCapacity: true)
        try scanner.appendString(in: body, to: &key, scratch: &name)
        try scanner.expect(0x3a, in: body)
    }

    mutating func readStreams(_ body: borrowing ByteSpan) throws(JSONError) {
        if scanner.takeNull(in: body) { return }
        try scanner.expect(0x5b, in: body)
        if scanner.take(0x5d, in: body) { return }
        repeat {
            place = Place(stream: streamCount)
            streamCount += 1
            try readStream(body)
        } while try scanner.more(until: 0x5d, in: body)
        place = Place()
    }

    mutating func readStream(_ body: borrowing ByteSpan) throws(JSONError) {
        var stream: Int?
        var deferred: [Deferred] = []
        try scanner.expect(0x7b, in: body)
        if !scanner.take(0x7d, in: body) {
            repeat {
                try readKey(body)
                let at = scanner.offset
                if key.elementsEqual("stream".utf8) || key.elementsEqual("labels".utf8) {
                    guard stream == nil else { throw JSONError("the stream's labels are there twice", at: at) }
                    let isText = key.elementsEqual("labels".utf8)
                    stream = isText ? try readLabelText(body) : try readLabels(body)
                } else if key.elementsEqual("values".utf8) || key.elementsEqual("entries".utf8) {
                    let isLegacy = key.elementsEqual("entries".utf8)
                    if let stream {
                        try readEntries(body, stream: stream, isLegacy: isLegacy)
                    } else {
                        deferred.append(Deferred(offset: at, isLegacy: isLegacy))
                        guard deferred.count <= 2 else {
                            throw JSONError("the stream's entries are there twice", at: at)
                        }
                        try scanner.skipValue(in: body, depth: 3)
                    }
                } else {
                    try scanner.skipValue(in: body, depth: 3)
                }
            } while try scanner.more(until: 0x7d, in: body)
        }
        if stream == nil {
            builder.beginStream()
            stream = builder.endStream()
        }
        guard let stream else { throw exceeded }
        let after = scanner.offset
        for list in deferred {
            scanner.offset = list.offset
            try readEntries(body, stream: stream, isLegacy: list.isLegacy)
        }
        if !deferred.isEmpty { scanner.offset = after }
    }

    mutating func readLabels(_ body: borrowing ByteSpan) throws(JSONError) -> Int {
        builder.beginStream()
        if !scanner.takeNull(in: body) {
            try scanner.expect(0x7b, in: body)
            if !scanner.take(0x7d, in: body) {
                repeat {
                    try readKey(body)
                    guard scanner.peek(in: body) == 0x22 else {
                        throw scanner.expected("a label value as a string", in: body)
                    }
                    let text = try scanner.string(in: body, scratch: &value)
                    let label = key
                    if text.isUnescaped {
                        let content = value.bytes
                        builder.addLabel(name: label.span, value: content.span.extracting(text.range))
                    } else {
                        builder.addLabel(name: label.span, value: body.extracting(text.range))
                    }
                } while try scanner.more(until: 0x7d, in: body)
            }
        }
        guard let stream = builder.endStream() else { throw exceeded }
        return stream
    }

    mutating func readLabelText(_ body: borrowing ByteSpan) throws(JSONError) -> Int {
        builder.beginStream()
        let text = try scanner.string(in: body, scratch: &value)
        if text.isUnescaped {
            let content = value.bytes
            LabelText.read(content.span, text.range, into: &builder)
        } else {
            LabelText.read(body, text.range, into: &builder)
        }
        guard let stream = builder.endStream() else { throw exceeded }
        return stream
    }
}
