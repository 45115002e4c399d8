internal import Bytes
public import LogQL
internal import Model

/// Which of the parts a fragment looks at.
public enum PartScope: Hashable, Sendable {
    case everything
    /// The parts and heads that fall to the `index`-th of `count` peers.
    case share(index: Int, count: Int)
}

/// A piece of a query that one executor runs by itself: a log query, or one range aggregation of a metric query. It can
/// travel as bytes: the query's text, the parameters and the scope say everything.
public struct PlanFragment: Sendable {
    public let expression: Expression
    public let parameters: QueryParameters
    /// Which range aggregation, in the order written; 0 for a log query.
    public let leaf: Int
    public let scope: PartScope
    /// The compiled form, for executors in this process.
    var compiled: CompiledLeaf?

    public init(_ expression: Expression, _ parameters: QueryParameters, leaf: Int, scope: PartScope = .everything) {
        self.expression = expression
        self.parameters = parameters
        self.leaf = leaf
        self.scope = scope
    }

    private static let version: UInt8 = 1

    /// The fragment as bytes.
    public var encoded: [UInt8] {
        var out: [UInt8] = [PlanFragment.version]
        out.appendPrefixed(expression.description)
        out.appendPrefixed(parameters.tenant.name)
        out.append(parameters.kind == .instant ? 0 : 1)
        out.append(parameters.direction == .forward ? 0 : 1)
        out.append(parameters.dialect == .loki ? 0 : 1)
        out.append(parameters.categorizesLabels ? 1 : 0)
        out.append(parameters.allowsPartialSeries ? 1 : 0)
        out.appendZigzag(parameters.start)
        out.appendZigzag(parameters.end)
        out.appendZigzag(parameters.stepNanoseconds)
        out.appendZigzag(Int64(parameters.limit))
        out.appendZigzag(parameters.intervalNanoseconds)
        out.appendVarint(max(leaf, 0))
        switch scope {
        case .everything: out.appendVarint(0)
        case .share(let index, let count):
            out.appendVarint(max(count, 1))
            out.appendVarint(max(index, 0))
        }
        return out
    }

    /// Reads a fragment; a text that does not parse or numbers out of bounds are an error.
    public init(decoding bytes: [UInt8]) throws(QueryError) {
        var reader = ByteReader(bytes)
        do throws(ReadError) {
            let version = try reader.byte()
            guard version == PlanFragment.version else {
                throw ReadError("fragment version \(version) is not known", at: 0)
            }
            let text = try reader.prefixedText()
            var parameters = QueryParameters(range: 0, 0)
            parameters.tenant = TenantID(try reader.prefixedText())
            parameters.kind = try reader.byte() == 0 ? .instant : .range
            parameters.direction = try reader.byte() == 0 ? .forward : .backward
            parameters.dialect = try reader.byte() == 0 ? .loki : .dendro
            parameters.categorizesLabels = try reader.byte() != 0
            parameters.allowsPartialSeries = try reader.byte() != 0
            parameters.start = try reader.zigzag()
            parameters.end = try reader.zigzag()
            parameters.stepNanoseconds = try reader.zigzag()
            parameters.limit = Int(try reader.zigzag())
            parameters.intervalNanoseconds = try reader.zigzag()
            leaf = try reader.count(limit: Language.operationLimit * 2)
            let count = try reader.count(limit: 1 << 16)
            scope = count == 0 ? .everything : .share(index: try reader.count(limit: count - 1), count: count)
            self.parameters = parameters
            expression = try Language(dialect: parameters.dialect, regexes: RegexEngine()).parseFragment(text)
        } catch {
            throw QueryError(.failed, "a query fragment cannot be read: \(error)")
        }
    }
}

extension Language {
    /// The text of a fragment was printed from a tree: that it does not parse is damage.
    fileprivate func parseFragment(_ text: String) throws(ReadError) -> Expression {
        do throws(ParseError) {
            return try parse(text)
        } catch {
            throw ReadError(error.description, at: 0)
        }
    }
}

/// What a fragment found: entries in order, or series with mergeable cells. Can travel as bytes.
public struct PartialResult: Sendable {
    enum Content: Sendable {
        case entries([FoundEntry])
        case series(SeriesTable)
    }

    var content: Content
    public var statistics: QueryStatistics
    public var warnings: [String]

    init(_ content: Content, _ statistics: QueryStatistics, _ warnings: [String]) {
        self.content = content
        self.statistics = statistics
        self.warnings = warnings
    }

    /// The result as bytes; of the statistics only what adds up.
    public var encoded: [UInt8] {
        var out: [UInt8] = []
        switch content {
        case .entries(let entries):
            out.append(0)
            out.appendVarint(entries.count)
            for entry in entries { entry.append(to: &out) }
        case .series(let table):
            out.append(1)
            table.append(to: &out)
        }
        for counter in PartialResult.counters { out.appendVarint(UInt64(max(statistics[keyPath: counter], 0))) }
        out.appendVarint(warnings.count)
        for warning in warnings { out.appendPrefixed(warning) }
        return out
    }

    public init(decoding bytes: [UInt8]) throws(QueryError) {
        var reader = ByteReader(bytes)
        do throws(ReadError) {
            switch try reader.byte() {
            case 0:
                var entries: [FoundEntry] = []
                for _ in 0..<(try reader.count(limit: reader.remaining)) {
                    entries.append(try FoundEntry(from: &reader))
                }
                content = .entries(entries)
            default: content = .series(try SeriesTable(from: &reader))
            }
            statistics = QueryStatistics()
            for counter in PartialResult.counters {
                statistics[keyPath: counter] = try reader.count(limit: Int.max)
            }
            warnings = []
            for _ in 0..<(try reader.count(limit: reader.remaining)) { warnings.append(try reader.prefixedText()) }
        } catch {
            throw QueryError(.failed, "a partial result cannot be read: \(error)")
        }
    }

    private static var counters: [WritableKeyPath<QueryStatistics, Int>] {
        [
            \.streams, \.partsConsidered, \.blocksConsidered, \.blocksPruned, \.blocksRead, \.storedBytes, \.rawBytes,
            \.headBytes, \.rows, \.headRows, \.matchedRows, \.lineBytes, \.metadataBytes,
        ]
    }

    /// Adds what another part of the same fragment found.
    mutating func merge(_ other: PartialResult, _ direction: Direction, limit: Int) {
        statistics.add(other.statistics)
        warnings += other.warnings.filter { !warnings.contains($0) }
        switch (content, other.content) {
        case (.entries(let a), .entries(let b)):
            let merged = (a + b).sorted { $0.precedes($1, direction) }
            content = .entries([FoundEntry](merged.prefix(limit)))
        case (.series(var table), .series(let more)):
            table.merge(more)
            content = .series(table)
        default: break
        }
    }
}

/// Runs fragments: in this process here, over HTTP on a peer later.
public protocol FragmentExecutor: Sendable {
    func run(_ fragment: PlanFragment) async throws(QueryError) -> PartialResult
}

/// Who takes part in a query.
public protocol PeerDirectory: Sendable {
    /// One executor for each share, this process among them; with one peer nothing is divided.
    func peers() -> [any FragmentExecutor]
}

/// This process alone.
struct LonePeer: PeerDirectory {
    let executor: EmbeddedExecutor

    func peers() -> [any FragmentExecutor] { [executor] }
}
