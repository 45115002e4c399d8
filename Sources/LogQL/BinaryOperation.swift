/// Two operands and what is done to them.
public struct BinaryOperation: Hashable, Sendable {
    public var function: BinaryFunction
    public var left: MetricQuery
    public var right: MetricQuery
    /// A comparison that answers 0 or 1 instead of filtering.
    public var returnsBool: Bool
    /// How series find their partners; nil: one to one, on all labels.
    public var matching: VectorMatching?

    public init(
        _ function: BinaryFunction, _ left: MetricQuery, _ right: MetricQuery, returnsBool: Bool = false,
        matching: VectorMatching? = nil
    ) {
        self.function = function
        self.left = left
        self.right = right
        self.returnsBool = returnsBool
        self.matching = matching
    }
}

/// Binary operators; the raw value is the operator as written.
public enum BinaryFunction: String, Hashable, Sendable, CaseIterable {
    case or, and, unless
    case equal = "=="
    case notEqual = "!="
    case greater = ">"
    case greaterOrEqual = ">="
    case less = "<"
    case lessOrEqual = "<="
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case modulo = "%"
    case power = "^"

    public var isSet: Bool { self == .or || self == .and || self == .unless }

    public var isComparison: Bool {
        switch self {
        case .equal, .notEqual, .greater, .greaterOrEqual, .less, .lessOrEqual: true
        default: false
        }
    }

    /// Binding strength: 1 binds loosest. Only `power` (6) groups to the right.
    public var precedence: Int {
        switch self {
        case .or: 1
        case .and, .unless: 2
        case .equal, .notEqual, .greater, .greaterOrEqual, .less, .lessOrEqual: 3
        case .add, .subtract: 4
        case .multiply, .divide, .modulo: 5
        case .power: 6
        }
    }

    public var isRightAssociative: Bool { self == .power }
}

/// `on (a) group_left (b)` and its kin.
public struct VectorMatching: Hashable, Sendable {
    public enum Cardinality: Hashable, Sendable {
        case oneToOne
        /// `group_left`: many series on the left meet one on the right.
        case manyToOne
        /// `group_right`: one series on the left meets many on the right.
        case oneToMany
    }

    /// True for `on`, false for `ignoring`.
    public var isOn: Bool
    public var labels: [String]
    public var cardinality: Cardinality
    /// Labels taken over from the "one" side.
    public var included: [String]

    public init(
        isOn: Bool, _ labels: [String], cardinality: Cardinality = .oneToOne, included: [String] = []
    ) {
        self.isOn = isOn
        self.labels = labels
        self.cardinality = cardinality
        self.included = included
    }
}
