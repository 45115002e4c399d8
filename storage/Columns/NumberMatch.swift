import Bytes

extension ColumnBlockReader {
    /// Marks of whole numbers by arithmetic; nil when this needle needs their text.
    mutating func numberMarks(_ node: Int, _ place: MatchPlace, _ text: [UInt8]) throws(ColumnError) -> Marks?? {
        let column = tree.nodes[node]
        let isPadded = column.encoding == .digits
        if place == .whole {
            let wanted =
                isPadded
                ? (text.count == column.width ? TypedValue.digits(text.span) : nil) : TypedValue.integer(text.span)
            guard let wanted, wanted >= column.numbers.least, wanted <= column.numbers.most else { return .some(nil) }
            return .some(try integers(of: node).map { $0 == wanted ? 1 : 0 })
        }
        guard column.numbers.least >= 0, let digits = TypedValue.digits(text.span), text.count <= 18 else {
            return .none
        }
        if isPadded && text.count > column.width { return .some(nil) }
        let question = DigitQuestion(
            digits: UInt64(digits), count: text.count, startsWithZero: text[0] == 0x30, place: place,
            width: isPadded ? column.width : 0)
        let numbers = try integers(of: node)
        var marks = Marks(repeating: 0, count: numbers.count)
        for index in numbers.indices where question.holds(for: UInt64(bitPattern: numbers[index])) { marks[index] = 1 }
        return .some(marks)
    }
}

/// Whether the decimal text of a number has given digits, without making the text.
private struct DigitQuestion {
    let digits: UInt64
    let count: Int
    let startsWithZero: Bool
    let place: MatchPlace
    /// Digits of padded numbers; 0 for numbers without zeros in front.
    let width: Int
    private let power: UInt64

    init(digits: UInt64, count: Int, startsWithZero: Bool, place: MatchPlace, width: Int) {
        self.digits = digits
        self.count = count
        self.startsWithZero = startsWithZero
        self.place = place
        self.width = width
        var power: UInt64 = 1
        for _ in 0..<count { power *= 10 }
        self.power = power
    }

    @inline(__always)
    func holds(for value: UInt64) -> Bool {
        var rest = value
        if width > 0 {
            // Every number has `width` digits: windows of `count` digits from the right.
            let last = width - count
            for shift in 0...last {
                let isWanted = place == .inside || (place == .front ? shift == last : shift == 0)
                if isWanted, rest % power == digits { return true }
                rest /= 10
            }
            return false
        }
        let minimum = power / 10
        while true {
            // The window is whole when the number has at least `count` digits; a lone 0 has one.
            guard rest >= minimum || count == 1 else { return false }
            let isLast = rest < power
            if rest % power == digits, place != .front || isLast {
                return isLast ? !startsWithZero || count == 1 && value == 0 : true
            }
            if isLast || place == .back { return false }
            rest /= 10
        }
    }
}
