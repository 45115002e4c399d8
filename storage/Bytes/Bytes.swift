public import Glibc

// Bytes: the one target in which unsafe code is at home.
//
// Arenas, checked readers and writers, checksums, hashes, byte search, codecs and threads. It knows nothing of logs,
// files or formats; everything above works with its safe interface (Span, [UInt8], AppendOnly) only.

/// An immutable or growing run of bytes seen as a span; the currency of every byte routine here.
public typealias ByteSpan = Span<UInt8>

extension Array where Element == UInt8 {
    /// Bytes of `text` in UTF-8.
    @inlinable
    public init(text: String) {
        self = [UInt8](text.utf8)
    }

    /// A copy of `span`.
    @inlinable
    public init(copying span: borrowing ByteSpan) {
        let count = span.count
        self = unsafe [UInt8](unsafeUninitializedCapacity: count) { target, initialized in
            unsafe span.withUnsafeBytes { source in
                if count > 0, let from = source.baseAddress, let to = target.baseAddress {
                    unsafe UnsafeMutableRawPointer(to).copyMemory(from: from, byteCount: count)
                }
            }
            initialized = count
        }
    }

    /// Appends all bytes of `span`.
    @inlinable
    public mutating func append(span: borrowing ByteSpan) {
        unsafe span.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
    }

    /// Appends `source[range]` without an intermediate slice object.
    @inlinable
    public mutating func append(_ source: [UInt8], _ range: Range<Int>) {
        precondition(
            range.lowerBound >= 0 && range.upperBound <= source.count, "BUG: range \(range) of \(source.count)")
        unsafe source.withUnsafeBufferPointer { unsafe append(contentsOf: UnsafeBufferPointer(rebasing: $0[range])) }
    }

    /// The bytes as text; invalid UTF-8 becomes U+FFFD.
    @inlinable
    public var text: String {
        String(decoding: self, as: UTF8.self)
    }
}

extension Span where Element == UInt8 {
    /// The bytes as text; invalid UTF-8 becomes U+FFFD.
    @inlinable
    public var text: String {
        unsafe withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
    }

    /// Whether both spans hold the same bytes.
    @inlinable
    public func equals(_ other: borrowing Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        if count == 0 { return true }
        return unsafe withUnsafeBytes { a in
            unsafe other.withUnsafeBytes { b in
                guard let x = a.baseAddress, let y = b.baseAddress else { return true }
                return unsafe memcmp(x, y, a.count) == 0
            }
        }
    }

    /// Lexicographic order of bytes: negative, zero or positive.
    @inlinable
    public func compare(_ other: borrowing Span<UInt8>) -> Int {
        let shared = Swift.min(count, other.count)
        let head: Int32 = unsafe withUnsafeBytes { a in
            unsafe other.withUnsafeBytes { b in
                guard shared > 0, let x = a.baseAddress, let y = b.baseAddress else { return 0 }
                return unsafe memcmp(x, y, shared)
            }
        }
        return head != 0 ? Int(head) : count - other.count
    }
}
