import Bytes
import Model
import Receive

// Entries and metadata of the JSON push body.
extension LokiJSON {
    mutating func readEntries(_ body: borrowing ByteSpan, stream: Int, isLegacy: Bool) throws(JSONError) {
        if scanner.takeNull(in: body) { return }
        place.list = isLegacy ? "entries" : "values"
        try scanner.expect(0x5b, in: body)
        if scanner.take(0x5d, in: body) { return }
        var entry = 0
        repeat {
            place.entry = entry
            if isLegacy { try readLegacyEntry(body, stream: stream) } else { try readEntry(body, stream: stream) }
            entry += 1
        } while try scanner.more(until: 0x5d, in: body)
        place.entry = nil
    }

    /// `["ns", "line"]` or `["ns", "line", {metadata}]`; further items are passed over.
    private mutating func readEntry(_ body: borrowing ByteSpan, stream: Int) throws(JSONError) {
        try scanner.expect(0x5b, in: body)
        let time = try readNanoseconds(body)
        guard scanner.take(0x2c, in: body) else { throw scanner.expected("a line after the timestamp", in: body) }
        let text = try scanner.string(in: body, scratch: &line)
        if scanner.take(0x2c, in: body) {
            try readMetadata(body)
            while try scanner.more(until: 0x5d, in: body) { try scanner.skipValue(in: body, depth: 5) }
        } else {
            try scanner.expect(0x5d, in: body)
        }
        try commit(body, time: time, text: text, stream: stream)
    }

    private mutating func commit(
        _ body: borrowing ByteSpan, time: Int64, text: ScannedString, stream: Int
    ) throws(JSONError) {
        let goesOn: Bool
        if text.isUnescaped {
            let content = line.bytes
            goesOn = builder.append(time: time, line: content.span.extracting(text.range), stream: stream)
        } else {
            goesOn = builder.append(time: time, line: body.extracting(text.range), stream: stream)
        }
        guard goesOn else { throw exceeded }
    }

    /// A string of decimal nanoseconds.
    private mutating func readNanoseconds(_ body: borrowing ByteSpan) throws(JSONError) -> Int64 {
        guard scanner.peek(in: body) == 0x22 else {
            throw scanner.expected("a timestamp: nanoseconds as a string", in: body)
        }
        let at = scanner.offset
        let text = try scanner.string(in: body, scratch: &value)
        let time: Int64?
        if text.isUnescaped {
            let content = value.bytes
            time = LokiJSON.number(content.span.extracting(text.range))
        } else {
            time = LokiJSON.number(body.extracting(text.range))
        }
        guard let time else { throw JSONError("timestamp is not a number of nanoseconds", at: at) }
        return time
    }

    @inline(__always)
    private static func number(_ text: borrowing ByteSpan) -> Int64? {
        let isNegative = text.count > 0 && text[0] == 0x2d
        let first = isNegative ? 1 : 0
        guard text.count > first, text.count - first <= 19 else { return nil }
        var value: UInt64 = 0
        for index in first..<text.count {
            let digit = text[index] &- 0x30
            guard digit < 10 else { return nil }
            value = value &* 10 &+ UInt64(digit)
        }
        guard value <= UInt64(Int64.max) else { return nil }
        let number = Int64(value)
        return isNegative ? -number : number
    }

    /// `{"ts": RFC 3339, "line": text, "structuredMetadata": [{"name": …, "value": …}]}`.
    private mutating func readLegacyEntry(_ body: borrowing ByteSpan, stream: Int) throws(JSONError) {
        var time: Int64?
        var text: ScannedString?
        let start = scanner.offset
        try scanner.expect(0x7b, in: body)
        if !scanner.take(0x7d, in: body) {
            repeat {
                try readKey(body)
                if key.elementsEqual("ts".utf8) {
                    time = try readInstant(body)
                } else if key.elementsEqual("line".utf8) {
                    text = try scanner.string(in: body, scratch: &line)
                } else if key.elementsEqual("structuredMetadata".utf8) {
                    try readPairs(body)
                } else {
                    try scanner.skipValue(in: body, depth: 5)
                }
            } while try scanner.more(until: 0x7d, in: body)
        }
        guard let time else { throw JSONError("entry without \"ts\"", at: start) }
        guard let text else { throw JSONError("entry without \"line\"", at: start) }
        try commit(body, time: time, text: text, stream: stream)
    }

    private mutating func readInstant(_ body: borrowing ByteSpan) throws(JSONError) -> Int64 {
        let at = scanner.offset
        let text = try scanner.string(in: body, scratch: &value)
        if !text.isUnescaped, let time = RFC3339.parse(body.extracting(text.range)) { return time }
        throw JSONError("\"ts\" is not an RFC 3339 timestamp", at: at)
    }

    // MARK: - Metadata

    /// An object of strings.
    private mutating func readMetadata(_ body: borrowing ByteSpan) throws(JSONError) {
        try scanner.expect(0x7b, in: body)
        if scanner.take(0x7d, in: body) { return }
        repeat {
            let label = try scanner.string(in: body, scratch: &name)
            try scanner.expect(0x3a, in: body)
            try readMetadataValue(body, name: label)
        } while try scanner.more(until: 0x7d, in: body)
    }

    private mutating func readMetadataValue(_ body: borrowing ByteSpan, name label: ScannedString) throws(JSONError) {
        guard scanner.peek(in: body) == 0x22 else { throw scanner.expected("a metadata value as a string", in: body) }
        let text = try scanner.string(in: body, scratch: &value)
        if !label.isUnescaped, !text.isUnescaped {
            builder.addMetadata(name: body.extracting(label.range), value: body.extracting(text.range))
            return
        }
        let names =
            label.isUnescaped ? [UInt8](name.bytes[label.range]) : [UInt8](copying: body.extracting(label.range))
        let values = text.isUnescaped ? [UInt8](value.bytes[text.range]) : [UInt8](copying: body.extracting(text.range))
        builder.addMetadata(name: names.span, value: values.span)
    }

    /// A list of objects with `name` and `value`, or an object as in `readMetadata`.
    private mutating func readPairs(_ body: borrowing ByteSpan) throws(JSONError) {
        if scanner.takeNull(in: body) { return }
        if scanner.peek(in: body) == 0x7b { return try readMetadata(body) }
        try scanner.expect(0x5b, in: body)
        if scanner.take(0x5d, in: body) { return }
        repeat {
            var pair: (name: [UInt8], value: [UInt8]) = ([], [])
            try scanner.expect(0x7b, in: body)
            if !scanner.take(0x7d, in: body) {
                repeat {
                    try readKey(body)
                    if key.elementsEqual("name".utf8) {
                        pair.name.removeAll()
                        try scanner.appendString(in: body, to: &pair.name, scratch: &name)
                    } else if key.elementsEqual("value".utf8) {
                        pair.value.removeAll()
                        try scanner.appendString(in: body, to: &pair.value, scratch: &value)
                    } else {
                        try scanner.skipValue(in: body, depth: 7)
                    }
                } while try scanner.more(until: 0x7d, in: body)
            }
            builder.addMetadata(name: pair.name.span, value: pair.value.span)
        } while try scanner.more(until: 0x5d, in: body)
    }
}
