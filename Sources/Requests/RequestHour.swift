import Bytes

/// Requests of one app in one hour. Bounded: minutes, routes and slow requests each have their limit.
struct RequestHour: Sendable {
    static let minutes = 60
    static let routesLimit = 200
    static let slowLimit = 1000
    /// How many slow requests an hour keeps when it is no longer fresh.
    static let settledSlowLimit = 50
    private static let version: UInt64 = 1
    static let otherRoute = "(other)"

    struct Route: Sendable {
        var name: String
        var figures = RequestSummary()
        var slow = 0
    }

    /// Counts by minute; their sketches only while the hour is fresh.
    private(set) var cells = [RequestSummary](repeating: RequestSummary(), count: minutes)
    /// Durations of the whole hour.
    private(set) var sketch = LatencySketch()
    private(set) var routes: [Route] = []
    private var routeNumbers: [UInt64: Int] = [:]
    /// The slowest ones, in no order.
    private(set) var slow: [SlowRequest] = []
    /// All that were slow, also those not kept.
    private(set) var slowCount = 0
    private var quickestKept = Int64.min
    var isFresh = true
    var isChanged = false

    init() {}

    /// Everything together.
    var total: RequestSummary {
        var sum = RequestSummary()
        for cell in cells where cell.count > 0 {
            var cell = cell
            cell.sketch = LatencySketch()
            sum.merge(cell)
        }
        sum.sketch = sketch
        return sum
    }

    mutating func add(_ microseconds: Int64, status: Int, minute: Int, route: borrowing ByteSpan, isSlow: Bool) {
        isChanged = true
        cells[minute].add(microseconds, status: status)
        if isFresh { cells[minute].sketch.add(microseconds) }
        sketch.add(microseconds)
        if isSlow { slowCount &+= 1 }
        guard route.count > 0 else { return }
        let hash = Hash.hash64(route)
        let number: Int
        if let known = routeNumbers[hash] {
            number = known
        } else {
            number = routes.count < RequestHour.routesLimit ? routes.count : routes.count - 1
            if routes.count < RequestHour.routesLimit {
                let isLast = routes.count == RequestHour.routesLimit - 1
                routes.append(Route(name: isLast ? RequestHour.otherRoute : route.text))
                if !isLast { routeNumbers[hash] = number }
            }
        }
        routes[number].figures.add(microseconds, status: status)
        routes[number].figures.sketch.add(microseconds)
        if isSlow { routes[number].slow &+= 1 }
    }

    /// Whether a slow request of this duration would be kept.
    func keeps(_ microseconds: Int64) -> Bool { slow.count < slowLimit || microseconds > quickestKept }

    private var slowLimit: Int { isFresh ? RequestHour.slowLimit : RequestHour.settledSlowLimit }

    mutating func keep(_ request: SlowRequest) {
        isChanged = true
        slow.append(request)
        // Cut rarely: to three quarters, once a quarter more than wanted has gathered.
        guard slow.count > slowLimit + slowLimit / 4 else { return }
        cutSlow()
    }

    private mutating func cutSlow() {
        guard slow.count > slowLimit else { return }
        slow.sort { $0.microseconds > $1.microseconds }
        slow.removeLast(slow.count - slowLimit)
        quickestKept = slow.last?.microseconds ?? .min
    }

    /// Lets go of what only recent hours need.
    mutating func settle() {
        guard isFresh else { return }
        isFresh = false
        for index in cells.indices { cells[index].sketch = LatencySketch() }
        cutSlow()
        slow.reserveCapacity(slow.count)
        isChanged = true
    }

    // Version; per minute: count, then errors, total, longest and sketch if there were any; sketch of the hour; routes;
    // number of slow ones, those kept. All numbers are varints, texts have their length before them.

    func encode(app: String) -> [UInt8] {
        var out: [UInt8] = []
        out.appendVarint(RequestHour.version)
        for cell in cells {
            out.appendVarint(cell.count)
            if cell.count > 0 { RequestHour.append(cell, to: &out) }
        }
        sketch.encode(to: &out)
        out.appendVarint(routes.count)
        for route in routes {
            out.appendPrefixed(route.name)
            out.appendVarint(route.figures.count)
            RequestHour.append(route.figures, to: &out)
            out.appendVarint(route.slow)
        }
        out.appendVarint(slowCount)
        out.appendVarint(slow.count)
        for request in slow {
            out.appendZigzag(request.time)
            out.appendVarint(UInt64(max(request.microseconds, 0)))
            out.appendVarint(request.status)
            for text in [request.method, request.path, request.client, request.trace] { out.appendPrefixed(text) }
        }
        return out
    }

    private static func append(_ figures: RequestSummary, to out: inout [UInt8]) {
        out.appendVarint(figures.serverErrors)
        out.appendVarint(figures.clientErrors)
        out.appendVarint(figures.totalMicroseconds)
        out.appendVarint(UInt64(max(figures.maximumMicroseconds, 0)))
        figures.sketch.encode(to: &out)
    }

    init(_ bytes: [UInt8], app: String) throws(ReadError) {
        var reader = ByteReader(bytes)
        guard try reader.varint() == RequestHour.version else { throw ReadError("hour of another version", at: 0) }
        for index in cells.indices {
            let count = Int(clamping: try reader.varint())
            if count > 0 { cells[index] = try RequestHour.figures(count, &reader) }
        }
        sketch = try LatencySketch(&reader)
        for number in 0..<(try reader.count(limit: RequestHour.routesLimit)) {
            let name = try reader.prefixedText()
            let figures = try RequestHour.figures(Int(clamping: try reader.varint()), &reader)
            routes.append(Route(name: name, figures: figures, slow: Int(clamping: try reader.varint())))
            if name != RequestHour.otherRoute { routeNumbers[Hash.hash64([UInt8](name.utf8))] = number }
        }
        slowCount = Int(clamping: try reader.varint())
        for _ in 0..<(try reader.count(limit: 2 * RequestHour.slowLimit)) {
            let time = try reader.zigzag()
            let microseconds = Int64(clamping: try reader.varint())
            let status = Int(clamping: try reader.varint())
            slow.append(
                SlowRequest(
                    time: time, microseconds: microseconds, status: status, app: app,
                    method: try reader.prefixedText(), path: try reader.prefixedText(),
                    client: try reader.prefixedText(), trace: try reader.prefixedText()))
        }
    }

    private static func figures(_ count: Int, _ reader: inout ByteReader) throws(ReadError) -> RequestSummary {
        var figures = RequestSummary()
        figures.count = count
        figures.serverErrors = Int(clamping: try reader.varint())
        figures.clientErrors = Int(clamping: try reader.varint())
        figures.totalMicroseconds = try reader.varint()
        figures.maximumMicroseconds = Int64(clamping: try reader.varint())
        figures.sketch = try LatencySketch(&reader)
        return figures
    }
}
