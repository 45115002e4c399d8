/// What the templates of one entry may still do. All of a query share it: how many there are, and how often they repeat
/// themselves, does not multiply.
struct TemplateBudget {
    private var steps = 0
    private var workBytes = 0
    private var searchedBytes = 0
    private var compiledRegexes = 0

    /// Nodes, rounds of `range`, commands and operands.
    static let stepLimit = 400_000
    /// Bytes of text that functions take and give, labels that are read and lines that are made.
    private static let workLimitBytes = 32 << 20
    /// Bytes that searches for matches may have to look at, were each of them to go on to the end.
    private static let searchLimitBytes = 1 << 30
    /// Compiled ones that are at hand do not count.
    static let regexLimit = 32

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
        if searchedBytes > TemplateBudget.searchLimitBytes {
            throw TemplateFault("a template finds too many matches in long texts")
        }
    }

    mutating func compile() throws(TemplateFault) {
        compiledRegexes += 1
        if compiledRegexes > TemplateBudget.regexLimit {
            throw TemplateFault("a template uses more than \(TemplateBudget.regexLimit) regular expressions")
        }
    }

    static let exceeded = TemplateFault("template takes too many steps")
}
