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

extension ColumnContent {
    /// Sets the verdict of each row that has a value here.
    /// - Parameters:
    ///   - rows: which rows count; nil for all.
    ///   - verdict: asked once per distinct text.
    ///   - number: what to ask of plain numbers; nil to ask for their texts.
    func apply(
        to verdicts: inout RowVerdicts, rows isWanted: ((Int) -> Bool)?, verdict: ([UInt8]) -> UInt8,
        number: LabelCondition.NumberVerdict?
    ) {
        switch values {
        case .numbers(let numbers):
            guard let number else { return set(&verdicts, isWanted) { _ in Verdict.maybe } }
            switch number {
            case .constant(let verdict): set(&verdicts, isWanted) { _ in verdict }
            case .comparison(let comparison, let wanted):
                set(&verdicts, isWanted) { comparison.holds(numbers[$0], wanted) ? Verdict.yes : Verdict.no }
            }
        case .texts(let bytes, let ends, let indexes):
            let distinct = distinctVerdicts(bytes, ends, verdict)
            if let indexes {
                set(&verdicts, isWanted) { distinct[Int(indexes[$0])] }
            } else {
                set(&verdicts, isWanted) { distinct[$0] }
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
    private func set(_ verdicts: inout RowVerdicts, _ isWanted: ((Int) -> Bool)?, _ verdict: (Int) -> UInt8) {
        if let isWanted {
            for place in rows.indices where isWanted(Int(rows[place])) { verdicts[Int(rows[place])] = verdict(place) }
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
