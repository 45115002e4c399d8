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

    @Test func placesAndCountsOfBytesAreThoseOfAPlainSearch() {
        var random = SystemRandomNumberGenerator()
        for count in [0, 1, 7, 8, 9, 31, 32, 33, 63, 64, 65, 1000, 8160, 8161, 20_000] {
            for share in [1, 2, 50, 5000] {
                let bytes = (0..<count).map { _ in
                    Int.random(in: 0..<share, using: &random) > 0 ? 0 : UInt8.random(in: 0...255, using: &random)
                }
                let others = bytes.indices.filter { bytes[$0] != 0 }.map { UInt32($0) }
                #expect(ByteLanes.placesOfOthers(in: bytes) == others)
                #expect(ByteLanes.countOfOthers(in: bytes) == others.count)
                for value: UInt8 in [0, 1, 0x7f, 0x80, 0xff] {
                    let plain = bytes.indices.filter { bytes[$0] == value }.map { UInt32($0) }
                    #expect(ByteLanes.places(of: value, in: bytes) == plain)
                }
            }
        }
        #expect(ByteLanes.countOfOthers(in: [UInt8](repeating: 255, count: 70_000)) == 70_000)
    }
}
