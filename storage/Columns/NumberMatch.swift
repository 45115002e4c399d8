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
            digits: UInt64(digits), text: text, place: place, width: isPadded ? column.width : 0)
        let numbers = try integers(of: node)
        var marks = Marks(repeating: 0, count: numbers.count)
        for index in numbers.indices where question.holds(for: UInt64(bitPattern: numbers[index])) { marks[index] = 1 }
        return .some(marks)
    }

    /// Marks of decimal fractions whose digits before or behind the point have `text`; nil when this needle needs
    /// their text.
    mutating func decimalMarks(_ node: Int, _ place: MatchPlace, _ text: [UInt8]) throws(ColumnError) -> Marks?? {
        guard place == .inside, let digits = TypedValue.digits(text.span) else { return .none }
        let whole = DigitQuestion(digits: UInt64(digits), text: text, place: place, width: 0)
        let mantissas = try integers(of: node)
        let places = try self.places(of: node, at: nil)
        var marks = Marks(repeating: 0, count: mantissas.count)
        for index in mantissas.indices {
            guard places[index] >= 0, places[index] <= 18 else {
                throw ColumnError("decimal with \(places[index]) places")
            }
            let scale = DigitQuestion.powers[Int(places[index])]
            let magnitude = mantissas[index].magnitude
            var isFound = whole.holds(for: magnitude / scale)
            if !isFound, places[index] >= text.count {
                let behind = DigitQuestion(digits: UInt64(digits), text: text, place: place, width: Int(places[index]))
                isFound = behind.holds(for: magnitude % scale)
            }
            if isFound { marks[index] = 1 }
        }
        return .some(marks)
    }

    /// Marks of timestamps that have the digits `text` within one of their numbers; nil when this needle needs their
    /// text. Date and time of day are looked at once a second.
    mutating func timestampMarks(_ node: Int, _ place: MatchPlace, _ text: [UInt8]) throws(ColumnError) -> Marks?? {
        let column = tree.nodes[node]
        let places = column.spelling.places
        guard place == .inside, let digits = TypedValue.digits(text.span) else { return .none }
        guard text.count <= max(places, 4) else { return .some(nil) }
        let question = DigitQuestion(
            digits: UInt64(digits), text: text, place: place, width: text.count <= places ? places : 0)
        let scale = Int64(DigitQuestion.powers[places])
        let offsets = column.encoding == .rowTime ? try rowUnits(of: node) : []
        let numbers = try integers(of: node)
        var dates = DateText()
        var lastSecond: Int64?
        var isInSecond = false
        var marks = Marks(repeating: 0, count: numbers.count)
        for index in numbers.indices {
            let value = offsets.isEmpty ? numbers[index] : numbers[index] &+ offsets[index]
            guard value > .min / 4, value < .max / 4 * 3 else { throw ColumnError("timestamp out of range") }
            let second = TimestampText.units(value, of: scale)
            if second != lastSecond, text.count <= 4 {
                dates.show(second, separator: column.spelling.separator)
                isInSecond = ByteSearch.contains(text.span, in: dates.text.span.extracting(0..<DateText.size))
                lastSecond = second
            }
            let isInFraction = question.width > 0 && question.holds(for: UInt64(bitPattern: value &- second &* scale))
            if isInSecond || isInFraction { marks[index] = 1 }
        }
        // They go: a regex may have hundreds of needles.
        source.giveBack(offsets.count * 8)
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

    /// - Parameter text: the digits as they are written, at most 18.
    init(digits: UInt64, text: [UInt8], place: MatchPlace, width: Int) {
        self.digits = digits
        count = text.count
        startsWithZero = text.first == 0x30
        self.place = place
        self.width = width
        power = DigitQuestion.powers[text.count]
    }

    /// 10^0 to 10^18.
    static let powers: [UInt64] = (0...18).map { exponent in (0..<exponent).reduce(1) { power, _ in power * 10 } }

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
