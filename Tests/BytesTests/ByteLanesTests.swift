import Bytes
import Testing

struct ByteLanesTests {
    @Test func placesOfNumbersAreThoseOfAPlainSearch() {
        var random = SystemRandomNumberGenerator()
        for count in [0, 1, 3, 4, 5, 8, 17, 1000] {
            for most: UInt16 in [0, 1, 3, 0x8000, .max] {
                let numbers = (0..<count).map { _ in
                    // Neighbours of what is looked for, and of the bits that tell it.
                    [0, 1, 0x7fff, 0x8000, 0x8001, .max, UInt16.random(in: 0...most, using: &random)].randomElement()!
                }
                for value in [0, 1, 2, 0x7fff, 0x8000, 0x8001, UInt16.max] {
                    let plain = numbers.indices.filter { numbers[$0] == value }.map { UInt32($0) }
                    #expect(ByteLanes.places(of: value, in: numbers) == plain)
                }
            }
        }
    }
}
