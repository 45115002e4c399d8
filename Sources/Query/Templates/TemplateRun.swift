internal import Bytes

/// One run of a template on one entry; bounded in output and depth, and by what its budget leaves.
struct TemplateRun: ~Copyable {
    private enum Flow {
        case on
        case leave
        case next
    }

    /// Output of one template.
    static let outputLimitBytes = 1 << 20
    /// What an item of a list that is copied counts for, in bytes.
    private static let itemBytes = 16
    private static let depthLimit = 64
    private static let formatName = [UInt8](text: "Format")

    private let context: TemplateContext
    private let definitions: [String: [TemplateNode]]
    private(set) var out: [UInt8] = []
    private(set) var budget: TemplateBudget
    private(set) var regexes: TemplateRegexes
    private var variables: [(name: String, value: TemplateValue)] = []
    private var depth = 0

    init(
        _ context: TemplateContext, _ definitions: [String: [TemplateNode]], _ budget: TemplateBudget,
        _ regexes: TemplateRegexes
    ) {
        self.context = context
        self.definitions = definitions
        self.budget = budget
        self.regexes = regexes
    }

    mutating func run(_ nodes: [TemplateNode]) throws(TemplateFault) {
        variables = [("$", .labels)]
        _ = try walk(nodes, .labels)
        try budget.work(out.count)
    }

    private mutating func walk(_ nodes: [TemplateNode], _ dot: TemplateValue) throws(TemplateFault) -> Flow {
        depth += 1
        defer { depth -= 1 }
        if depth > TemplateRun.depthLimit { throw TemplateFault("exceeded maximum template depth") }
        for node in nodes {
            let flow = try walk(node, dot)
            try TemplateText.check(out.count)
            switch flow {
            case .on: continue
            case .leave, .next: return flow
            }
        }
        return .on
    }

    private mutating func walk(_ node: TemplateNode, _ dot: TemplateValue) throws(TemplateFault) -> Flow {
        try budget.step()
        switch node {
        case .text(let text): out.append(contentsOf: text)
        case .action(let pipe):
            let value = try evaluate(pipe, dot)
            if pipe.variables.isEmpty { try value.append(context, to: &out) }
        case .branch(.range, let pipe, let then, let otherwise):
            return try range(pipe, then, otherwise, dot)
        case .branch(let kind, let pipe, let then, let otherwise):
            let scope = variables.count
            defer { variables.removeLast(variables.count - scope) }
            let value = try evaluate(pipe, dot)
            if value.isTrue { return try walk(then, kind == .with ? value : dot) }
            return try walk(otherwise, dot)
        case .call(let name, let pipe): try call(name, pipe, dot)
        case .leave: return .leave
        case .next: return .next
        }
        return .on
    }

    private mutating func call(_ name: String, _ pipe: TemplatePipe?, _ dot: TemplateValue) throws(TemplateFault) {
        guard let body = definitions[name] else { throw TemplateFault("template \"\(name)\" not defined") }
        var value = TemplateValue.none
        if let pipe { value = try evaluate(pipe, dot) }
        let outer = variables
        variables = [("$", value)]
        _ = try walk(body, value)
        variables = outer
    }

    private mutating func range(
        _ pipe: TemplatePipe, _ then: [TemplateNode], _ otherwise: [TemplateNode], _ dot: TemplateValue
    ) throws(TemplateFault) -> Flow {
        let scope = variables.count
        defer { variables.removeLast(variables.count - scope) }
        let value = try evaluate(pipe, dot, binds: false)
        let count: Int
        switch value {
        case .list(let values): count = values.count
        case .map(let pairs): count = pairs.count
        case .labels: count = context.count
        case .int(let number):
            guard number <= Int64(TemplateBudget.stepLimit) else { throw TemplateBudget.exceeded }
            count = Int(max(number, 0))
        case .none: count = 0
        default: throw TemplateFault("range can't iterate over a value of type \(value.typeName)")
        }
        if count == 0 { return try walk(otherwise, dot) }
        for place in 0..<count {
            try budget.step()
            let item = try item(place, of: value)
            variables.removeLast(variables.count - scope)
            if pipe.variables.count == 2 {
                bind(pipe.variables[0], item.key, pipe.assigns)
                bind(pipe.variables[1], item.value, pipe.assigns)
            } else if let name = pipe.variables.first {
                bind(name, item.value, pipe.assigns)
            }
            if try walk(then, item.value) == .leave { break }
        }
        return .on
    }

    /// What `range` gives in one of its rounds; made when it is due, for most of a long list may never be.
    private mutating func item(
        _ place: Int, of value: TemplateValue
    ) throws(TemplateFault) -> (key: TemplateValue, value: TemplateValue) {
        switch value {
        case .list(let values): return (.int(Int64(place)), values[place])
        case .map(let pairs): return (.text(pairs[place].key), pairs[place].value)
        case .labels:
            let label = context.label(at: place)
            try budget.work(label.value.count)
            return (.text(label.key), .text(label.value))
        default: return (.int(Int64(place)), .int(Int64(place)))
        }
    }

    private mutating func bind(_ name: String, _ value: TemplateValue, _ assigns: Bool) {
        if assigns, let index = variables.lastIndex(where: { $0.name == name }) {
            variables[index].value = value
        } else {
            variables.append((name, value))
        }
    }

    // MARK: Values

    private mutating func evaluate(
        _ pipe: TemplatePipe, _ dot: TemplateValue, binds: Bool = true
    ) throws(TemplateFault) -> TemplateValue {
        var value: TemplateValue?
        for command in pipe.commands { value = try evaluate(command, dot, last: value) }
        let result = value ?? .none
        if binds { for name in pipe.variables { bind(name, result, pipe.assigns) } }
        return result
    }

    private mutating func evaluate(
        _ command: [TemplateOperand], _ dot: TemplateValue, last: TemplateValue?
    ) throws(TemplateFault) -> TemplateValue {
        try budget.step()
        if case .function(let function) = command[0] {
            if function == .and || function == .or {
                return try shortCircuit(function, command.dropFirst(), dot, last)
            }
            var arguments: [TemplateValue] = []
            for operand in command.dropFirst() { arguments.append(try evaluate(operand, dot)) }
            if let last { arguments.append(last) }
            return try call(function, arguments)
        }
        if command.count + (last == nil ? 0 : 1) == 2, let (time, offset) = try formatted(command[0], dot) {
            let layout: TemplateValue
            if let last { layout = last } else { layout = try evaluate(command[1], dot) }
            guard case .text(let text) = layout else { throw TemplateFault("wrong type for value; expected string") }
            try budget.work(text.count)
            return .text(GoTime.format(time, offset, text.text))
        }
        if command.count > 1 || last != nil {
            throw TemplateFault("can't give argument to non-function")
        }
        return try evaluate(command[0], dot)
    }

    /// The time whose method `Format` the operand names; nil for any other operand.
    private mutating func formatted(
        _ operand: TemplateOperand, _ dot: TemplateValue
    ) throws(TemplateFault) -> (time: Int64, offset: Int)? {
        let value: TemplateValue
        switch operand {
        case .pipe(let pipe, let path) where path == [TemplateRun.formatName]: value = try evaluate(pipe, dot)
        case .variable(let name, let path) where path == [TemplateRun.formatName]:
            value = variables.last { $0.name == name }?.value ?? .none
        case .field(let path) where path == [TemplateRun.formatName]: value = dot
        default: return nil
        }
        guard case .time(let time, let offset) = value else { return nil }
        return (time, offset)
    }

    private mutating func shortCircuit(
        _ function: TemplateFunction, _ operands: ArraySlice<TemplateOperand>, _ dot: TemplateValue,
        _ last: TemplateValue?
    ) throws(TemplateFault) -> TemplateValue {
        var value: TemplateValue?
        for operand in operands {
            let next = try evaluate(operand, dot)
            value = next
            if next.isTrue == (function == .or) { return next }
        }
        if let last { return last }
        guard let value else { throw TemplateFault("wrong number of args for \(function.rawValue)") }
        return value
    }

    private mutating func evaluate(
        _ operand: TemplateOperand, _ dot: TemplateValue
    ) throws(TemplateFault) -> TemplateValue {
        try budget.step()
        switch operand {
        case .dot: return dot
        case .null: throw TemplateFault("nil is not a command")
        case .constant(let value): return value
        case .field(let path): return try fields(path[...], of: dot)
        case .variable(let name, let path):
            return try fields(path[...], of: variables.last { $0.name == name }?.value ?? .none)
        case .pipe(let pipe, let path): return try fields(path[...], of: try evaluate(pipe, dot))
        case .function(let function): return try call(function, [])
        }
    }

    private mutating func fields(
        _ path: ArraySlice<[UInt8]>, of start: TemplateValue
    ) throws(TemplateFault) -> TemplateValue {
        var value = start
        for name in path {
            switch value {
            case .labels:
                let text = context.label(name) ?? []
                try budget.work(text.count)
                value = .text(text)
            case .map(let pairs): value = TemplateValue.member(name, of: pairs)
            case .time(let time, let offset): value = try GoTime.field(name.text, time, offset)
            case .none: throw TemplateFault("nil data; no entry for key \"\(name.text)\"")
            default: throw TemplateFault("can't evaluate field \(name.text) in type \(value.typeName)")
            }
        }
        return value
    }

    private mutating func call(
        _ function: TemplateFunction, _ arguments: [TemplateValue]
    ) throws(TemplateFault) -> TemplateValue {
        for argument in arguments { try spend(argument) }
        let result = try value(function, arguments)
        if function != .line { try spend(result) }
        if function == .slice, case .list(let items) = result { try budget.work(items.count * TemplateRun.itemBytes) }
        return result
    }

    private mutating func spend(_ value: TemplateValue) throws(TemplateFault) {
        if case .text(let text) = value { try budget.work(text.count) }
    }

    private mutating func value(
        _ function: TemplateFunction, _ arguments: [TemplateValue]
    ) throws(TemplateFault) -> TemplateValue {
        switch function {
        case .line: return .text(context.line)
        case .timestamp: return .time(context.time, offsetSeconds: 0)
        case .print, .println, .printf: return try TemplatePrint.call(function, arguments, context)
        case .html, .js, .urlquery:
            var text: [UInt8] = []
            for argument in arguments { try argument.append(context, to: &text) }
            return .text(try TemplateText.escape(text, function))
        case .regexReplaceAll, .regexReplaceAllLiteral, .count:
            return try regexes.call(function, TemplateArguments(function, arguments), &budget)
        case .len where arguments.count == 1:
            if case .labels = arguments[0] { return .int(Int64(context.count)) }
            return try TemplateFunctions.call(function, arguments)
        case .index where arguments.count == 2:
            if case .labels = arguments[0], case .text(let key) = arguments[1] {
                return .text(context.label(key) ?? [])
            }
            return try TemplateFunctions.call(function, arguments)
        default: return try TemplateFunctions.call(function, arguments)
        }
    }
}
