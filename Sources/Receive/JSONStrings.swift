public import Bytes

/// Memory for unescaped strings, used again and again.
public struct ByteScratch: Sendable {
    /// Memory; the text that was unescaped last fills the front.
    public internal(set) var bytes: [UInt8] = []

    public init() {}

    /// Makes room for `capacity` bytes.
    mutating func reserve(_ capacity: Int) {
        guard bytes.count < capacity else { return }
        bytes.append(contentsOf: repeatElement(0, count: max(capacity, 2 * bytes.count, 512) - bytes.count))
    }
}

/// Where the text of a string lies.
public struct ScannedString: Hashable, Sendable {
    /// Bytes of the input, or of the scratch memory if `isUnescaped`.
    public let range: Range<Int>
    /// Whether the string had escapes, so that its text lies in the scratch memory.
    public let isUnescaped: Bool
}

/// Finds what ends a plain run in a string: a quote, a backslash or a control character. 16 bytes a step; reading the
/// mask as two words compiles well on baseline x86-64, where the generic mask operations do not.
enum StringStep {
    /// Distance from `at` to the first special byte of the 16 there; 16 when there is none.
    @inline(__always)
    static func plainCount(_ block: SIMD16<UInt8>) -> Int {
        let quotes = words(block .== SIMD16(repeating: 0x22))
        let backslashes = words(block .== SIMD16(repeating: 0x5c))
        let controls = words((block & SIMD16(repeating: 0xe0)) .== SIMD16(repeating: 0))
        let low = quotes[0] | backslashes[0] | controls[0]
        if low != 0 { return low.trailingZeroBitCount >> 3 }
        let high = quotes[1] | backslashes[1] | controls[1]
        if high != 0 { return 8 &+ (high.trailingZeroBitCount >> 3) }
        return 16
    }

    @inline(__always)
    private static func words(_ mask: SIMDMask<SIMD16<Int8>>) -> SIMD2<UInt64> {
        unsafe unsafeBitCast(mask, to: SIMD2<UInt64>.self)
    }

    /// Offset of the first special byte at or after `from`, or `end`.
    @inline(__always)
    static func plainEnd(_ span: borrowing ByteSpan, from: Int, end: Int) -> Int {
        let raw = unsafe span.bytes
        var at = from
        while at &+ 16 <= end {
            let count = plainCount(unsafe raw.unsafeLoadUnaligned(fromByteOffset: at, as: SIMD16<UInt8>.self))
            at &+= count
            if count < 16 { return at }
        }
        while at < end {
            let byte = span[at]
            if byte < 0x20 || byte == 0x22 || byte == 0x5c { return at }
            at &+= 1
        }
        return end
    }
}

extension JSONScanner {
    /// Reads a string; text with escapes is unescaped into `scratch`, whose former text is gone.
    @inline(__always)
    public mutating func string(
        in span: borrowing ByteSpan, scratch: inout ByteScratch
    ) throws(JSONError) -> ScannedString {
        guard peek(in: span) == 0x22 else { throw expected("a string", in: span) }
        let start = offset &+ 1
        let stop = StringStep.plainEnd(span, from: start, end: end)
        if stop < end, span[stop] == 0x22 {
            offset = stop &+ 1
            return ScannedString(range: start..<stop, isUnescaped: false)
        }
        return try unescapedString(in: span, start: start, scratch: &scratch)
    }

    /// Appends a string's text to `arena`, returning how many bytes it has.
    @discardableResult
    public mutating func appendString(
        in span: borrowing ByteSpan, to arena: inout [UInt8], scratch: inout ByteScratch
    ) throws(JSONError) -> Int {
        let text = try string(in: span, scratch: &scratch)
        if text.isUnescaped {
            arena.append(span: scratch.bytes.span.extracting(text.range))
        } else {
            arena.append(span: span.extracting(text.range))
        }
        return text.range.count
    }

    /// Passes over a string, checking its escapes; whether it has any.
    @inline(__always)
    @discardableResult
    public mutating func skipString(in span: borrowing ByteSpan) throws(JSONError) -> Bool {
        guard peek(in: span) == 0x22 else { throw expected("a string", in: span) }
        var at = StringStep.plainEnd(span, from: offset &+ 1, end: end)
        var hasEscapes = false
        while at < end, span[at] == 0x5c {
            hasEscapes = true
            var value: UInt32 = 0
            at = try escape(in: span, at: at, value: &value)
            at = StringStep.plainEnd(span, from: at, end: end)
        }
        offset = at
        guard at < end, span[at] == 0x22 else { throw badString(in: span) }
        offset &+= 1
        return hasEscapes
    }

    private func badString(in span: borrowing ByteSpan) -> JSONError {
        offset < end
            ? JSONError("control character in a string", at: offset)
            : JSONError("string ends early", at: offset, endsEarly: true)
    }

    private mutating func unescapedString(
        in span: borrowing ByteSpan, start: Int, scratch: inout ByteScratch
    ) throws(JSONError) -> ScannedString {
        var made = 0
        var at = start
        while true {
            scratch.reserve(made + 64)
            var memory = scratch.bytes.mutableSpan
            var target = unsafe memory.mutableBytes
            if try unescape(in: span, at: &at, into: &target, made: &made) { break }
        }
        offset = at
        guard at < end, span[at] == 0x22 else { throw badString(in: span) }
        offset &+= 1
        return ScannedString(range: 0..<made, isUnescaped: true)
    }

    /// Unescapes from `at` until the string's end (true) or until `target` is nearly full (false).
    private func unescape(
        in span: borrowing ByteSpan, at: inout Int, into target: inout MutableRawSpan, made: inout Int
    ) throws(JSONError) -> Bool {
        let raw = unsafe span.bytes
        let room = target.byteCount &- 32
        var from = at
        var to = made
        defer {
            at = from
            made = to
        }
        while to <= room {
            if from &+ 16 <= end {
                let block = unsafe raw.unsafeLoadUnaligned(fromByteOffset: from, as: SIMD16<UInt8>.self)
                target.storeBytes(of: block, toByteOffset: to, as: SIMD16<UInt8>.self)
                let count = StringStep.plainCount(block)
                from &+= count
                to &+= count
                if count == 16 { continue }
            } else if from < end, span[from] >= 0x20, span[from] != 0x22, span[from] != 0x5c {
                target.storeBytes(of: span[from], toByteOffset: to, as: UInt8.self)
                from &+= 1
                to &+= 1
                continue
            }
            guard from < end, span[from] == 0x5c else { return true }
            var value: UInt32 = 0
            from = try escape(in: span, at: from, value: &value)
            to &+= JSONScanner.store(value, into: &target, at: to)
        }
        return false
    }

    /// Reads the escape whose backslash is at `at` into a code point, returning the offset behind it. Halves of a
    /// surrogate pair that stand alone become U+FFFD.
    @inline(__always)
    private func escape(in span: borrowing ByteSpan, at: Int, value: inout UInt32) throws(JSONError) -> Int {
        guard at &+ 1 < end else { throw JSONError("string ends early", at: end, endsEarly: true) }
        switch span[at &+ 1] {
        case 0x22: value = 0x22
        case 0x5c: value = 0x5c
        case 0x2f: value = 0x2f
        case 0x6e: value = 0x0a
        case 0x74: value = 0x09
        case 0x72: value = 0x0d
        case 0x62: value = 0x08
        case 0x66: value = 0x0c
        case 0x75: return try unicodeEscape(in: span, at: at, value: &value)
        default: throw JSONError("unknown escape in a string", at: at)
        }
        return at &+ 2
    }

    private func unicodeEscape(in span: borrowing ByteSpan, at: Int, value: inout UInt32) throws(JSONError) -> Int {
        let unit = try codeUnit(in: span, at: at + 2)
        value = unit
        guard unit & 0xf800 == 0xd800 else { return at + 6 }
        value = 0xfffd
        guard unit < 0xdc00, at + 7 < end, span[at + 6] == 0x5c, span[at + 7] == 0x75 else { return at + 6 }
        let low = try codeUnit(in: span, at: at + 8)
        guard low & 0xfc00 == 0xdc00 else { return at + 6 }
        value = 0x10000 + ((unit & 0x3ff) << 10 | low & 0x3ff)
        return at + 12
    }

    private func codeUnit(in span: borrowing ByteSpan, at: Int) throws(JSONError) -> UInt32 {
        var unit: UInt32 = 0
        for index in at..<(at + 4) {
            guard index < end else { throw JSONError("string ends early", at: end, endsEarly: true) }
            let byte = span[index]
            let lower = byte | 0x20
            switch byte {
            case 0x30...0x39: unit = unit << 4 | UInt32(byte &- 0x30)
            case _ where lower >= 0x61 && lower <= 0x66: unit = unit << 4 | UInt32(lower &- 0x57)
            default: throw JSONError("bad \\u escape in a string", at: index)
            }
        }
        return unit
    }

    /// Stores the UTF-8 form of `value`, returning its size.
    @inline(__always)
    private static func store(_ value: UInt32, into target: inout MutableRawSpan, at to: Int) -> Int {
        if value < 0x80 {
            target.storeBytes(of: UInt8(truncatingIfNeeded: value), toByteOffset: to, as: UInt8.self)
            return 1
        }
        let count = value < 0x800 ? 2 : value < 0x10000 ? 3 : 4
        var rest = value
        for index in stride(from: count - 1, to: 0, by: -1) {
            target.storeBytes(
                of: UInt8(truncatingIfNeeded: rest & 0x3f) | 0x80, toByteOffset: to + index, as: UInt8.self)
            rest >>= 6
        }
        let lead: UInt8 = count == 2 ? 0xc0 : count == 3 ? 0xe0 : 0xf0
        target.storeBytes(of: UInt8(truncatingIfNeeded: rest) | lead, toByteOffset: to, as: UInt8.self)
        return count
    }
}
