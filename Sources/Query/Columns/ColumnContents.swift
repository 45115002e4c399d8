internal import Bytes
internal import Columns
internal import LogQL
internal import Model

/// What a JSON value in a column is as a label.
enum JSONValue {
    /// The label's text; nil for `null`, which parsers treat each in its own way.
    static func label(_ raw: [UInt8], isString: Bool) -> [UInt8]? {
        if !isString { return raw == [0x6e, 0x75, 0x6c, 0x6c] ? nil : raw }
        guard raw.contains(where: { $0 == 0x5c || $0 >= 0x80 }) else { return raw }
        var text: [UInt8] = []
        JSONScan.unescape(raw.span, 0..<raw.count, into: &text)
        return text
    }
}

/// Rows of some shapes of lines.
struct ShapeFilter {
    /// The shape of each row.
    let numbers: [UInt16]
    let isWanted: [Bool]

    @inline(__always)
    func contains(_ row: Int) -> Bool { isWanted[Int(numbers[row])] }
}

extension ColumnContent {
    /// Sets the verdict of each row that has a value here.
    /// - Parameters:
    ///   - shapes: which rows count; nil for all.
    ///   - verdict: asked once per distinct text.
    ///   - number: what to ask of plain numbers; nil to ask for their texts.
    func apply(
        to verdicts: inout RowVerdicts, shapes: ShapeFilter?, verdict: ([UInt8]) -> UInt8,
        number: LabelCondition.NumberVerdict?
    ) {
        switch values {
        case .numbers(let numbers):
            switch number {
            case nil: set(&verdicts, shapes) { _ in Verdict.maybe }
            case .constant(let verdict): set(&verdicts, shapes) { _ in verdict }
            case .comparison(let comparison, let wanted):
                switch comparison {
                case .greater: set(&verdicts, shapes) { Verdict.of(numbers[$0] > wanted) }
                case .greaterOrEqual: set(&verdicts, shapes) { Verdict.of(numbers[$0] >= wanted) }
                case .less: set(&verdicts, shapes) { Verdict.of(numbers[$0] < wanted) }
                default: set(&verdicts, shapes) { Verdict.of(comparison.holds(numbers[$0], wanted)) }
                }
            }
        case .texts(let bytes, let ends, let indexes):
            let distinct = distinctVerdicts(bytes, ends, verdict)
            if let indexes {
                set(&verdicts, shapes) { distinct[Int(indexes[$0])] }
            } else {
                set(&verdicts, shapes) { distinct[$0] }
            }
        }
    }

    private func distinctVerdicts(_ bytes: [UInt8], _ ends: [UInt32], _ verdict: ([UInt8]) -> UInt8) -> [UInt8] {
        var start = 0
        return ends.map { end in
            defer { start = Int(end) }
            return verdict([UInt8](bytes[start..<Int(end)]))
        }
    }

    @inline(__always)
    private func set(_ verdicts: inout RowVerdicts, _ shapes: ShapeFilter?, _ verdict: (Int) -> UInt8) {
        let rows = rows
        if let shapes {
            for place in rows.indices where shapes.contains(Int(rows[place])) {
                verdicts[Int(rows[place])] = verdict(place)
            }
        } else {
            for place in rows.indices { verdicts[Int(rows[place])] = verdict(place) }
        }
    }

    /// The text of value `place`; nil for plain numbers.
    func text(_ place: Int) -> Range<Int>? {
        guard case .texts(_, let ends, let indexes) = values else { return nil }
        let index = indexes.map { Int($0[place]) } ?? place
        return (index == 0 ? 0 : Int(ends[index - 1]))..<Int(ends[index])
    }
}
