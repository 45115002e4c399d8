internal import Bytes

/// Calls the functions of templates on finished values (contract: logql 10).
enum TemplateFunctions {
    static func call(
        _ function: TemplateFunction, _ arguments: [TemplateValue]
    ) throws(TemplateFault) -> TemplateValue {
        let list = TemplateArguments(function, arguments)
        switch function {
        case .not, .eq, .ne, .lt, .le, .gt, .ge, .len, .index, .slice: return try TemplateLogic.call(function, list)
        case .int, .float64, .add, .sub, .mul, .div, .mod, .addf, .subf, .mulf, .divf, .max, .min, .maxf, .minf, .ceil,
            .floor, .round, .bytes, .duration, .durationSeconds:
            return try TemplateNumbers.call(function, list)
        case .now, .date, .toDate, .toDateInZone, .unixEpoch, .unixEpochMillis, .unixEpochNanos, .unixToTime:
            return try TemplateTimes.call(function, list)
        case .fromJson:
            try list.expect(1)
            return try TemplateJSON.parse(try list.text(0))
        case .default:
            guard list.count >= 1 else { throw list.wrongCount }
            guard list.count > 1, list[1].isTrue else { return list[0] }
            return list[1]
        case .humanize, .humanize1024, .humanizeDuration, .humanizePercentage, .humanizeTimestamp, .alertToUpper,
            .alertToLower:
            return try AlertNumbers.call(function, list)
        case .call: throw TemplateFault("error calling call: call of nil")
        default: return try TemplateText.call(function, list)
        }
    }
}

/// The arguments of a call, with Go's checks of number and type.
struct TemplateArguments {
    private let function: TemplateFunction
    private let values: [TemplateValue]

    init(_ function: TemplateFunction, _ values: [TemplateValue]) {
        self.function = function
        self.values = values
    }

    var count: Int { values.count }
    var all: [TemplateValue] { values }

    subscript(_ index: Int) -> TemplateValue { values[index] }

    var wrongCount: TemplateFault {
        TemplateFault("wrong number of args for \(function.rawValue): got \(values.count)")
    }

    func expect(_ number: Int) throws(TemplateFault) {
        if values.count != number { throw wrongCount }
    }

    func text(_ index: Int) throws(TemplateFault) -> [UInt8] {
        if case .text(let text) = values[index] { return text }
        throw TemplateFault("wrong type for value; expected string; got \(values[index].typeName)")
    }

    func int(_ index: Int) throws(TemplateFault) -> Int64 {
        if case .int(let value) = values[index] { return value }
        throw TemplateFault("wrong type for value; expected int; got \(values[index].typeName)")
    }

    func failed(_ reason: String) -> TemplateFault {
        TemplateFault("error calling \(function.rawValue): \(reason)")
    }
}

/// Comparisons, lengths and elements.
enum TemplateLogic {
    static func call(_ function: TemplateFunction, _ list: TemplateArguments) throws(TemplateFault) -> TemplateValue {
        switch function {
        case .not:
            try list.expect(1)
            return .bool(!list[0].isTrue)
        case .eq:
            guard list.count >= 2 else { throw list.failed("missing argument for comparison") }
            for index in 1..<list.count where try equals(list, 0, index) { return .bool(true) }
            return .bool(false)
        case .ne:
            try list.expect(2)
            return .bool(!(try equals(list, 0, 1)))
        case .lt, .le, .gt, .ge:
            try list.expect(2)
            return .bool(try compare(function, list))
        case .len:
            try list.expect(1)
            return .int(Int64(try length(list)))
        case .index: return try element(list)
        default: return try slice(list)
        }
    }

    private static func equals(_ list: TemplateArguments, _ a: Int, _ b: Int) throws(TemplateFault) -> Bool {
        switch (list[a], list[b]) {
        case (.text(let x), .text(let y)): return x == y
        case (.int(let x), .int(let y)): return x == y
        case (.float(let x), .float(let y)): return x == y
        case (.bool(let x), .bool(let y)): return x == y
        case (.time(let x, _), .time(let y, _)): return x == y
        case (.none, .none): return true
        case (.none, _), (_, .none): return false
        default: throw list.failed("incompatible types for comparison")
        }
    }

    private static func compare(_ function: TemplateFunction, _ list: TemplateArguments) throws(TemplateFault) -> Bool {
        switch (list[0], list[1]) {
        case (.text(let x), .text(let y)):
            return holds(function, x.lexicographicallyPrecedes(y), x == y)
        case (.int(let x), .int(let y)): return holds(function, x < y, x == y)
        case (.float(let x), .float(let y)): return holds(function, x < y, x == y)
        default: throw list.failed("incompatible types for comparison")
        }
    }

    private static func holds(_ function: TemplateFunction, _ isLess: Bool, _ isEqual: Bool) -> Bool {
        switch function {
        case .lt: isLess
        case .le: isLess || isEqual
        case .gt: !isLess && !isEqual
        default: !isLess
        }
    }

    private static func length(_ list: TemplateArguments) throws(TemplateFault) -> Int {
        switch list[0] {
        case .text(let text): return text.count
        case .list(let items): return items.count
        case .map(let pairs): return pairs.count
        default: throw list.failed("len of type \(list[0].typeName)")
        }
    }

    private static func element(_ list: TemplateArguments) throws(TemplateFault) -> TemplateValue {
        guard list.count >= 1 else { throw list.wrongCount }
        var value = list[0]
        for index in 1..<max(list.count, 1) {
            switch (value, list[index]) {
            case (.list(let items), .int(let at)):
                guard at >= 0, at < Int64(items.count) else { throw list.failed("index out of range: \(at)") }
                value = items[Int(at)]
            case (.text(let text), .int(let at)):
                guard at >= 0, at < Int64(text.count) else { throw list.failed("index out of range: \(at)") }
                value = .int(Int64(text[Int(at)]))
            case (.map(let pairs), .text(let key)): value = TemplateValue.member(key, of: pairs)
            case (.none, _): throw list.failed("index of untyped nil")
            default: throw list.failed("can't index item of type \(value.typeName)")
            }
        }
        return value
    }

    private static func slice(_ list: TemplateArguments) throws(TemplateFault) -> TemplateValue {
        guard list.count >= 1, list.count <= 3 else { throw list.wrongCount }
        let size = Int64(try length(TemplateArguments(.len, [list[0]])))
        let low = list.count > 1 ? try list.int(1) : 0
        let high = list.count > 2 ? try list.int(2) : size
        guard low >= 0, low <= high, high <= size else { throw list.failed("index out of range") }
        switch list[0] {
        case .text(let text): return .text([UInt8](text[Int(low)..<Int(high)]))
        case .list(let items): return .list([TemplateValue](items[Int(low)..<Int(high)]))
        default: throw list.failed("can't slice item of type \(list[0].typeName)")
        }
    }
}

/// Arithmetic and conversions.
enum TemplateNumbers {
    static func call(_ function: TemplateFunction, _ list: TemplateArguments) throws(TemplateFault) -> TemplateValue {
        switch function {
        case .int:
            try list.expect(1)
            return .int(GoNumber.int(list[0]))
        case .float64:
            try list.expect(1)
            return .float(GoNumber.float(list[0]))
        case .add: return .int(list.all.reduce(0) { $0 &+ GoNumber.int($1) })
        case .mul:
            guard list.count >= 1 else { throw list.wrongCount }
            return .int(list.all.dropFirst().reduce(GoNumber.int(list[0])) { $0 &* GoNumber.int($1) })
        case .sub, .div, .mod: return try pair(function, list)
        case .addf, .subf, .mulf, .divf: return try decimal(function, list)
        case .max, .min, .maxf, .minf: return try extreme(function, list)
        case .ceil, .floor:
            try list.expect(1)
            let value = GoNumber.float(list[0])
            return .float(value.rounded(function == .ceil ? .up : .down))
        case .round: return try round(list)
        default: return try measure(function, list)
        }
    }

    private static func pair(_ function: TemplateFunction, _ list: TemplateArguments) throws(TemplateFault)
        -> TemplateValue
    {
        try list.expect(2)
        let a = GoNumber.int(list[0])
        let b = GoNumber.int(list[1])
        if function == .sub { return .int(a &- b) }
        if b == 0 { throw list.failed("runtime error: integer divide by zero") }
        if b == -1 { return .int(function == .div ? 0 &- a : 0) }
        return .int(function == .div ? a / b : a % b)
    }

    private static func decimal(
        _ function: TemplateFunction, _ list: TemplateArguments
    ) throws(TemplateFault) -> TemplateValue {
        guard list.count >= 1 else { throw list.wrongCount }
        var total = GoNumber.float(list[0])
        for argument in list.all.dropFirst() {
            let next = GoNumber.float(argument)
            if function == .divf, next == 0 { throw list.failed("decimal division by 0") }
            total = combine(function, total, next)
        }
        return .float(total)
    }

    private static func combine(_ function: TemplateFunction, _ a: Double, _ b: Double) -> Double {
        if let x = ShortDecimal(a), let y = ShortDecimal(b) {
            let result: ShortDecimal? =
                switch function {
                case .addf: x + y
                case .subf: x - y
                case .mulf: x * y
                default: x / y
                }
            if let result { return result.value }
        }
        switch function {
        case .addf: return a + b
        case .subf: return a - b
        case .mulf: return a * b
        default: return a / b
        }
    }

    private static func extreme(
        _ function: TemplateFunction, _ list: TemplateArguments
    ) throws(TemplateFault) -> TemplateValue {
        guard list.count >= 1 else { throw list.wrongCount }
        switch function {
        case .max: return .int(list.all.map(GoNumber.int).max() ?? 0)
        case .min: return .int(list.all.map(GoNumber.int).min() ?? 0)
        case .maxf: return .float(list.all.map(GoNumber.float).max() ?? 0)
        default: return .float(list.all.map(GoNumber.float).min() ?? 0)
        }
    }

    private static func round(_ list: TemplateArguments) throws(TemplateFault) -> TemplateValue {
        guard list.count == 2 || list.count == 3 else { throw list.wrongCount }
        let places = try list.int(1)
        guard places.magnitude <= 300 else { throw list.failed("places out of range") }
        let roundOn = list.count == 3 ? GoNumber.float(list[2]) : 0.5
        var power = 1.0
        for _ in 0..<places.magnitude { power *= 10 }
        if places < 0 { power = 1 / power }
        let digit = power * GoNumber.float(list[0])
        let fraction = digit - digit.rounded(.towardZero)
        return .float((fraction >= roundOn ? digit.rounded(.up) : digit.rounded(.down)) / power)
    }

    private static func measure(
        _ function: TemplateFunction, _ list: TemplateArguments
    ) throws(TemplateFault) -> TemplateValue {
        try list.expect(1)
        let text = try list.text(0)
        if function == .bytes {
            guard let size = ValueText.size(text.span) else { throw list.failed("unhandled size name: \(text.text)") }
            return .float(Double(size))
        }
        guard let nanoseconds = ValueText.duration(text.span) else {
            throw list.failed("time: invalid duration \"\(text.text)\"")
        }
        return .float(Double(nanoseconds) / 1e9)
    }
}
