internal import Bytes
internal import Model

// The pieces that all answers are made of.
extension Array where Element == UInt8 {
    /// Bytes that are JSON already.
    mutating func append(literal text: StaticString) {
        text.withUTF8Buffer { unsafe append(contentsOf: $0) }
    }

    /// `["a","b"]`.
    mutating func append(textsAsJSON texts: [String]) {
        append(listOf: texts) { text, out in JSONText.append(text, to: &out) }
    }

    /// `{"name":"value",…}`, sorted by name as label sets are.
    mutating func append(labelsAsJSON labels: LabelSet) {
        append(0x7b)
        var cursor = PairCursor(0..<labels.encoded.count)
        let span = labels.encoded.span
        var isFirst = true
        while let pair = cursor.next(in: span) {
            if !isFirst { append(0x2c) }
            isFirst = false
            JSONText.append(span.extracting(pair.name), to: &self)
            append(0x3a)
            JSONText.append(span.extracting(pair.value), to: &self)
        }
        append(0x7d)
    }

    /// `[…,…]` with each item as `write` writes it.
    mutating func append<Item>(listOf items: [Item], _ write: (Item, inout [UInt8]) -> Void) {
        append(0x5b)
        for index in items.indices {
            if index > 0 { append(0x2c) }
            write(items[index], &self)
        }
        append(0x5d)
    }
}
