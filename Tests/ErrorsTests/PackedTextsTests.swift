import Bytes
import Testing

@testable import Errors

struct PackedTextsTests {
    /// Texts in one array do what texts in an array each do.
    @Test func theLastTextsAreKept() {
        var state: UInt64 = 5
        func below(_ bound: UInt64) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % bound)
        }
        let texts = ["", "a", "é", "0123456789abcdef0123456789abcdef", String(repeating: "long", count: 100), "b", "c"]
        for limit in 1...5 {
            var packed = PackedTexts()
            var model: [String] = []
            for _ in 0..<300 {
                let text = texts[below(UInt64(texts.count))]
                packed.makeLast(text, limit: limit)
                if model.last != text {
                    if let known = model.firstIndex(of: text) { model.remove(at: known) }
                    if model.count == limit { model.removeFirst() }
                    model.append(text)
                }
                #expect(packed.texts == model)
                #expect(packed.count == model.count)
            }
            #expect(PackedTexts(model).bytes == packed.bytes)
        }
    }
}
