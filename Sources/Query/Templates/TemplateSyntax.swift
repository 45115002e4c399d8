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
    /// `.a.b`.
    case field([[UInt8]])
    case variable(String, [[UInt8]])
    case function(TemplateFunction)
    /// `(…).a.b`.
    case pipe(TemplatePipe, [[UInt8]])
}
