/// One step of the pipeline a line passes.
public enum Stage: Hashable, Sendable {
    /// `|= "x"`, `!~ "re"`, `|> "<_>x"`, …
    case lineFilter(LineFilter)
    /// `| json`, `| json a="b.c", d`: no extractions means every key.
    case json([JSONExtraction])
    /// `| logfmt`, `| logfmt --strict a="k"`.
    case logfmt(LogfmtParser)
    /// `| regexp "(?P<name>re)"`; the text is as written, see `RegexText.forRE2`.
    case regexp(Text)
    /// `| pattern "<a> <_>"`.
    case pattern(Pattern)
    /// `| unpack`.
    case unpack
    /// `| status>=500 and method="GET"`.
    case labelFilter(LabelFilter)
    /// `| line_format "{{.a}}"`: the template text, not yet checked.
    case lineFormat(Text)
    /// `| label_format a=b, c="{{.d}}"`.
    case labelFormat([LabelFormatItem])
    /// `| decolorize`.
    case decolorize
    /// `| drop a, b="x"`.
    case drop([LabelSelection])
    /// `| keep a, b="x"`.
    case keep([LabelSelection])
}

/// A line filter: one operator and one or more alternatives.
///
/// Positive operators keep a line if any alternative holds, negative ones if none does.
public struct LineFilter: Hashable, Sendable {
    public var comparison: LineFilterOperator
    /// Never empty.
    public var alternatives: [LineFilterTerm]

    public init(_ comparison: LineFilterOperator, _ alternatives: [LineFilterTerm]) {
        self.comparison = comparison
        self.alternatives = alternatives
    }
}

/// How a line filter compares; the raw value is the operator as written.
public enum LineFilterOperator: String, Hashable, Sendable, CaseIterable {
    case contains = "|="
    case notContains = "!="
    case matches = "|~"
    case notMatches = "!~"
    case pattern = "|>"
    case notPattern = "!>"

    public var isNegative: Bool { self == .notContains || self == .notMatches || self == .notPattern }
    /// True for the two operators whose text is a regex.
    public var isRegex: Bool { self == .matches || self == .notMatches }
    /// True for the two operators whose text is a pattern.
    public var isPattern: Bool { self == .pattern || self == .notPattern }
}

/// One alternative of a line filter.
public enum LineFilterTerm: Hashable, Sendable {
    /// A needle, or a regex with `|~` and `!~`.
    case text(Text)
    /// Only with `|>` and `!>`.
    case pattern(Pattern)
    /// `ip("10.0.0.0/8")`, only with `|=` and `!=`.
    case ip(IPPattern)
}

/// `name="path"` of `| json`: the value found at the path becomes the label.
public struct JSONExtraction: Hashable, Sendable {
    public var name: String
    public var path: JSONPath

    public init(_ name: String, _ path: JSONPath) {
        self.name = name
        self.path = path
    }
}

/// The arguments of `| logfmt`.
public struct LogfmtParser: Hashable, Sendable {
    /// `--strict`: stop at the first bad token and set an error.
    public var isStrict: Bool
    /// `--keep-empty`: bare keys become empty labels.
    public var keepsEmpty: Bool
    /// No extractions means every key.
    public var extractions: [LogfmtExtraction]

    public init(isStrict: Bool = false, keepsEmpty: Bool = false, extractions: [LogfmtExtraction] = []) {
        self.isStrict = isStrict
        self.keepsEmpty = keepsEmpty
        self.extractions = extractions
    }
}

/// `name="key"` of `| logfmt`.
public struct LogfmtExtraction: Hashable, Sendable {
    public var name: String
    /// The expression as written; the key it names is `key`.
    public var expression: Text
    /// The key to look for in the line.
    public var key: Text

    public init(_ name: String, expression: Text, key: Text) {
        self.name = name
        self.expression = expression
        self.key = key
    }

    /// For an expression that is the plain key.
    public init(_ name: String, _ key: Text) {
        self.init(name, expression: key, key: key)
    }
}

/// One assignment of `| label_format`.
public struct LabelFormatItem: Hashable, Sendable {
    public enum Value: Hashable, Sendable {
        /// `dst=src`.
        case rename(from: String)
        /// `dst="template"`: the template text, not yet checked.
        case template(Text)
    }

    public var destination: String
    public var value: Value

    public init(_ destination: String, _ value: Value) {
        self.destination = destination
        self.value = value
    }
}

/// One item of `| drop` and `| keep`.
public enum LabelSelection: Hashable, Sendable {
    case name(String)
    /// Only if the matcher holds for the label's present value.
    case matcher(Matcher)
}
