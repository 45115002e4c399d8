import Bytes
import LogQL
import Model
import NIOCore
import Observe
import Query
import Store

/// An answer's body that is made while it is sent.
protocol AnswerStream: Sendable {
    /// The next piece, or nil at the end.
    func next() async throws -> ByteBuffer?
    /// Headers behind the body, known at its end.
    func trailers() async -> [(name: String, value: String)]
}

/// The lines of a log query, page by page: memory for one page is all that it takes, however many lines there are.
/// A fault on the way ends the body with a last line that says so, with a cursor to go on from.
actor LineStream: AnswerStream {
    static let cursorHeader = "X-Dendro-Cursor"

    private static let firstPageEntries = 500
    private static let pageEntries = 8000
    /// A page above this size is followed by none with more entries.
    private static let pageBytes = 4 << 20
    private static let leastPageEntries = 16

    private let request: QueryRequest
    private let log: LogQuery
    private let backend: Backend
    private let executor: QueryExecutor
    private let query: RunningQuery
    private var steps: ResultSteps
    private var text: LineText
    private var position: EntryPosition?
    /// Entries still wanted.
    private let source: any RecentData
    private var left: Int
    private var pageCount = LineStream.firstPageEntries
    private var isDone = false
    private var ready: ByteBuffer?
    private var cursor: String?

    init(
        _ request: QueryRequest, _ log: LogQuery, source: any RecentData, backend: Backend, executor: QueryExecutor
    ) {
        self.request = request
        self.source = source
        self.backend = backend
        self.executor = executor
        text = LineText(request.format, columns: request.columns)
        position = request.position
        query = executor.resources.running.begin(request.text, client: request.parameters.client)
        var bare = log
        bare.resultSteps = []
        self.log = bare
        let all = ResultSteps(log.resultSteps, limitBytes: backend.limits.queryMemoryBytes.value)
        var left = request.limit ?? .max
        if !all.remembers {
            for step in log.resultSteps {
                if case .limit(let count) = step { left = min(left, count) }
            }
            steps = ResultSteps([], limitBytes: 0)
        } else {
            steps = all
        }
        self.left = left
    }

    deinit {
        executor.resources.running.end(query)
    }

    /// Makes the first piece; throws what is wrong with the query.
    func begin() async throws(QueryError) {
        var out: [UInt8] = []
        text.begin(to: &out)
        try await advance(&out)
        ready = ByteBuffer(bytes: out)
    }

    func next() async throws -> ByteBuffer? {
        if let first = ready {
            ready = nil
            return first
        }
        if isDone { return nil }
        var out: [UInt8] = []
        do throws(QueryError) {
            try await advance(&out)
        } catch {
            if error.kind == .cancelled && Task.isCancelled { throw error }
            finish(&out, error)
        }
        return ByteBuffer(bytes: out)
    }

    func trailers() -> [(name: String, value: String)] {
        cursor.map { [(LineStream.cursorHeader, $0)] } ?? []
    }

    /// Reads pages until there is something to send or nothing more to read.
    private func advance(_ out: inout [UInt8]) async throws(QueryError) {
        while !isDone {
            let page = try await page()
            var entries: [PlainEntry] = []
            if steps.isEmpty {
                entries = page.entries
            } else {
                for entry in page.entries where !steps.isComplete { try steps.add(entry, to: &entries) }
                if page.next == nil || steps.isComplete { try steps.finish(to: &entries) }
            }
            entries = Array(entries.prefix(left))
            left -= entries.count
            for entry in entries { text.append(entry, to: &out) }
            for warning in page.warnings { text.add(warning: warning) }
            position = page.next
            if page.next == nil || left == 0 || steps.isComplete {
                finish(&out, nil)
            } else if !entries.isEmpty {
                return
            }
        }
    }

    private func finish(_ out: inout [UInt8], _ error: QueryError?) {
        isDone = true
        // What distinct and sort remember is lost with the answer: it has no middle to go on from.
        if !steps.remembers { cursor = position?.cursor }
        text.finish(cursor: cursor, error: error, to: &out)
    }

    private func page() async throws(QueryError) -> EntryPage {
        while true {
            var parameters = request.parameters
            parameters.limit = steps.isEmpty ? min(pageCount, left) : pageCount
            do throws(QueryError) {
                let page = try await executor.page(log, parameters, after: position, source: source, as: query)
                backend.metrics.queries.count(page.statistics)
                let bytes = page.entries.reduce(0) { $0 + $1.heldBytes }
                if bytes < LineStream.pageBytes { pageCount = min(pageCount * 2, LineStream.pageEntries) }
                return page
            } catch {
                // Entries may be large: fewer of them may fit.
                guard error.kind == .limit, pageCount > LineStream.leastPageEntries else { throw error }
                pageCount = max(pageCount / 8, LineStream.leastPageEntries)
            }
        }
    }
}
