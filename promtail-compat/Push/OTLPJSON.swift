import Bytes
import Model
import Receive

/// Turns an export request in JSON into the same request in protobuf, field by field into one buffer: both forms are
/// then read by the same code. Unknown fields are passed over, null is absence.
struct OTLPJSON {
    private var scanner: JSONScanner
    private var out: [UInt8] = []
    private var key: [UInt8] = []
    private var text: [UInt8] = []
    private var scratch = ByteScratch()

    private init(_ body: borrowing ByteSpan, maxDepth: Int) {
        scanner = JSONScanner(0..<body.count, maxDepth: maxDepth)
        out.reserveCapacity(body.count)
    }

    static func transcode(_ body: borrowing ByteSpan, maxDepth: Int) throws(JSONError) -> [UInt8] {
        var reader = OTLPJSON(body, maxDepth: maxDepth)
        try reader.readObject(body, .request, depth: 1)
        try reader.scanner.finish(in: body)
        return reader.out
    }

    /// The fields of one message.
    private mutating func readObject(
        _ body: borrowing ByteSpan, _ message: OTLPFields.Message, depth: Int
    ) throws(JSONError) {
        guard depth <= scanner.maxDepth else {
            throw JSONError("JSON is nested more than \(scanner.maxDepth) deep", at: scanner.offset)
        }
        try scanner.expect(0x7b, in: body)
        if scanner.take(0x7d, in: body) { return }
        repeat {
            key.removeAll(keepingCapacity: true)
            try scanner.appendString(in: body, to: &key, scratch: &scratch)
            try scanner.expect(0x3a, in: body)
            fold()
            if scanner.takeNull(in: body) { continue }
            if let field = OTLPFields.field(key, of: message) {
                try readField(body, field, depth: depth)
            } else {
                try scanner.skipValue(in: body, depth: depth)
            }
        } while try scanner.more(until: 0x7d, in: body)
    }

    /// Makes `key` comparable: `resource_logs` and `resourceLogs` are the same.
    private mutating func fold() {
        var count = 0
        for index in key.indices where key[index] != 0x5f {
            let byte = key[index]
            key[count] = byte &- 0x41 < 26 ? byte | 0x20 : byte
            count += 1
        }
        key.removeSubrange(count...)
    }

    private mutating func readField(
        _ body: borrowing ByteSpan, _ field: OTLPFields.Field, depth: Int
    ) throws(JSONError) {
        let number = UInt64(field.number) << 3
        switch field.kind {
        case .message(let message): try readMessages(body, field.number, message, depth: depth)
        case .text: try appendText(body, number)
        case .bytes: try appendBase64(body, number)
        case .identifier: try appendIdentifier(body, number)
        case .fixed64:
            let value = try integer(body)
            out.appendVarint(number | 1)
            out.appendLittleEndian(value)
        case .fixed32:
            let value = try integer(body)
            out.appendVarint(number | 5)
            out.appendLittleEndian(UInt32(truncatingIfNeeded: value))
        case .varint:
            let value = try integer(body)
            out.appendVarint(number)
            out.appendVarint(value)
        case .severity:
            let value = try severity(body)
            out.appendVarint(number)
            out.appendVarint(value)
        case .bool:
            let value = scanner.peek(in: body) == 0x74
            guard value || scanner.peek(in: body) == 0x66 else { throw scanner.expected("true or false", in: body) }
            try scanner.skipValue(in: body, depth: depth)
            out.appendVarint(number)
            out.append(value ? 1 : 0)
        case .double:
            let value = try double(body)
            out.appendVarint(number | 1)
            out.appendLittleEndian(value.bitPattern)
        }
    }

    /// An object, or an array of objects.
    private mutating func readMessages(
        _ body: borrowing ByteSpan, _ number: Int, _ message: OTLPFields.Message, depth: Int
    ) throws(JSONError) {
        guard scanner.peek(in: body) == 0x5b else { return try readMessage(body, number, message, depth: depth + 1) }
        try scanner.expect(0x5b, in: body)
        if scanner.take(0x5d, in: body) { return }
        repeat {
            if scanner.takeNull(in: body) {
                out.appendVarint(UInt64(number) << 3 | 2)
                out.append(0)
            } else {
                try readMessage(body, number, message, depth: depth + 2)
            }
        } while try scanner.more(until: 0x5d, in: body)
    }

    private mutating func readMessage(
        _ body: borrowing ByteSpan, _ number: Int, _ message: OTLPFields.Message, depth: Int
    ) throws(JSONError) {
        out.appendVarint(UInt64(number) << 3 | 2)
        let place = out.count
        // Room for a length of five bytes: how long the message gets is known at its end.
        for _ in 0..<5 { out.append(0x80) }
        try readObject(body, message, depth: depth)
        var length = out.count - place - 5
        for index in 0..<5 {
            out[place + index] = UInt8(truncatingIfNeeded: length & 0x7f) | (index < 4 ? 0x80 : 0)
            length >>= 7
        }
    }

    // MARK: - Values

    private mutating func readText(_ body: borrowing ByteSpan) throws(JSONError) {
        text.removeAll(keepingCapacity: true)
        try scanner.appendString(in: body, to: &text, scratch: &scratch)
    }

    private mutating func appendText(_ body: borrowing ByteSpan, _ number: UInt64) throws(JSONError) {
        try readText(body)
        out.appendVarint(number | 2)
        out.appendPrefixed(text)
    }

    private mutating func appendBase64(_ body: borrowing ByteSpan, _ number: UInt64) throws(JSONError) {
        let at = scanner.offset
        try readText(body)
        guard let count = OTLPJSON.decodeBase64(&text) else { throw JSONError("not base64", at: at) }
        text.removeSubrange(count...)
        out.appendVarint(number | 2)
        out.appendPrefixed(text)
    }

    /// Hexadecimal digits; base64 of 8 or 16 bytes, as general protobuf libraries write it, is understood too.
    private mutating func appendIdentifier(_ body: borrowing ByteSpan, _ number: UInt64) throws(JSONError) {
        let at = scanner.offset
        try readText(body)
        let isBase64 = (text.count == 24 || text.count == 12) && text.last == 0x3d
        guard let count = isBase64 ? OTLPJSON.decodeBase64(&text) : OTLPJSON.decodeHex(&text) else {
            throw JSONError("an identifier is not in hexadecimal digits", at: at)
        }
        text.removeSubrange(count...)
        out.appendVarint(number | 2)
        out.appendPrefixed(text)
    }

    /// A number, or one in quotes, into `text`.
    private mutating func readNumber(_ body: borrowing ByteSpan) throws(JSONError) {
        if scanner.peek(in: body) == 0x22 { return try readText(body) }
        let start = scanner.offset
        guard body.count > start, body[start] == 0x2d || body[start] &- 0x30 < 10 else {
            throw scanner.expected("a number", in: body)
        }
        try scanner.skipValue(in: body, depth: 0)
        text.removeAll(keepingCapacity: true)
        text.append(span: body.extracting(start..<scanner.offset))
    }

    /// An integer of 64 bits, signed or not, as its bits.
    private mutating func integer(_ body: borrowing ByteSpan) throws(JSONError) -> UInt64 {
        scanner.skipSpace(in: body)
        let at = scanner.offset
        try readNumber(body)
        guard let value = OTLPJSON.integer(text) else { throw JSONError("not an integer of 64 bits", at: at) }
        return value
    }

    private mutating func double(_ body: borrowing ByteSpan) throws(JSONError) -> Double {
        scanner.skipSpace(in: body)
        let at = scanner.offset
        try readNumber(body)
        guard let value = Double(String(decoding: text, as: UTF8.self)) else { throw JSONError("not a number", at: at) }
        return value
    }

    /// `17`, `"17"` or `"SEVERITY_NUMBER_ERROR"`.
    private mutating func severity(_ body: borrowing ByteSpan) throws(JSONError) -> UInt64 {
        scanner.skipSpace(in: body)
        let at = scanner.offset
        try readNumber(body)
        if let value = OTLPJSON.integer(text) { return value }
        guard let value = OTLPJSON.severity(named: text) else { throw JSONError("not a severity", at: at) }
        return value
    }
}
