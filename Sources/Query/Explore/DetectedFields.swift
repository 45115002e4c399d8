internal import Bytes
public import LogQL
public import Model
public import Store

/// A field found in the entries of a query.
public struct DetectedField: Hashable, Sendable {
    public let name: String
    public let type: FieldType
    /// Distinct values in the sample.
    public let cardinality: Int
    /// `json`, `logfmt`; none for structured metadata.
    public let parsers: [String]
    /// Where a JSON field lies in its document.
    public let jsonPath: [String]
}

/// What is asked of the fields of a query's entries. Times in nanoseconds since 1970-01-01 UTC.
public struct FieldsRequest: Hashable, Sendable {
    public var tenant: TenantID
    public var range: TimeRange
    /// A log query.
    public var query: String
    /// Entries looked at: the newest.
    public var lineLimit = 100
    /// Fields, or values of a field.
    public var limit = 1000
    public var dialect = Dialect.loki

    public init(range: TimeRange, query: String, tenant: TenantID = .standard) {
        self.tenant = tenant
        self.range = range
        self.query = query
    }
}

extension QueryExecutor {
    /// Fields of the newest entries, sorted by name: metadata, labels that the query's stages parsed, and what the
    /// lines hold as JSON or logfmt (contract: http-api 9).
    public func detectedFields(
        _ request: FieldsRequest, source: any RecentData
    ) async throws(QueryError) -> [DetectedField] {
        let streams = try await sample(request, source: source)
        return await scheduler.run(.query) {
            var detector = FieldDetector(limit: request.limit, valuesOf: nil)
            for stream in streams { detector.add(stream) }
            return detector.fields
        }
    }

    /// Values of one field in the newest entries, sorted.
    public func detectedValues(
        of name: String, _ request: FieldsRequest, source: any RecentData
    ) async throws(QueryError) -> [String] {
        let streams = try await sample(request, source: source)
        return await scheduler.run(.query) {
            var detector = FieldDetector(limit: request.limit, valuesOf: name)
            for stream in streams { detector.add(stream) }
            return detector.values
        }
    }

    private func sample(
        _ request: FieldsRequest, source: any RecentData
    ) async throws(QueryError) -> [LogStream] {
        let query: LogQuery
        do throws(ParseError) {
            query = try Language(dialect: request.dialect, regexes: RegexEngine()).parseLogQuery(request.query)
        } catch {
            throw QueryError(.parse, error.description)
        }
        let parameters = QueryParameters(
            range: request.range.start, request.range.end,
            limit: max(1, min(request.lineLimit, limits.queryEntries.value)), tenant: request.tenant,
            categorizesLabels: true)
        guard case .streams(let streams) = try await run(.log(query), parameters, source: source).result else {
            return []
        }
        return streams
    }
}

/// Gathers the fields of entries.
struct FieldDetector {
    private struct Figures {
        /// How many values read as each type.
        var types: [FieldType: Int] = [:]
        /// Hashes of the values: their texts are not needed.
        var values: Set<UInt64> = []
        var parsers: [String] = []
        var jsonPath: [String] = []
    }

    private let limit: Int
    private let wanted: [UInt8]?
    private var figures: [[UInt8]: Figures] = [:]
    private var texts: Set<[UInt8]> = []
    private var reader = FieldReader()
    /// Fields of any number of lines beyond which none are told apart.
    private static let fieldLimit = 10_000
    private static let extractedSuffix = [UInt8](text: "_extracted")
    private static let faultPrefix = [UInt8](text: "__error")

    /// - Parameter valuesOf: the field whose values are wanted, or nil for all fields' figures.
    init(limit: Int, valuesOf name: String?) {
        self.limit = max(limit, 0)
        wanted = name.map { [UInt8](text: $0) }
    }

    /// The fields found, by name.
    var fields: [DetectedField] {
        figures.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { name, figures in
            // The type of most values; of equally frequent ones the more general.
            let order = FieldType.allCases
            let type = order.max { (figures.types[$0] ?? 0) < (figures.types[$1] ?? 0) } ?? .string
            let last = order.last { figures.types[$0] == figures.types[type] } ?? type
            return DetectedField(
                name: name.text, type: last, cardinality: figures.values.count, parsers: figures.parsers,
                jsonPath: figures.jsonPath)
        }
    }

    /// The values of the wanted field, sorted.
    var values: [String] {
        texts.sorted { $0.lexicographicallyPrecedes($1) }.prefix(limit).map(\.text)
    }

    mutating func add(_ stream: LogStream) {
        for entry in stream.entries { add(entry, of: stream.labels) }
    }

    private mutating func add(_ entry: LogEntry, of labels: LabelSet) {
        addPairs(entry.metadata, parser: nil)
        reader.read(entry.line.span)
        let parser = reader.isJSON ? "json" : "logfmt"
        addPairs(entry.parsed, parser: parser)
        let bytes = reader.bytes
        var seen: Set<[UInt8]> = []
        for field in reader.fields {
            // As in a pipeline the first of equal names counts, and labels and metadata keep theirs.
            var name = field.name
            if has(name, labels) || has(name, entry.metadata) { name += FieldDetector.extractedSuffix }
            guard seen.insert(name).inserted else { continue }
            add(name, bytes.span.extracting(field.value), parser, field.path)
        }
    }

    private func has(_ name: [UInt8], _ set: LabelSet) -> Bool {
        LabelSet.range(of: name.span, in: set.encoded.span, 0..<set.encoded.count) != nil
    }

    private mutating func addPairs(_ set: LabelSet, parser: String?) {
        let span = set.encoded.span
        var cursor = PairCursor(0..<span.count)
        while let pair = cursor.next(in: span) {
            let name = [UInt8](copying: span.extracting(pair.name))
            if name.starts(with: FieldDetector.faultPrefix) { continue }
            add(name, span.extracting(pair.value), parser, [])
        }
    }

    private mutating func add(
        _ name: [UInt8], _ value: borrowing ByteSpan, _ parser: String?, _ path: [String]
    ) {
        if let wanted {
            if name == wanted { texts.insert([UInt8](copying: value)) }
            return
        }
        if figures[name] == nil {
            guard figures.count < min(limit, FieldDetector.fieldLimit) else { return }
            figures[name] = Figures()
        }
        let type = FieldType(of: value)
        let hash = Hash.hash64(value)
        figures[name]?.types[type, default: 0] += 1
        figures[name]?.values.insert(hash)
        if let parser, figures[name]?.parsers.contains(parser) == false { figures[name]?.parsers.append(parser) }
        if !path.isEmpty { figures[name]?.jsonPath = path }
    }
}
