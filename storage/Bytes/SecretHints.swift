/// Finds, in one pass over text, the places where something secret might stand: pairs of letters that nearly all names
/// of secrets have and few other words do, and runs of digits. What is found is to be looked at closely.
///
/// In either case: `ke` (token, api_key), `ki` (cookie, AKIA), `wo` and `wd` (password, passwd, pwd), `cr` (secret,
/// credentials), `za` (authorization), `yj` (eyJ, a JSON web token); as they are: `SI` (ASIA), `:/` (an address that
/// may hold a password), `--` (a PEM block). 8 bytes of nothing but digits, spaces and dashes, in step of 8 from where
/// the search began: every run of 15 has such 8.
public enum SecretHints {
    public struct Hint: Hashable, Sendable {
        public var offset: Int
        /// A run of digits, spaces or dashes; else a pair of letters.
        public var isNumber: Bool
    }

    /// The first hint at or after `from`, or nil.
    public static func next(in span: borrowing ByteSpan, from: Int) -> Hint? {
        precondition(from >= 0, "BUG: hints from \(from)")
        return unsafe span.withUnsafeBytes { bytes in unsafe next(bytes, from) }
    }

    private typealias Lanes = SIMD16<UInt8>
    private typealias Mask = SIMDMask<SIMD16<Int8>>

    private static func next(_ bytes: UnsafeRawBufferPointer, _ from: Int) -> Hint? {
        let count = bytes.count
        guard let base = bytes.baseAddress, from < count else { return nil }
        guard count &- from >= 17 else { return unsafe short(bytes, from) }
        var at = from
        while at &+ 17 <= count {
            if let hint = unsafe step(base, at) { return hint }
            at &+= 16
        }
        // The rest, once more from 17 bytes before the end on.
        return at &+ 1 < count ? unsafe step(base, count &- 17) : nil
    }

    @inline(__always)
    private static func step(_ base: UnsafeRawPointer, _ at: Int) -> Hint? {
        let raw = unsafe base.loadUnaligned(fromByteOffset: at, as: Lanes.self)
        let rawNext = unsafe base.loadUnaligned(fromByteOffset: at &+ 1, as: Lanes.self)
        let fold = Lanes(repeating: 0x20)
        let a = raw | fold
        let b = rawNext | fold
        let k = (a .== Lanes(repeating: 0x6b)) .& ((b .== Lanes(repeating: 0x65)) .| (b .== Lanes(repeating: 0x69)))
        let w = (a .== Lanes(repeating: 0x77)) .& ((b .== Lanes(repeating: 0x6f)) .| (b .== Lanes(repeating: 0x64)))
        let c = (a .== Lanes(repeating: 0x63)) .& (b .== Lanes(repeating: 0x72))
        let z = (a .== Lanes(repeating: 0x7a)) .& (b .== Lanes(repeating: 0x61))
        let y = (a .== Lanes(repeating: 0x79)) .& (b .== Lanes(repeating: 0x6a))
        let s = (raw .== Lanes(repeating: 0x53)) .& (rawNext .== Lanes(repeating: 0x49))
        let isDash = raw .== Lanes(repeating: 0x2d)
        let dashes = isDash .& (rawNext .== Lanes(repeating: 0x2d))
        let address = (raw .== Lanes(repeating: 0x3a)) .& (rawNext .== Lanes(repeating: 0x2f))
        let names = (k .| w) .| (c .| z) .| (y .| s) .| (dashes .| address)
        let isDigit = (raw &- Lanes(repeating: 0x30)) .< Lanes(repeating: 10)
        let numbers = isDigit .| isDash .| (raw .== Lanes(repeating: 0x20))
        let found = unsafe unsafeBitCast(names, to: SIMD2<UInt64>.self)
        let filled = unsafe unsafeBitCast(numbers, to: SIMD2<UInt64>.self)
        if found[0] | found[1] == 0, filled[0] != .max, filled[1] != .max { return nil }
        return first(at, found, filled)
    }

    private static func first(_ at: Int, _ found: SIMD2<UInt64>, _ filled: SIMD2<UInt64>) -> Hint? {
        for half in 0..<2 {
            if filled[half] == .max { return Hint(offset: at &+ half &* 8, isNumber: true) }
            if found[half] != 0 {
                return Hint(offset: at &+ half &* 8 &+ found[half].trailingZeroBitCount >> 3, isNumber: false)
            }
        }
        return nil
    }

    /// The same for less than 17 bytes.
    private static func short(_ bytes: UnsafeRawBufferPointer, _ from: Int) -> Hint? {
        let count = bytes.count
        var run = 0
        for at in from..<count {
            let byte = unsafe bytes[at]
            run = byte &- 0x30 < 10 || byte == 0x20 || byte == 0x2d ? run + 1 : 0
            if run == 8 { return Hint(offset: at &- 7, isNumber: true) }
            if at + 1 < count, unsafe isName(byte, bytes[at + 1]) { return Hint(offset: at, isNumber: false) }
        }
        return nil
    }

    private static func isName(_ raw: UInt8, _ rawNext: UInt8) -> Bool {
        switch (raw, rawNext) {
        case (0x53, 0x49), (0x2d, 0x2d), (0x3a, 0x2f): return true
        default: break
        }
        switch (raw | 0x20, rawNext | 0x20) {
        case (0x6b, 0x65), (0x6b, 0x69), (0x77, 0x6f), (0x77, 0x64), (0x63, 0x72), (0x7a, 0x61), (0x79, 0x6a):
            return true
        default: return false
        }
    }
}
