/// What is searched for, and its bytes.
struct SearchNeedle {
    let text: [UInt8]
    /// Its bytes, and the first of them, with their other case where that counts.
    let bytes: ByteSet
    let first: ByteSet

    /// Of longer needles columns are asked for the front alone: the ways in which a needle can lie in them grow with
    /// its size, and few lines have such a front but not the rest.
    static let maximumBytes = 256

    init(_ text: [UInt8], foldsCase: Bool) {
        self.text = text
        bytes = SearchNeedle.set(text[...], foldsCase)
        first = SearchNeedle.set(text.prefix(1), foldsCase)
    }

    private static func set(_ text: ArraySlice<UInt8>, _ foldsCase: Bool) -> ByteSet {
        var set = ByteSet()
        for byte in text {
            set.insert(byte)
            if foldsCase, byte >= 0x61, byte <= 0x7a { set.insert(byte & 0xdf) }
        }
        return set
    }
}
