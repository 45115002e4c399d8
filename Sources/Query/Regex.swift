internal import Bytes
internal import CRE2
public import LogQL

/// A compiled regular expression (RE2: linear time, bounded memory). Bytes that are not UTF-8 count as U+FFFD each.
@safe final class Regex: @unchecked Sendable {
    // Invariant: the handle is written once; RE2's matching functions may be called from any thread.
    private let handle: OpaquePointer

    /// Where a match may lie.
    enum Place: Int32 {
        case anywhere = 0
        /// The whole text.
        case full = 1
    }

    /// Program and automaton cache of one regex may hold this many bytes; RE2 falls back to slower search beyond.
    private static let memoryBytes: Int64 = 8 << 20
    /// Names of the groups, from group 1; nil where a group has none.
    let groupNames: [String?]

    /// Compiles `pattern` (Go or RE2 syntax); a `RegexFault` says what is wrong with it.
    init(_ pattern: [UInt8], dotMatchesNewline: Bool = false) throws(RegexFault) {
        if RegexFault.usesByteClass(pattern) { throw RegexFault(text: "invalid escape sequence: `\\C`") }
        let source = RegexText.forRE2(pattern)
        let flags = dotMatchesNewline ? Int32(DENDRO_REGEX_DOT_ALL) : 0
        let made = unsafe source.withUnsafeBytes { bytes in
            unsafe dendro_regex_compile(
                bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count, flags, Regex.memoryBytes)
        }
        guard let made = unsafe made else { throw RegexFault(text: "out of memory") }
        unsafe handle = made
        let code = unsafe dendro_regex_error_code(made)
        if code != 0 {
            let fault = RegexFault(code: code, argument: unsafe Regex.argument(made))
            groupNames = []
            throw fault
        }
        var names: [String?] = []
        let groupCount = unsafe dendro_regex_group_count(made)
        for index in 0..<groupCount {
            let name = unsafe dendro_regex_group_name(made, index + 1)
            names.append(unsafe name.map { unsafe String(cString: $0) })
        }
        groupNames = names
    }

    deinit {
        unsafe dendro_regex_free(handle)
    }

    private static func argument(_ handle: OpaquePointer) -> String {
        var size = 0
        guard let bytes = unsafe dendro_regex_error_argument(handle, &size) else { return "" }
        return unsafe String(decoding: UnsafeRawBufferPointer(start: bytes, count: size), as: UTF8.self)
    }

    /// Whether `text` matches.
    func matches(_ text: borrowing ByteSpan, _ place: Place) -> Bool {
        unsafe text.withUnsafeBytes { bytes in
            unsafe dendro_regex_match(
                handle, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count, place.rawValue) != 0
        }
    }

    /// The first match at or after `from`: offsets (start, end) of group 0 and the others into `offsets`, -1 for groups
    /// that took no part. `text` must be UTF-8.
    func find(_ text: borrowing ByteSpan, from: Int = 0, _ place: Place = .anywhere, into offsets: inout [Int64])
        -> Bool
    {
        let groups = groupNames.count + 1
        if offsets.count != 2 * groups { offsets = [Int64](repeating: -1, count: 2 * groups) }
        return unsafe text.withUnsafeBytes { bytes in
            unsafe offsets.withUnsafeMutableBufferPointer { out in
                unsafe dendro_regex_find(
                    handle, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count, from, place.rawValue,
                    out.baseAddress, Int32(groups)) != 0
            }
        }
    }

    /// Whether the bytes are UTF-8.
    static func isUTF8(_ text: borrowing ByteSpan) -> Bool {
        unsafe text.withUnsafeBytes { bytes in
            unsafe dendro_utf8_valid(bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count) != 0
        }
    }
}

/// What is wrong with a regex, in the words of Go's parser: ``missing closing ): `(a` ``.
struct RegexFault: Error, Hashable, Sendable {
    let text: String

    init(text: String) {
        self.text = text
    }

    init(code: Int32, argument: String) {
        // RE2's error codes in their order: internal, bad escape, bad class, bad class range, missing bracket, missing
        // parenthesis, unexpected parenthesis, trailing backslash, repeat argument, size and operator, bad Perl
        // operator, bad UTF-8, bad named capture, pattern too large.
        let words = [
            "", "internal error", "invalid escape sequence", "invalid character class", "invalid character class range",
            "missing closing ]", "missing closing )", "unexpected )", "trailing backslash at end of expression",
            "missing argument to repetition operator", "invalid repeat count", "invalid nested repetition operator",
            "invalid or unsupported Perl syntax", "invalid UTF-8", "invalid named capture", "expression too large",
        ]
        let index = Int(code)
        let word = words.indices.contains(index) ? words[index] : "invalid expression"
        text = word + ": `" + argument + "`"
    }

    /// `\C`, one byte of any kind: RE2 has it, Go and LogQL do not.
    static func usesByteClass(_ pattern: [UInt8]) -> Bool {
        var at = 0
        while at + 1 < pattern.count {
            guard pattern[at] == UInt8(ascii: "\\") else {
                at += 1
                continue
            }
            if pattern[at + 1] == UInt8(ascii: "Q") { return false }
            if pattern[at + 1] == UInt8(ascii: "C") { return true }
            at += 2
        }
        return false
    }
}

/// The regex engine as the parser knows it.
public struct RegexEngine: RegexChecker {
    public init() {}

    public func fault(in regex: [UInt8]) -> String? {
        do throws(RegexFault) {
            _ = try Regex(regex)
            return nil
        } catch {
            return error.text
        }
    }

    public func matchesEmpty(_ regex: [UInt8]) -> Bool {
        guard let compiled = try? Regex(regex, dotMatchesNewline: true) else { return false }
        return compiled.matches([UInt8]().span, .full)
    }
}
