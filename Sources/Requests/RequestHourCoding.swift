import Bytes

// An hour in the state store. First what figures need: version; whether it is fresh; how many minutes have requests,
// and of each its distance from the one before, count, errors, total, longest and, while fresh, its sketch; sketch of
// the hour; number of slow ones. Then size, and compressed the rest: routes and the slow requests that are kept.
// All numbers are varints, texts have their length before them.

extension RequestHour {
    static let version: UInt64 = 2
    private static let detailsLimit = 16 << 20

    /// How much of an hour is wanted.
    enum Part {
        case figures, all
    }

    func encode() -> [UInt8] {
        var out: [UInt8] = []
        out.appendVarint(RequestHour.version)
        out.append(isFresh ? 1 : 0)
        let used = cells.indices.filter { cells[$0].count > 0 }
        out.appendVarint(used.count)
        var last = 0
        for minute in used {
            out.appendVarint(minute - last)
            RequestHour.append(cells[minute], to: &out)
            if isFresh { cells[minute].sketch.encode(to: &out) }
            last = minute
        }
        sketch.encode(to: &out)
        out.appendVarint(slowCount)
        let details = encodedDetails()
        out.appendVarint(details.count)
        if let packed = try? Codec.best.compress(details.span) { out.append(contentsOf: packed) }
        return out
    }

    private func encodedDetails() -> [UInt8] {
        var out: [UInt8] = []
        out.appendVarint(routes.count)
        for route in routes {
            out.appendPrefixed(route.name)
            RequestHour.append(route.figures, to: &out)
            route.figures.sketch.encode(to: &out)
            out.appendVarint(route.slow)
        }
        out.appendVarint(slow.count)
        for request in slow { request.encode(to: &out) }
        return out
    }

    private static func append(_ figures: RequestSummary, to out: inout [UInt8]) {
        out.appendVarint(figures.count)
        out.appendVarint(figures.serverErrors)
        out.appendVarint(figures.clientErrors)
        out.appendVarint(figures.totalMicroseconds)
        out.appendVarint(UInt64(max(figures.maximumMicroseconds, 0)))
    }

    init(_ bytes: [UInt8], app: String, _ part: Part = .all) throws(ReadError) {
        var reader = ByteReader(bytes)
        guard try reader.varint() == RequestHour.version else { throw ReadError("hour of another version", at: 0) }
        isFresh = try reader.byte() == 1
        var minute = 0
        for _ in 0..<(try reader.count(limit: RequestHour.minutes)) {
            minute += try reader.count(limit: RequestHour.minutes)
            guard minute < RequestHour.minutes else { throw ReadError("minute beyond the hour", at: reader.offset) }
            cells[minute] = try RequestHour.figures(&reader)
            if isFresh { cells[minute].sketch = try LatencySketch(&reader) }
        }
        sketch = try LatencySketch(&reader)
        slowCount = Int(clamping: try reader.varint())
        guard part == .all else { return }
        let size = try reader.count(limit: RequestHour.detailsLimit)
        let packed = bytes.span.extracting(reader.offset..<bytes.count)
        guard let details = try? Codec.best.decompress(packed, rawSize: size) else {
            throw ReadError("routes cannot be read", at: reader.offset)
        }
        var rest = ByteReader(details)
        for _ in 0..<(try rest.count(limit: RequestHour.routesLimit)) {
            var route = Route(name: try rest.prefixedText())
            route.figures = try RequestHour.figures(&rest)
            route.figures.sketch = try LatencySketch(&rest)
            route.slow = Int(clamping: try rest.varint())
            routes.append(route)
        }
        numberRoutes()
        for _ in 0..<(try rest.count(limit: 2 * RequestHour.slowLimit)) {
            slow.append(try SlowRequest(&rest, app: app))
        }
    }

    private static func figures(_ reader: inout ByteReader) throws(ReadError) -> RequestSummary {
        var figures = RequestSummary()
        figures.count = Int(clamping: try reader.varint())
        figures.serverErrors = Int(clamping: try reader.varint())
        figures.clientErrors = Int(clamping: try reader.varint())
        figures.totalMicroseconds = try reader.varint()
        figures.maximumMicroseconds = Int64(clamping: try reader.varint())
        return figures
    }
}

extension SlowRequest {
    func encode(to out: inout [UInt8]) {
        out.appendZigzag(time)
        out.appendVarint(UInt64(max(microseconds, 0)))
        out.appendVarint(status)
        for text in [method, path, client, trace] { out.appendPrefixed(text) }
    }

    init(_ reader: inout ByteReader, app: String) throws(ReadError) {
        self.init(
            time: try reader.zigzag(), microseconds: Int64(clamping: try reader.varint()),
            status: Int(clamping: try reader.varint()), app: app, method: try reader.prefixedText(),
            path: try reader.prefixedText(), client: try reader.prefixedText(), trace: try reader.prefixedText())
    }
}
