import Bytes

/// A few texts in one array, each {varint bytes, UTF-8}: strings of their own take three times the memory, and there
/// are ten thousand groups.
struct PackedTexts: Sendable {
    private(set) var bytes: [UInt8] = []
    private(set) var count = 0

    init(_ texts: [String] = []) {
        for text in texts { append([UInt8](text.utf8)) }
    }

    var texts: [String] { places.map { String(decoding: bytes[$0.text], as: UTF8.self) } }

    mutating func append(_ text: [UInt8]) {
        bytes.appendPrefixed(text)
        count += 1
    }

    /// Makes `text` the last; the first goes beyond `limit`.
    mutating func makeLast(_ text: String, limit: Int) {
        let wanted = [UInt8](text.utf8)
        let places = places
        if let last = places.last, bytes[last.text].elementsEqual(wanted) { return }
        let known = places.first { bytes[$0.text].elementsEqual(wanted) }
        if let gone = known ?? (count >= limit ? places.first : nil) {
            bytes.removeSubrange(gone.whole)
            count -= 1
        }
        append(wanted)
    }

    private var places: [(whole: Range<Int>, text: Range<Int>)] {
        var reader = ByteReader(bytes)
        var found: [(whole: Range<Int>, text: Range<Int>)] = []
        found.reserveCapacity(count)
        while !reader.isAtEnd {
            let start = reader.offset
            guard let text = try? reader.prefixedRange() else { break }
            found.append((start..<text.upperBound, text))
        }
        return found
    }
}
