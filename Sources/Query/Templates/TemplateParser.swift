internal import Bytes

/// Reads templates: text/template of Go, without methods and custom delimiters.
struct TemplateParser {
    enum Token: Equatable {
        case word(String)
        case field([UInt8])
        case variable(String)
        case text([UInt8])
        case int(Int64)
        case float(Double)
        case symbol(UInt8)
        /// `:=`.
        case declare
        case space
    }

    private static let depthLimit = 64
    /// Variables that may be seen at one place: each is looked for among all.
    private static let variableLimit = 256

    let source: [UInt8]
    var at = 0
    var tokens: [Token] = []
    var position = 0
    private var depth = 0
    private var loops = 0
    private var scopes: [String] = ["$"]
    /// Whether the functions of alerts are known too.
    private let isOfAlert: Bool
    private(set) var definitions: [String: [TemplateNode]] = [:]

    private init(_ source: [UInt8], isOfAlert: Bool) {
        self.source = source
        self.isOfAlert = isOfAlert
    }

    /// Reads a whole template.
    static func parse(
        _ source: [UInt8], isOfAlert: Bool = false
    ) throws(TemplateFault) -> (nodes: [TemplateNode], definitions: [String: [TemplateNode]]) {
        var parser = TemplateParser(source, isOfAlert: isOfAlert)
        var end = ""
        let nodes = try parser.list(&end)
        guard end.isEmpty else { throw TemplateFault("unexpected {{\(end)}}") }
        return (nodes, parser.definitions)
    }

    // MARK: Structure

    /// Nodes up to `end`, `else` or the end of the text; `end` says which.
    private mutating func list(_ end: inout String) throws(TemplateFault) -> [TemplateNode] {
        depth += 1
        defer { depth -= 1 }
        if depth > TemplateParser.depthLimit { throw TemplateFault("template nested too deeply") }
        var nodes: [TemplateNode] = []
        while true {
            if let text = literal() { nodes.append(.text(text)) }
            guard at < source.count else { return nodes }
            guard try action() else { continue }
            guard case .word(let word)? = peek() else {
                nodes.append(.action(try wholePipe()))
                continue
            }
            switch word {
            case "end", "else":
                position += 1
                end = word
                return nodes
            case "if", "with", "range": nodes.append(try branch(word))
            case "template": nodes.append(try callNode())
            case "define", "block": try define(word, &nodes)
            case "break", "continue":
                position += 1
                guard loops > 0 else { throw TemplateFault("{{\(word)}} outside {{range}}") }
                nodes.append(word == "break" ? .leave : .next)
            default: nodes.append(.action(try wholePipe()))
            }
        }
    }

    private mutating func branch(_ word: String) throws(TemplateFault) -> TemplateNode {
        position += 1
        let scope = scopes.count
        defer { scopes.removeLast(scopes.count - scope) }
        let pipe = try wholePipe(isRange: word == "range")
        let kind: TemplateNode.Branch = word == "if" ? .condition : word == "with" ? .with : .range
        if kind == .range { loops += 1 }
        var end = ""
        let then = try list(&end)
        if kind == .range { loops -= 1 }
        var otherwise: [TemplateNode] = []
        if end == "else" {
            if case .word(let next)? = peek(), next == "if" || next == "with" {
                otherwise = [try branch(next)]
                return .branch(kind, pipe, then: then, otherwise: otherwise)
            }
            otherwise = try list(&end)
        }
        guard end == "end" else { throw TemplateFault("unexpected EOF: {{\(word)}} without {{end}}") }
        return .branch(kind, pipe, then: then, otherwise: otherwise)
    }

    private mutating func callNode() throws(TemplateFault) -> TemplateNode {
        position += 1
        guard case .text(let name)? = peek() else { throw TemplateFault("template name must be a string") }
        position += 1
        let pipe: TemplatePipe? = peek() == nil ? nil : try wholePipe()
        return .call(name: name.text, pipe)
    }

    private mutating func define(_ word: String, _ nodes: inout [TemplateNode]) throws(TemplateFault) {
        position += 1
        guard case .text(let name)? = peek() else { throw TemplateFault("template name must be a string") }
        position += 1
        let pipe: TemplatePipe? = word == "block" ? try wholePipe() : nil
        let outer = scopes
        scopes = ["$"]
        var end = ""
        let body = try list(&end)
        scopes = outer
        guard end == "end" else { throw TemplateFault("unexpected EOF in template clause") }
        definitions[name.text] = body
        if word == "block" { nodes.append(.call(name: name.text, pipe)) }
    }

    // MARK: Pipes

    private mutating func wholePipe(isRange: Bool = false) throws(TemplateFault) -> TemplatePipe {
        let pipe = try self.pipe(isRange: isRange)
        if let token = peek() { throw TemplateFault("unexpected <\(token)> in command") }
        return pipe
    }

    private mutating func pipe(isRange: Bool = false) throws(TemplateFault) -> TemplatePipe {
        depth += 1
        defer { depth -= 1 }
        if depth > TemplateParser.depthLimit { throw TemplateFault("template nested too deeply") }
        var pipe = TemplatePipe()
        try declaration(&pipe, isRange: isRange)
        while true {
            pipe.commands.append(try command())
            guard peek() == .symbol(0x7c) else { break }
            position += 1
        }
        for command in pipe.commands.dropFirst() {
            switch command[0] {
            case .constant, .null, .dot: throw TemplateFault("non executable command in pipeline stage 2")
            default: break
            }
        }
        if !pipe.assigns { scopes += pipe.variables }
        if scopes.count > TemplateParser.variableLimit {
            throw TemplateFault("more than \(TemplateParser.variableLimit) variables at one place")
        }
        return pipe
    }

    /// `$x :=`, `$x =`, `$i, $x :=`.
    private mutating func declaration(_ pipe: inout TemplatePipe, isRange: Bool) throws(TemplateFault) {
        let start = position
        guard case .variable(let first)? = peek() else { return }
        position += 1
        var found = [first]
        if isRange, peek() == .symbol(0x2c) {
            position += 1
            guard case .variable(let second)? = peek() else {
                throw TemplateFault("range can only initialize variables")
            }
            position += 1
            found.append(second)
        }
        switch peek() {
        case .declare: pipe.assigns = false
        case .symbol(0x3d): pipe.assigns = true
        default:
            position = start
            return
        }
        position += 1
        if pipe.assigns { for name in found where !scopes.contains(name) { throw undefined(name) } }
        pipe.variables = found
    }

    private func undefined(_ name: String) -> TemplateFault { TemplateFault("undefined variable \"\(name)\"") }

    private mutating func command() throws(TemplateFault) -> [TemplateOperand] {
        var operands: [TemplateOperand] = []
        while let token = peek(), token != .symbol(0x7c), token != .symbol(0x29) { operands.append(try operand()) }
        if operands.isEmpty { throw TemplateFault("missing value for command") }
        return operands
    }

    private mutating func operand() throws(TemplateFault) -> TemplateOperand {
        guard let token = peek() else { throw TemplateFault("missing value for command") }
        position += 1
        switch token {
        case .text(let bytes): return .constant(.text(bytes))
        case .int(let value): return .constant(.int(value))
        case .float(let value): return .constant(.float(value))
        case .field(let name): return .field([name] + fields())
        case .variable(let name):
            guard scopes.contains(name) else { throw undefined(name) }
            return .variable(name, fields())
        case .symbol(0x2e): return .dot
        case .symbol(0x28):
            let pipe = try self.pipe()
            guard peek() == .symbol(0x29) else { throw TemplateFault("unclosed left paren") }
            position += 1
            return .pipe(pipe, fields())
        case .word("true"): return .constant(.bool(true))
        case .word("false"): return .constant(.bool(false))
        case .word("nil"): return .null
        case .word(let word):
            let own = isOfAlert ? TemplateFunction(rawValue: "alert." + word) : nil
            guard let function = own ?? TemplateFunction(rawValue: word) else {
                throw TemplateFault("function \"\(word)\" not defined")
            }
            let path = fields()
            return path.isEmpty ? .function(function) : .pipe(TemplatePipe(commands: [[.function(function)]]), path)
        default: throw TemplateFault("unexpected <\(token)> in operand")
        }
    }

    /// `.b.c` glued to an operand.
    private mutating func fields() -> [[UInt8]] {
        var names: [[UInt8]] = []
        while position < tokens.count, case .field(let name) = tokens[position] {
            names.append(name)
            position += 1
        }
        return names
    }

    /// The next token that is no space; spaces before it are passed.
    private mutating func peek() -> Token? {
        while position < tokens.count, tokens[position] == .space { position += 1 }
        return position < tokens.count ? tokens[position] : nil
    }
}
