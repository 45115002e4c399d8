import Bytes
import Testing

@testable import Columns

/// Numbers are written as the standard library writes them.
struct NumberTextTests {
    private func text(_ write: (AppendOnly<UInt8>) throws -> Void) rethrows -> String {
        let out = AppendOnly<UInt8>(capacity: 64)
        try write(out)
        return out.withSpan(count: out.writtenCount) { $0.text }
    }

    /// Borders of every length, and some in between.
    private static let numbers: [Int64] = {
        var numbers: [Int64] = [0, 7, .max, .min, .min + 1]
        var power: Int64 = 1
        for _ in 0..<18 {
            power *= 10
            numbers += [power - 1, power, power + 1, -power, power / 7 * 3]
        }
        var random = SeededGenerator(77)
        for _ in 0..<500 { numbers.append(Int64(bitPattern: random.next() >> UInt64(random.below(64)))) }
        return numbers
    }()

    @Test func wholeNumbers() {
        for number in Self.numbers {
            #expect(text { NumberText.append(number, to: $0) } == String(number))
        }
    }

    @Test(arguments: 1...18)
    func paddedNumbers(_ width: Int) {
        for number in Self.numbers {
            let padded = String(repeating: "0", count: 20) + String(number.magnitude)
            #expect(text { NumberText.append(number, width: width, to: $0) } == String(padded.suffix(width)))
        }
    }

    @Test(arguments: [
        (0, 1, "0.0"), (5, 3, "0.005"), (-5, 3, "-0.005"), (12345, 2, "123.45"), (-99, 0, "-99"),
        (999_999_999_999_999_999, 18, "0.999999999999999999"), (Int64.max, 1, "922337203685477580.7"),
    ])
    func fractions(_ mantissa: Int64, _ places: Int64, _ wanted: String) throws {
        #expect(try text { try NumberText.append(mantissa, places: places, to: $0) } == wanted)
        #expect(throws: ColumnError.self) { try text { try NumberText.append(1, places: 19, to: $0) } }
    }

    @Test func addressesAndIdentifiers() {
        #expect(text { NumberText.append(address: 0x0a00_ff07, to: $0) } == "10.0.255.7")
        let bytes = (0..<16).map { UInt8($0 * 17) }
        let pairs = TypedValue.hexPairs
        #expect(
            text { NumberText.append(uuid: bytes.span, from: 0, pairs: pairs.span, to: $0) }
                == "00112233-4455-6677-8899-aabbccddeeff")
        #expect(
            text { NumberText.append(hex: bytes.span, from: 1, count: 7, pairs: pairs.span, to: $0) }
                == "11223344556677")
    }
}
