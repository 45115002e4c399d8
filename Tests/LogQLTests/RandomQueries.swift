@testable import LogQL

/// A repeatable source of numbers (splitmix64).
struct Dice {
    var state: UInt64

    mutating func roll(_ sides: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((mixed ^ (mixed >> 31)) % UInt64(sides))
    }

    mutating func coin() -> Bool { roll(2) == 0 }

    mutating func pick<Element>(_ choices: [Element]) -> Element { choices[roll(choices.count)] }

    mutating func list<Element>(_ range: ClosedRange<Int>, _ make: (inout Dice) -> Element) -> [Element] {
        (0..<(range.lowerBound + roll(range.count))).map { _ in make(&self) }
    }
}

/// Makes valid trees in the form the parser makes them.
struct RandomQueries {
    var dice: Dice

    init(seed: Int) { dice = Dice(state: UInt64(seed)) }

    mutating func expression() -> Expression { dice.coin() ? .log(query()) : .metric(metric(4)) }

    mutating func name() -> String {
        dice.pick(["a", "b", "_c", "rate", "bytes", "status", "trace_id", "count", "limit"])
    }

    mutating func text() -> Text {
        let bytes = dice.list(0...6) { dice in
            dice.pick([0x61, 0x62, 0x20, 0x22, 0x5C, 0x60, 0x0A, 0x00, 0xFF, 0xC3, 0xA9, 0x7B] as [UInt8])
        }
        return Text(bytes: bytes)
    }

    mutating func regex() -> Text { dice.pick(["x+", "(a|b)c", "\\d", "é", "", "(?<n>y)"]) }

    mutating func matcher() -> Matcher {
        let matching = dice.pick(MatchOperator.allCases)
        return Matcher(name(), matching, matching.isRegex ? regex() : text())
    }

    mutating func query() -> LogQuery {
        var selector = Selector([Matcher(name(), .equal, "x")])
        for _ in 0..<dice.roll(3) { selector.matchers.append(matcher()) }
        var stages: [Stage] = []
        for _ in 0..<dice.roll(6) {
            let next = stage()
            // `| drop a != "x"` reads as a matcher: such a tree has no text.
            if case .lineFilter(let filter) = next, let last = stages.last, filter.comparison.isMatchOperator,
                last.endsInName
            {
                continue
            }
            stages.append(next)
        }
        return LogQuery(selector: selector, stages: stages)
    }

    mutating func stage() -> Stage {
        switch dice.roll(12) {
        case 0, 1: return .lineFilter(lineFilter())
        case 2:
            let paths: [Text] = ["a", "a.b[0]", "[\"x y\"].z"]
            return .json(
                list(0...2) { me in
                    let text = me.dice.pick(paths)
                    let elements = (try? PathText.jsonElements(text.bytes)) ?? []
                    return JSONExtraction(me.name(), JSONPath(elements: elements, text: text))
                })
        case 3:
            return .logfmt(
                LogfmtParser(
                    isStrict: dice.coin(), keepsEmpty: dice.coin(),
                    extractions: list(0...2) { LogfmtExtraction($0.name(), $0.dice.pick(["k", "key_2"])) }))
        case 4: return .regexp("(?P<a>.+)x(?P<b>y)")
        case 5: return .pattern(Pattern(pieces: [.capture("p"), .literal([0xFF, 0x22]), .placeholder]))
        case 6: return dice.coin() ? .unpack : .decolorize
        case 7: return .lineFormat(text())
        case 8:
            let names = ["a", "b", "c"].prefix(1 + dice.roll(3))
            return .labelFormat(
                names.map { LabelFormatItem($0, dice.coin() ? .rename(from: name()) : .template(text())) })
        case 9: return .drop(list(1...3) { $0.selection() })
        case 10: return .keep(list(1...3) { $0.selection() })
        default: return .labelFilter(labelFilter(3))
        }
    }

    private mutating func list<Element>(_ range: ClosedRange<Int>, _ make: (inout RandomQueries) -> Element)
        -> [Element]
    {
        (0..<(range.lowerBound + dice.roll(range.count))).map { _ in make(&self) }
    }

    private mutating func selection() -> LabelSelection { dice.coin() ? .name(name()) : .matcher(matcher()) }

    private mutating func lineFilter() -> LineFilter {
        let comparison = dice.pick(LineFilterOperator.allCases)
        return LineFilter(
            comparison,
            list(1...3) { me in
                if comparison.isPattern { return .pattern(Pattern(parsing: Array("a<_>\"b".utf8))) }
                if comparison.isRegex { return .text(me.regex()) }
                return me.dice.roll(3) == 0 ? .ip(me.ip()) : .text(me.text())
            })
    }

    private mutating func ip() -> IPPattern {
        let address = IPAddress(isV6: false, value: 0x0102_0304)
        return IPPattern(text: "1.2.3.4", low: address, high: address)
    }

    mutating func labelFilter(_ depth: Int, inside: Int = 0) -> LabelFilter {
        let choice = dice.roll(depth > 0 ? 7 : 5)
        let comparison = dice.pick(Comparison.allCases)
        switch choice {
        case 0: return .text(matcher())
        case 1: return .number(name: name(), comparison, dice.pick([0, 5, -1.5, 1e30, 0.001]))
        case 2:
            return .duration(
                name: name(), comparison, nanoseconds: dice.pick([1, 1_500, 60_000_000_000, -90_500_000_000]))
        case 3:
            return .bytes(name: name(), comparison, dice.pick([0, 999, 1_000, 1_500, 12_345_678, 15_500_000, 1 << 62]))
        case 4: return .ip(name: name(), isNegated: dice.coin(), ip())
        default:
            // The parser flattens a connective inside its own kind.
            let isAll = inside == 0 ? dice.coin() : inside == 2
            let parts = list(2...3) { $0.labelFilter(depth - 1, inside: isAll ? 1 : 2) }
            return isAll ? .all(parts) : .any(parts)
        }
    }

    // MARK: Metrics

    mutating func metric(_ depth: Int) -> MetricQuery {
        switch dice.roll(depth > 0 ? 8 : 4) {
        case 0, 1, 2: return .rangeAggregation(rangeAggregation())
        case 3: return .vector(dice.pick([0, 1.5, 1e21, 0.000_000_1]))
        case 4, 5: return .vectorAggregation(vectorAggregation(depth - 1))
        case 6:
            return .labelReplace(
                LabelReplace(
                    metric(depth - 1), destination: text(), replacement: text(), source: text(), regex: regex()))
        default: return .binary(binary(depth - 1))
        }
    }

    private mutating func grouping() -> Grouping? {
        dice.coin() ? nil : Grouping(isWithout: dice.coin(), list(0...2) { $0.name() })
    }

    private mutating func rangeAggregation() -> RangeAggregation {
        // What only the dialect has is left out: trees are read in Loki's.
        let function = dice.pick(RangeFunction.allCases.filter { $0 != .countDistinctOverTime })
        let refusesUnwrap = [RangeFunction.countOverTime, .bytesOverTime, .bytesRate].contains(function)
        let isFree = function == .rate || function == .absentOverTime
        var unwrap: Unwrap?
        if !refusesUnwrap, !isFree || dice.coin() {
            unwrap = Unwrap(
                name(), conversion: dice.pick(Unwrap.Conversion.allCases), filters: list(0...2) { $0.labelFilter(2) })
        }
        let range = LogRange(
            query: query(), unwrap: unwrap,
            rangeNanoseconds: dice.pick([0, 1_000_000, 90_000_000_000, 2_592_000_000_000_000]),
            offsetNanoseconds: dice.pick([0, 3_600_000_000_000, -1_000_000]))
        let groups = !refusesUnwrap && !isFree && function != .sumOverTime && function != .rateCounter
        return RangeAggregation(
            function, parameter: function == .quantileOverTime ? dice.pick([0, 0.95, 2]) : nil, range,
            grouping: groups ? grouping() : nil)
    }

    private mutating func vectorAggregation(_ depth: Int) -> VectorAggregation {
        let function = dice.pick(VectorFunction.allCases)
        let groups = function != .sort && function != .sortDescending && function != .approximateTopk
        return VectorAggregation(
            function, parameter: function.takesParameter ? 1 + dice.roll(5) : nil, metric(depth),
            grouping: groups ? grouping() : nil)
    }

    private mutating func binary(_ depth: Int) -> BinaryOperation {
        let function = dice.pick(BinaryFunction.allCases)
        let left = metric(depth)
        let isLiteral = !function.isSet && dice.roll(4) == 0
        let right = isLiteral ? .literal(dice.pick([0, -2, 1.5, .infinity])) : metric(depth)
        var matching: VectorMatching?
        if dice.coin() {
            matching = VectorMatching(
                isOn: dice.coin(), list(0...2) { $0.name() },
                cardinality: dice.pick([.oneToOne, .manyToOne, .oneToMany]))
            if matching?.cardinality != .oneToOne { matching?.included = list(0...2) { $0.name() } }
        }
        return BinaryOperation(
            function, left, right, returnsBool: function.isComparison && dice.coin(), matching: matching)
    }
}

extension LineFilterOperator {
    fileprivate var isMatchOperator: Bool { MatchOperator(rawValue: rawValue) != nil }
}

extension Stage {
    fileprivate var endsInName: Bool {
        switch self {
        case .drop(let items), .keep(let items):
            if case .name = items.last { true } else { false }
        default: false
        }
    }
}
