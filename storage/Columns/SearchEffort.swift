/// What a search may still look at in columns: the ways in which a needle can lie across shapes, columns and values
/// multiply, and from some point on looking at the lines themselves takes less time.
struct SearchEffort: Sendable {
    /// In values, bytes and places looked at.
    private var left: Int

    init(limit: Int) {
        left = limit
    }

    /// Lines are put together and looked at in the time of some hundred looks at a value of each row.
    static func limit(rows: Int) -> Int { (4 << 20) + rows * 512 }

    /// Whether columns were not asked all that there is to ask: what they have is found, what they lack is not sure.
    var isSpent: Bool { left < 0 }

    @inline(__always)
    mutating func spend(_ looks: Int) { left = left &- looks }
}

/// What a search asked of columns so far: many shapes ask the same. Bounded in bytes.
struct KnownAnswers: Sendable {
    private var marks: [MatchQuestion: Marks] = [:]
    private var sizeBytes = 0
    private static let limit = 4_096
    private static let limitBytes = 16 << 20

    /// No marks: no value matches. Nil where it was not asked.
    subscript(question: MatchQuestion) -> Marks? { marks[question] }

    mutating func keep(_ found: Marks, _ question: MatchQuestion) {
        let size = found.count + question.text.count + 128
        guard marks.count < KnownAnswers.limit, sizeBytes + size <= KnownAnswers.limitBytes else { return }
        marks[question] = found
        sizeBytes += size
    }
}

/// What a search says of a line, or of all lines of a shape.
enum LineMark {
    static let no: UInt8 = 0
    static let yes: UInt8 = 1
    /// Only the line itself tells.
    static let maybe: UInt8 = 2
}

/// What a search for a needle has found out about lines.
struct LineFindings {
    /// Per row.
    var rows: Marks
    /// Per shape what holds for all of its lines.
    var shapes: Marks
    /// Questions to columns: with a yes the lines of these shapes have the needle. Each is asked once for all shapes.
    private(set) var questions: [(question: MatchQuestion, shapes: [Int])] = []
    private var places: [MatchQuestion: Int] = [:]

    init(rows: Int, shapes: Int) {
        self.rows = Marks(repeating: LineMark.no, count: rows)
        self.shapes = Marks(repeating: LineMark.no, count: shapes)
    }

    mutating func ask(_ question: MatchQuestion, for shape: Int) {
        if let place = places[question] { return questions[place].shapes.append(shape) }
        places[question] = questions.count
        questions.append((question, [shape]))
    }
}
