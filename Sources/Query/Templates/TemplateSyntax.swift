internal import Bytes

/// A part of a template.
indirect enum TemplateNode: Sendable {
    case text([UInt8])
    case action(TemplatePipe)
    case branch(Branch, TemplatePipe, then: [TemplateNode], otherwise: [TemplateNode])
    case call(name: String, TemplatePipe?)
    case leave
    case next

    enum Branch: Sendable {
        case condition
        case with
        case range
    }
}

/// `$x := a | b | c`: each command's value becomes the last argument of the next.
struct TemplatePipe: Sendable {
    var variables: [String] = []
    /// `=` in place of `:=`.
    var assigns = false
    var commands: [[TemplateOperand]] = []
}

/// One word of a command.
indirect enum TemplateOperand: Sendable {
    case dot
    case null
    case constant(TemplateValue)
    /// `.a.b`: the first name's number in the query's table, and all names.
    case field(UInt32, [[UInt8]])
    case variable(String, [[UInt8]])
    case function(TemplateFunction)
    /// `(…).a.b`.
    case pipe(TemplatePipe, [[UInt8]])
}

/// Reads templates: text/template of Go, without methods and custom delimiters.
struct TemplateParser {
    private enum Token: Equatable {
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

    private let source: [UInt8]
    private var at = 0
    private var tokens: [Token] = []
    private var position = 0
    private var names: NameTable
    private var depth = 0
    private var loops = 0
    private var scopes: [String] = ["$"]
    private(set) var definitions: [String: [TemplateNode]] = [:]

    private init(_ source: [UInt8], _ names: NameTable) {
        self.source = source
        self.names = names
    }

    /// Reads a whole template; its field names are added to `names`.
    static func parse(
        _ source: [UInt8], _ names: inout NameTable
    ) throws(TemplateFault) -> (nodes: [TemplateNode], definitions: [String: [TemplateNode]]) {
        var parser = TemplateParser(source, names)
        var end = ""
        let nodes = try parser.list(&end)
        guard end.isEmpty else { throw TemplateFault("unexpected {{\(end)}}") }
        names = parser.names
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
            guard case .variable(let second)? = peek() else { throw TemplateFault("range can only initialize variables") }
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
        case .field(let name):
            let all = [name] + fields()
            return .field(names.intern(name.span), all)
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
            guard let function = TemplateFunction(rawValue: word) else {
                throw TemplateFault("function \"\(word)\" not defined")
            }
            return .function(function)
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

    // MARK: Tokens

    /// Text up to the next action, trimmed by its markers.
    private mutating func literal() -> [UInt8]? {
        let open = ByteSearch.find([0x7b, 0x7b].span, in: source.span, from: at) ?? source.count
        var end = open
        let trims = open + 3 < source.count && source[open + 2] == 0x2d && TemplateParser.isSpace(source[open + 3])
        if trims { while end > at, TemplateParser.isSpace(source[end - 1]) { end -= 1 } }
        let text = [UInt8](source[at..<max(end, at)])
        at = open
        return text.isEmpty ? nil : text
    }

    /// Reads the action at the `{{` into tokens; false for a comment.
    private mutating func action() throws(TemplateFault) -> Bool {
        at += 2
        if at + 1 < source.count, source[at] == 0x2d, TemplateParser.isSpace(source[at + 1]) { at += 2 }
        tokens = []
        position = 0
        let body = TemplateParser.skipSpaces(source, at)
        if body + 1 < source.count, source[body] == 0x2f, source[body + 1] == 0x2a {
            guard let end = ByteSearch.find([0x2a, 0x2f].span, in: source.span, from: body + 2) else {
                throw TemplateFault("unclosed comment")
            }
            at = end + 2
            try close()
            return false
        }
        while !isClosing() {
            guard at < source.count else { throw TemplateFault("unclosed action") }
            try token()
        }
        try close()
        return true
    }

    private func isClosing() -> Bool {
        if at + 1 < source.count, source[at] == 0x7d, source[at + 1] == 0x7d { return true }
        guard at + 3 < source.count, TemplateParser.isSpace(source[at]) else { return false }
        let next = TemplateParser.skipSpaces(source, at)
        return next + 2 < source.count && source[next] == 0x2d && source[next + 1] == 0x7d && source[next + 2] == 0x7d
    }

    /// Steps over `}}` or ` -}}`.
    private mutating func close() throws(TemplateFault) {
        at = TemplateParser.skipSpaces(source, at)
        var trims = false
        if at < source.count, source[at] == 0x2d {
            trims = true
            at += 1
        }
        guard at + 1 < source.count, source[at] == 0x7d, source[at + 1] == 0x7d else {
            throw TemplateFault("unclosed action")
        }
        at += 2
        if trims { at = TemplateParser.skipSpaces(source, at) }
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 9 || byte == 10 || byte == 13 }

    private static func skipSpaces(_ text: [UInt8], _ start: Int) -> Int {
        var at = start
        while at < text.count, isSpace(text[at]) { at += 1 }
        return at
    }

    private mutating func token() throws(TemplateFault) {
        let byte = source[at]
        switch byte {
        case _ where TemplateParser.isSpace(byte):
            at = TemplateParser.skipSpaces(source, at)
            tokens.append(.space)
        case 0x22, 0x60: tokens.append(.text(try quoted(byte)))
        case 0x27: tokens.append(.int(try character()))
        case 0x24: tokens.append(.variable("$" + word(at + 1)))
        case 0x2e where at + 1 < source.count && TemplateParser.isLetter(source[at + 1]):
            tokens.append(.field([UInt8](text: word(at + 1))))
        case 0x2e where at + 1 < source.count && source[at + 1] &- 48 < 10: try number()
        case 0x2b, 0x2d, 0x30...0x39: try number()
        case 0x3a where at + 1 < source.count && source[at + 1] == 0x3d:
            at += 2
            tokens.append(.declare)
        case _ where TemplateParser.isLetter(byte): tokens.append(.word(word(at)))
        case 0x28, 0x29, 0x7c, 0x2c, 0x3d, 0x2e:
            at += 1
            tokens.append(.symbol(byte))
        default: throw TemplateFault("unexpected \"\(Character(Unicode.Scalar(byte)))\" in command")
        }
    }

    private static func isLetter(_ byte: UInt8) -> Bool { LabelName.isNameByte(byte) && byte &- 48 >= 10 || byte >= 0x80 }

    /// The name that starts at `start`; the cursor moves behind it.
    private mutating func word(_ start: Int) -> String {
        var end = start
        while end < source.count, LabelName.isNameByte(source[end]) || source[end] >= 0x80 { end += 1 }
        at = end
        return String(decoding: source[start..<end], as: UTF8.self)
    }

    private mutating func number() throws(TemplateFault) {
        let start = at
        at += 1
        while at < source.count {
            let byte = source[at]
            let isExponentSign = (byte == 0x2b || byte == 0x2d) && (source[at - 1] | 0x20) == 0x65
            guard LabelName.isNameByte(byte) || byte == 0x2e || isExponentSign else { break }
            at += 1
        }
        let text = String(decoding: source[start..<at], as: UTF8.self)
        if let value = TemplateParser.integer(text) {
            tokens.append(.int(value))
        } else if let value = ValueText.number([UInt8](text: text).span) {
            tokens.append(.float(value))
        } else {
            throw TemplateFault("bad number syntax: \"\(text)\"")
        }
    }

    private static func integer(_ text: String) -> Int64? {
        let plain = text.filter { $0 != "_" }.lowercased()
        if let value = Int64(plain) { return value }
        if plain.hasPrefix("0x") { return Int64(plain.dropFirst(2), radix: 16) }
        if plain.hasPrefix("0b") { return Int64(plain.dropFirst(2), radix: 2) }
        if plain.hasPrefix("0o") { return Int64(plain.dropFirst(2), radix: 8) }
        return nil
    }

    private mutating func character() throws(TemplateFault) -> Int64 {
        let bytes = try quoted(0x27)
        guard let scalar = bytes.text.unicodeScalars.first else { throw TemplateFault("malformed character constant") }
        return Int64(scalar.value)
    }

    private mutating func quoted(_ quote: UInt8) throws(TemplateFault) -> [UInt8] {
        var out: [UInt8] = []
        at += 1
        while at < source.count, source[at] != quote {
            if source[at] == 0x5c, quote != 0x60 {
                try escape(&out)
            } else {
                out.append(source[at])
                at += 1
            }
        }
        guard at < source.count else { throw TemplateFault("unterminated quoted string") }
        at += 1
        return out
    }

    private mutating func escape(_ out: inout [UInt8]) throws(TemplateFault) {
        guard at + 1 < source.count else { throw TemplateFault("unterminated quoted string") }
        let kind = source[at + 1]
        at += 2
        switch kind {
        case 0x61: out.append(7)
        case 0x62: out.append(8)
        case 0x66: out.append(12)
        case 0x6e: out.append(10)
        case 0x72: out.append(13)
        case 0x74: out.append(9)
        case 0x76: out.append(11)
        case 0x5c, 0x22, 0x27: out.append(kind)
        case 0x78, 0x75, 0x55:
            let size = kind == 0x78 ? 2 : kind == 0x75 ? 4 : 8
            guard at + size <= source.count,
                let value = UInt32(String(decoding: source[at..<(at + size)], as: UTF8.self), radix: 16)
            else { throw TemplateFault("invalid escape in string") }
            at += size
            kind == 0x78 ? out.append(UInt8(truncatingIfNeeded: value)) : JSONScan.append(scalar: value, to: &out)
        default: throw TemplateFault("invalid escape in string")
        }
    }
}
