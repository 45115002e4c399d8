import Bytes

/// Requests of one app in one hour. Bounded: minutes, routes and slow requests each have their limit.
struct RequestHour: Sendable {
    static let minutes = 60
    static let routesLimit = 200
    /// How many routes an hour keeps when it is no longer fresh.
    static let settledRoutesLimit = 100
    static let slowLimit = 1000
    /// How many slow requests an hour keeps when it is no longer fresh.
    static let settledSlowLimit = 50
    static let otherRoute = "(other)"

    struct Route: Sendable {
        var name: String
        var figures = RequestSummary()
        var slow = 0
        /// Its name in a journal, and in which one.
        var journal = JournalName()
    }

    /// Counts by minute; their sketches only while the hour is fresh.
    var cells = [RequestSummary](repeating: RequestSummary(), count: minutes)
    /// Durations of the whole hour that are in no minute's sketch.
    var sketch = LatencySketch()
    var routes: [Route] = []
    private var routeNumbers: [UInt64: Int] = [:]
    /// The slowest ones, in no order.
    var slow: [SlowRequest] = []
    /// All that were slow, also those not kept.
    var slowCount = 0
    private var quickestKept = Int64.min
    var isFresh = true

    init() {}

    /// Everything together.
    var total: RequestSummary {
        var sum = RequestSummary()
        for cell in cells where cell.count > 0 { sum.merge(cell) }
        sum.sketch.merge(sketch)
        return sum
    }

    /// Counts a request; the number of its route, or nil if it has none.
    mutating func add(
        _ microseconds: Int64, status: Int, minute: Int, route: borrowing ByteSpan, isSlow: Bool
    ) -> Int? {
        let bucket = LatencySketch.number(of: microseconds)
        cells[minute].add(microseconds, status: status)
        if isFresh { cells[minute].sketch.add(bucket: bucket) } else { sketch.add(bucket: bucket) }
        if isSlow { slowCount &+= 1 }
        guard route.count > 0 else { return nil }
        let number = routeNumber(route)
        routes[number].figures.add(microseconds, status: status)
        routes[number].figures.sketch.add(bucket: bucket)
        if isSlow { routes[number].slow &+= 1 }
        return number
    }

    private mutating func routeNumber(_ route: borrowing ByteSpan) -> Int {
        let hash = Hash.keyed64(route)
        if let known = routeNumbers[hash] { return known }
        let limit = isFresh ? RequestHour.routesLimit : RequestHour.settledRoutesLimit
        guard routes.count < limit else { return routes.count - 1 }
        let isLast = routes.count == limit - 1
        if !isLast { routeNumbers[hash] = routes.count }
        routes.append(Route(name: isLast ? RequestHour.otherRoute : route.text))
        return routes.count - 1
    }

    /// After `routes` was set.
    mutating func numberRoutes() {
        routeNumbers = [:]
        for (number, route) in routes.enumerated() where route.name != RequestHour.otherRoute {
            routeNumbers[Hash.keyed64([UInt8](route.name.utf8))] = number
        }
    }

    /// Whether a slow request of this duration would be kept.
    func keeps(_ microseconds: Int64) -> Bool { slow.count < slowLimit || microseconds > quickestKept }

    private var slowLimit: Int { isFresh ? RequestHour.slowLimit : RequestHour.settledSlowLimit }

    mutating func keep(_ request: SlowRequest) {
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
        for index in cells.indices where cells[index].count > 0 {
            sketch.merge(cells[index].sketch)
            cells[index].sketch = LatencySketch()
        }
        cutSlow()
        cutRoutes()
    }

    /// The busiest routes stay, the others become one.
    private mutating func cutRoutes() {
        guard routes.count >= RequestHour.settledRoutesLimit else { return }
        var other = Route(name: RequestHour.otherRoute)
        var busiest = routes.filter { $0.name != RequestHour.otherRoute }
        busiest.sort { ($0.figures.count, $1.name) > ($1.figures.count, $0.name) }
        let named = RequestHour.settledRoutesLimit - 1
        for route in routes.filter({ $0.name == RequestHour.otherRoute }) + busiest.dropFirst(named) {
            other.figures.merge(route.figures)
            other.slow &+= route.slow
        }
        routes = busiest.prefix(named) + [other]
        numberRoutes()
    }
}
