import Bytes

/// A few texts in one array, each {varint bytes, UTF-8}: strings of their own take three times the memory, and there
/// are ten thousand groups.
struct PackedTexts: Sendable {
    private(set) var bytes: [UInt8] = []
    private(set) var count = 0

    init(_ texts: [String] = []) {
        for text in texts { append(text.utf8) }
    }

    var texts: [String] {
        var texts: [String] = []
        forEach { _, text in texts.append(String(decoding: bytes[text], as: UTF8.self)) }
        return texts
    }

    mutating func append(_ text: some Collection<UInt8>) {
        bytes.appendVarint(text.count)
        bytes.append(contentsOf: text)
        count += 1
    }

    /// Makes `text` the last; the first goes beyond `limit`. Makes no array: it is called for each error.
    mutating func makeLast(_ text: String, limit: Int) {
        var first: Range<Int>?
        var known: Range<Int>?
        forEach { whole, own in
            if first == nil { first = whole }
            if bytes[own].elementsEqual(text.utf8) { known = whole }
        }
        if known?.upperBound == bytes.count { return }
        if let gone = known ?? (count >= limit ? first : nil) {
            bytes.removeSubrange(gone)
            count -= 1
        }
        append(text.utf8)
    }

    /// Calls `body` with where each text stands, its size included, and where it stands itself.
    private func forEach(_ body: (_ whole: Range<Int>, _ text: Range<Int>) -> Void) {
        var reader = ByteReader(bytes)
        while !reader.isAtEnd {
            let start = reader.offset
            guard let text = try? reader.prefixedRange() else { return }
            body(start..<text.upperBound, text)
        }
    }
}
