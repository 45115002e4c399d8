internal import Bytes
internal import LogQL

/// What is known of a row, or of a value, without looking at the row's own bytes. "Maybe" stands for rows that have to
/// be rebuilt and passed through the pipeline; it is never a guess. Of two filters in a row the lower verdict holds.
enum Verdict {
    static let no: UInt8 = 0
    static let maybe: UInt8 = 1
    /// The row passes, marked by a label filter that could not read a value.
    static let faulty: UInt8 = 2
    static let yes: UInt8 = 3

    static func of(_ isTrue: Bool) -> UInt8 { isTrue ? yes : no }
}

/// A verdict for each row of a unit.
struct RowVerdicts {
    private(set) var rows: [UInt8]

    init(_ verdict: UInt8, count: Int) {
        rows = [UInt8](repeating: verdict, count: count)
    }

    /// From marks: 1 where a row has something, else 0; nil for no row at all.
    init(marks: [UInt8]?, found verdict: UInt8, count: Int) {
        rows = marks ?? []
        if rows.count != count { rows = [UInt8](repeating: Verdict.no, count: count) }
        if verdict != 1 { rows = ByteLanes.lookUp(rows, in: [Verdict.no, verdict]) }
    }

    /// For each number its entry of `table`.
    init<Number: FixedWidthInteger & UnsignedInteger>(_ numbers: [Number], in table: [UInt8]) {
        rows = ByteLanes.lookUp(numbers, in: table)
    }

    subscript(row: Int) -> UInt8 {
        get { rows[row] }
        set { rows[row] = newValue }
    }

    var count: Int { rows.count }

    /// The verdict that all rows have, if it is one.
    var common: UInt8? {
        guard let first = rows.first, rows.allSatisfy({ $0 == first }) else { return nil }
        return first
    }

    /// Rows that pass both.
    mutating func intersect(_ other: RowVerdicts) {
        ByteLanes.lower(&rows, to: other.rows)
    }

    /// Lowers rows of the verdict `where` to that of the other, and leaves the rest.
    mutating func intersect(_ other: RowVerdicts, where verdict: UInt8) {
        // The rest is compared with what lowers nothing.
        var bounds = ByteLanes.lookUp(rows, in: (0...Verdict.yes).map { $0 == verdict ? Verdict.no : Verdict.yes })
        ByteLanes.raise(&bounds, to: other.rows)
        ByteLanes.lower(&rows, to: bounds)
    }

    /// Rows that pass either.
    mutating func unite(_ other: RowVerdicts) {
        ByteLanes.raise(&rows, to: other.rows)
    }

    /// Rows that pass either of two label filters: the second is asked only where the first says no.
    mutating func orElse(_ other: RowVerdicts) {
        for index in rows.indices where rows[index] == Verdict.no { rows[index] = other.rows[index] }
    }

    /// Rows that do not pass; verdicts without faults only.
    mutating func complement() {
        rows = ByteLanes.lookUp(rows, in: [Verdict.yes, Verdict.maybe, 1, Verdict.no])
    }

    /// Replaces each verdict by what `change` makes of it.
    mutating func map(_ change: (UInt8) -> UInt8) {
        rows = ByteLanes.lookUp(rows, in: (0...Verdict.yes).map(change))
    }

    /// Rows of the verdict, ascending.
    func all(_ verdict: UInt8) -> [UInt32] { ByteLanes.places(of: verdict, in: rows) }

    /// How many rows may pass.
    var possibleCount: Int { ByteLanes.countOfOthers(in: rows) }

    /// Rows that may pass, ascending.
    func possible() -> [UInt32] { ByteLanes.placesOfOthers(in: rows) }
}

extension LabelCondition {
    /// What the filter makes of a row by the verdict so far, where it asks for the fault alone; nil for other filters.
    var faultFilter: ((UInt8) -> UInt8)? {
        switch self {
        case .text(let name, let test) where name == NameTable.errorName:
            let onFault = test.matches([UInt8](staticText: EntryFault.labelFilter.text)) ? Verdict.faulty : Verdict.no
            let onNone = Verdict.of(test.matchesEmpty)
            return { verdict in
                switch verdict {
                case Verdict.yes: onNone
                case Verdict.faulty: onFault
                default: verdict
                }
            }
        default: return nil
        }
    }

    /// Whether what the filter says of a row depends on faults of earlier stages.
    var dependsOnFaults: Bool {
        switch self {
        case .text(let name, _): name == NameTable.errorName || name == NameTable.errorDetailsName
        case .address: true
        case .all(let conditions), .any(let conditions): conditions.contains { $0.dependsOnFaults }
        default: false
        }
    }

    /// The verdict on an entry without faults whose label has `value`; nil: the entry lacks the label. Values that
    /// cannot be read mark their entry. For conditions on one name only.
    func verdict(_ value: [UInt8]?) -> UInt8 {
        guard let value else {
            guard case .text(_, let test) = self else { return Verdict.no }
            return Verdict.of(test.matchesEmpty)
        }
        switch self {
        case .text(_, let test): return Verdict.of(test.matches(value.span))
        case .number(_, let comparison, let wanted):
            return ValueText.number(value.span).map { Verdict.of(comparison.holds($0, wanted)) } ?? Verdict.faulty
        case .duration(_, let comparison, let wanted):
            return ValueText.duration(value.span).map { Verdict.of(comparison.holds($0, wanted)) } ?? Verdict.faulty
        case .bytes(_, let comparison, let wanted):
            return ValueText.size(value.span).map { Verdict.of(comparison.holds($0, wanted)) } ?? Verdict.faulty
        case .address(_, let isNegated, let pattern):
            return Verdict.of(AddressScan.contains(pattern, in: value.span) != isNegated)
        case .all, .any: return Verdict.maybe
        }
    }

    /// The verdict on values that are plain numbers, if it needs no text: a comparison, or one and the same for all.
    func numberVerdict() -> NumberVerdict? {
        switch self {
        case .number(_, let comparison, let wanted): return .comparison(comparison, wanted)
        case .text(_, let test):
            // A number is never empty, and tests of one exact text that is no number all say the same.
            guard let wanted = test.exactValue, ValueText.number(wanted.span) == nil else { return nil }
            return .constant(Verdict.of(test.matches([0x30])))
        default: return nil
        }
    }

    enum NumberVerdict {
        case comparison(Comparison, Double)
        case constant(UInt8)
    }
}

extension TextTest {
    func matches(_ value: [UInt8]) -> Bool { matches(value.span) }
}
