internal import Model

/// How the windows of a range aggregation divide time into cells, so that every window is a run of whole cells and
/// every sample lies in exactly one.
///
/// Window i is (t_i - range, t_i], t_i the i-th step shifted by the offset. Where ranges are longer than steps, each
/// step is one cell, or two when the range is no multiple of the step; else each window is a cell.
struct Windows: Hashable, Sendable {
    private let firstEnd: Int64
    private let width: Int64
    let count: Int
    private let range: Int64
    /// Whole steps in the range, and what is over; zero when each window is a cell of its own.
    private let wholeSteps: Int
    private let rest: Int64

    init?(_ steps: Steps, rangeNanoseconds: Int64, offsetNanoseconds: Int64) {
        let (end, overflow) = steps.first.subtractingReportingOverflow(offsetNanoseconds)
        if overflow || rangeNanoseconds < 0 { return nil }
        firstEnd = end
        width = steps.width
        count = steps.count
        range = rangeNanoseconds
        let isDisjoint = steps.count <= 1 || range <= steps.width
        wholeSteps = isDisjoint ? 0 : Int(range / steps.width)
        rest = isDisjoint ? 0 : range % steps.width
    }

    /// Times that any window holds: [start, end).
    var timeRange: TimeRange {
        if count == 0 || range == 0 { return TimeRange(start: 0, end: 0) }
        let start = firstEnd.subtractingReportingOverflow(range - 1)
        let span = Int64(count - 1).multipliedReportingOverflow(by: width)
        let last = firstEnd.addingReportingOverflow(span.partialValue)
        let end = last.partialValue.addingReportingOverflow(1)
        return TimeRange(
            start: start.overflow ? .min : start.partialValue,
            end: span.overflow || last.overflow || end.overflow ? .max : end.partialValue)
    }

    /// The end of window `index`, included in it.
    func end(_ index: Int) -> Int64 { firstEnd &+ Int64(index) &* width }

    /// The start of window `index`, excluded from it.
    func start(_ index: Int) -> Int64 {
        let (value, overflow) = end(index).subtractingReportingOverflow(range)
        return overflow ? .min : value
    }

    /// The cell that holds `time`; nil if no window does.
    func cell(_ time: Int64) -> Int? {
        let (distance, overflow) = time.subtractingReportingOverflow(firstEnd)
        if overflow || range == 0 || count == 0 { return nil }
        if count == 1 { return distance <= 0 && distance > -range ? 0 : nil }
        // The first window that ends at or after `time`.
        let quotient = distance / width
        let slot = Int(distance % width > 0 ? quotient + 1 : quotient)
        guard slot < count else { return nil }
        let beforeEnd = Int64(slot) &* width &- distance
        if wholeSteps == 0 { return slot >= 0 && beforeEnd < range ? slot : nil }
        if rest == 0 {
            let cell = slot + wholeSteps - 1
            return cell >= 0 ? cell : nil
        }
        let cell = 2 * (slot + wholeSteps) + (beforeEnd < rest ? 1 : 0) - 1
        return cell >= 0 ? cell : nil
    }

    /// The cells of window `index`.
    func cells(_ index: Int) -> ClosedRange<Int> {
        if wholeSteps == 0 { return index...index }
        if rest == 0 { return index...(index + wholeSteps - 1) }
        return 2 * index...(2 * (index + wholeSteps))
    }
}
