/// Asks at intervals whether a query must end, as its steps are computed.
final class WorkMeter {
    private let control: QueryControl
    private var rest = WorkMeter.interval

    /// Simple operations between two questions: a fraction of a millisecond.
    private static let interval = 32_768

    init(_ control: QueryControl) {
        self.control = control
    }

    /// Accounts for `count` simple operations that were done or are to come.
    @inline(__always)
    func spend(_ count: Int) throws(QueryError) {
        rest &-= count
        if rest < 0 { try ask() }
    }

    private func ask() throws(QueryError) {
        rest = WorkMeter.interval
        try control.check()
    }

    /// Accounts for memory held until the query ends.
    func hold(_ bytes: Int) throws(QueryError) {
        try control.hold(bytes)
    }
}
