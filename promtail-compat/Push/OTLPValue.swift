import Bytes
import Model
import Wire

/// An `AnyValue` message; ranges lie in the body.
enum OTLPValue {
    case none
    case text(Range<Int>)
    case bool(Bool)
    case int(Int64)
    case double(Double)
    case array(Range<Int>)
    case map(Range<Int>)
    case bytes(Range<Int>)

    init(_ body: borrowing ByteSpan, _ range: Range<Int>) throws(ProtobufError) {
        self = .none
        var fields = ProtobufReader(range)
        while let field = try fields.next(in: body) {
            switch (field.number, field.content) {
            case (1, .bytes(let start, let count)): self = .text(start..<(start + count))
            case (2, .varint(let value)): self = .bool(value != 0)
            case (3, .varint(let value)): self = .int(Int64(bitPattern: value))
            case (4, .fixed(let value)): self = .double(Double(bitPattern: value))
            case (5, .bytes(let start, let count)): self = .array(start..<(start + count))
            case (6, .bytes(let start, let count)): self = .map(start..<(start + count))
            case (7, .bytes(let start, let count)): self = .bytes(start..<(start + count))
            default: break
            }
        }
    }

    static func tooDeep(at offset: Int) -> ProtobufError {
        ProtobufError("a value is nested too deep", at: offset)
    }

    /// Appends the value as text: a string as it is, arrays and maps as compact JSON, bytes in base64, null as nothing.
    func append(to out: inout [UInt8], in body: borrowing ByteSpan, depth: Int) throws(ProtobufError) {
        switch self {
        case .none: return
        case .text(let range): out.append(span: body.extracting(range))
        case .bool(let value): out.append(contentsOf: value ? "true".utf8 : "false".utf8)
        case .int(let value):
            if value < 0 { out.append(0x2d) }
            OTLPValue.append(decimal: value.magnitude, to: &out)
        case .double(let value): OTLPValue.append(value, to: &out)
        case .bytes(let range): OTLPValue.append(base64: body.extracting(range), to: &out)
        case .array(let range):
            guard depth > 1 else { throw OTLPValue.tooDeep(at: range.lowerBound) }
            out.append(0x5b)
            var fields = ProtobufReader(range)
            var isFirst = true
            while let field = try fields.next(in: body) {
                guard field.number == 1, let item = field.range else { continue }
                if !isFirst { out.append(0x2c) }
                isFirst = false
                try OTLPValue(body, item).appendJSON(to: &out, in: body, depth: depth - 1)
            }
            out.append(0x5d)
        case .map(let range):
            guard depth > 1 else { throw OTLPValue.tooDeep(at: range.lowerBound) }
            out.append(0x7b)
            var fields = ProtobufReader(range)
            var isFirst = true
            while let field = try fields.next(in: body) {
                guard field.number == 1, let item = field.range else { continue }
                if !isFirst { out.append(0x2c) }
                isFirst = false
                let (key, value) = try OTLPAttributes.pair(body, item)
                JSONText.append(body.extracting(key), to: &out)
                out.append(0x3a)
                try OTLPValue(body, value).appendJSON(to: &out, in: body, depth: depth - 1)
            }
            out.append(0x7d)
        }
    }

    private func appendJSON(to out: inout [UInt8], in body: borrowing ByteSpan, depth: Int) throws(ProtobufError) {
        switch self {
        case .none: out.append(contentsOf: "null".utf8)
        case .text(let range): JSONText.append(body.extracting(range), to: &out)
        case .double(let value) where !value.isFinite:
            out.append(0x22)
            OTLPValue.append(value, to: &out)
            out.append(0x22)
        case .bytes:
            out.append(0x22)
            try append(to: &out, in: body, depth: depth)
            out.append(0x22)
        default: try append(to: &out, in: body, depth: depth)
        }
    }

    // MARK: - Numbers and bytes

    static func append(decimal value: UInt64, to out: inout [UInt8]) {
        let start = out.count
        var rest = value
        repeat {
            out.append(UInt8(truncatingIfNeeded: rest % 10) &+ 0x30)
            rest /= 10
        } while rest > 0
        out[start...].reverse()
    }

    /// The shortest decimal that reads back the same; whole numbers without a point.
    static func append(_ value: Double, to out: inout [UInt8]) {
        if value.isNaN { return out.append(contentsOf: "NaN".utf8) }
        if value.isInfinite { return out.append(contentsOf: value < 0 ? "-Infinity".utf8 : "Infinity".utf8) }
        guard value == value.rounded(), value.magnitude < 1e18 else {
            return out.append(contentsOf: value.description.utf8)
        }
        if value < 0 { out.append(0x2d) }
        append(decimal: UInt64(value.magnitude), to: &out)
    }

    static func append(base64 bytes: borrowing ByteSpan, to out: inout [UInt8]) {
        var at = 0
        while at < bytes.count {
            let left = min(3, bytes.count - at)
            var word = UInt32(bytes[at]) << 16
            if left > 1 { word |= UInt32(bytes[at + 1]) << 8 }
            if left > 2 { word |= UInt32(bytes[at + 2]) }
            for place in 0..<4 {
                out.append(
                    place <= left ? base64Digit(UInt8(truncatingIfNeeded: word >> UInt32(18 - 6 * place)) & 63) : 0x3d)
            }
            at += 3
        }
    }

    private static func base64Digit(_ value: UInt8) -> UInt8 {
        switch value {
        case ..<26: value &+ 0x41
        case ..<52: value &+ 0x47
        case ..<62: value &- 4
        case 62: 0x2b
        default: 0x2f
        }
    }
}
