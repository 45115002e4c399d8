/// The value of a string literal, unescaped.
///
/// A literal may hold any bytes (`"\xff"`), so the bytes are what counts: needles, patterns and regexes are used as
/// `bytes`. `string` is for names, messages and templates.
public struct Text: Hashable, Sendable, ExpressibleByStringLiteral {
    public var bytes: [UInt8]

    public init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    public init(_ string: String) {
        bytes = Array(string.utf8)
    }

    public init(stringLiteral value: String) {
        self.init(value)
    }

    /// The bytes read as UTF-8; each invalid sequence becomes U+FFFD.
    public var string: String { String(decoding: bytes, as: UTF8.self) }

    public var isEmpty: Bool { bytes.isEmpty }
}
