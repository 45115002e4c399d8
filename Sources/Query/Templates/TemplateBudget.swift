internal import Bytes
internal import Model

/// What the templates of one entry may still do. All of a query share it: how many there are, and how often they repeat
/// themselves, does not multiply.
struct TemplateBudget {
    private var steps = 0
    private var workBytes = 0
    private var searchedBytes = 0
    private var searchDeadline: Int64?
    private var regexes = Set<[UInt8]>()

    /// Nodes, rounds of `range`, commands and operands.
    static let stepLimit = 400_000
    /// Bytes of text that functions take and give, labels that are read and lines that are made.
    private static let workLimitBytes = 32 << 20
    /// Bytes that searches for matches may have to look at, were each of them to go on to the end, between two looks at
    /// the clock; and how long they may take from the first look on.
    private static let searchedBetweenLooks = 64 << 20
    private static let searchLimitNanoseconds = 5 * Nanoseconds.perSecond
    /// Different ones.
    static let regexLimit = 128

    mutating func step() throws(TemplateFault) {
        steps += 1
        if steps > TemplateBudget.stepLimit { throw TemplateBudget.exceeded }
    }

    mutating func work(_ bytes: Int) throws(TemplateFault) {
        workBytes += bytes
        if workBytes > TemplateBudget.workLimitBytes { throw TemplateBudget.exceeded }
    }

    mutating func search(_ bytes: Int) throws(TemplateFault) {
        searchedBytes += bytes
        guard searchedBytes > TemplateBudget.searchedBetweenLooks else { return }
        searchedBytes = 0
        let now = Machine.monotonicNanoseconds()
        guard let deadline = searchDeadline else {
            searchDeadline = now + TemplateBudget.searchLimitNanoseconds
            return
        }
        if now > deadline { throw TemplateFault("a template looks for matches for more than five seconds") }
    }

    mutating func use(regex pattern: [UInt8]) throws(TemplateFault) {
        // Whether it is compiled already does not count: it depends on the entries before.
        if regexes.insert(pattern).inserted, regexes.count > TemplateBudget.regexLimit {
            throw TemplateFault("a template uses more than \(TemplateBudget.regexLimit) regular expressions")
        }
    }

    static let exceeded = TemplateFault("template takes too many steps")
}
