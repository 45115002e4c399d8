import Bytes
import Model

/// The number of something in a journal.
struct JournalName: Sendable {
    /// Which journal; 0: none.
    var epoch: UInt32 = 0
    var number: UInt32 = 0
}

/// Requests that were counted since hours were written last: a few bytes each, where the hours themselves would be
/// many kilobytes. Each entry begins with its kind.
struct RequestJournal: Sendable {
    enum Kind: UInt8 {
        /// An hour of an app: hour (zigzag), tenant, app. The next number of hours is its.
        case hour
        /// A route: its name. The next number of routes is its.
        case route
        /// Number of the hour, minute, class of status (0, 4 or 5) with 16 if it was slow, microseconds, number of the
        /// route from 1 or 0.
        case request
        /// Number of the hour, the request.
        case slow
    }

    /// Beyond it nothing is added any more: all changed hours have to be written.
    private static let limitBytes = 4 << 20

    private(set) var bytes: [UInt8] = []
    private(set) var isFull = false
    private var epoch: UInt32 = 1
    private var hours: UInt32 = 0
    private var routes: UInt32 = 0

    /// Ends this journal and begins the next.
    mutating func next() {
        bytes.removeAll(keepingCapacity: bytes.capacity < 1 << 20)
        isFull = false
        epoch &+= 1
        if epoch == 0 { epoch = 1 }
        (hours, routes) = (0, 0)
    }

    private mutating func begins(_ kind: Kind) {
        bytes.append(kind.rawValue)
        if bytes.count > RequestJournal.limitBytes { isFull = true }
    }

    func knows(_ name: JournalName) -> Bool { name.epoch == epoch }

    mutating func name(_ slot: inout RequestLog.Slot) {
        guard !isFull, slot.journal.epoch != epoch else { return }
        slot.journal = JournalName(epoch: epoch, number: hours)
        hours += 1
        begins(.hour)
        bytes.appendZigzag(slot.hour)
        bytes.appendPrefixed(slot.key.tenant.name)
        bytes.appendPrefixed(slot.key.app)
    }

    mutating func name(_ route: inout RequestHour.Route) {
        guard !isFull, route.journal.epoch != epoch else { return }
        route.journal = JournalName(epoch: epoch, number: routes)
        routes += 1
        begins(.route)
        bytes.appendPrefixed(route.name)
    }

    mutating func add(
        _ hour: JournalName, _ route: JournalName?, _ microseconds: Int64, status: Int, minute: Int, isSlow: Bool
    ) {
        guard !isFull else { return }
        begins(.request)
        bytes.appendVarint(UInt64(hour.number))
        bytes.append(UInt8(truncatingIfNeeded: minute))
        bytes.append(UInt8(status >= 500 ? 5 : status >= 400 ? 4 : 0) | (isSlow ? 16 : 0))
        bytes.appendVarint(UInt64(max(microseconds, 0)))
        bytes.appendVarint(route.map { UInt64($0.number) + 1 } ?? 0)
    }

    mutating func add(_ hour: JournalName, _ request: SlowRequest) {
        guard !isFull else { return }
        begins(.slow)
        bytes.appendVarint(UInt64(hour.number))
        request.encode(to: &bytes)
    }
}

extension RequestLog.Contents {
    /// Counts what a journal holds; what follows a damaged place is left out.
    mutating func replay(_ bytes: [UInt8]) throws(ReadError) {
        var reader = ByteReader(bytes)
        var hours: [Int] = []
        var routes: [[UInt8]] = []
        func hour(_ number: UInt64) throws(ReadError) -> Int {
            guard number < UInt64(hours.count) else { throw ReadError("unknown hour", at: 0) }
            return hours[Int(number)]
        }
        while reader.offset < bytes.count {
            switch RequestJournal.Kind(rawValue: try reader.byte()) {
            case .hour:
                let hour = try reader.zigzag()
                let key = RequestLog.Key(
                    tenant: TenantID(try reader.prefixedText()), app: try reader.prefixedText())
                hours.append(number(key, hour))
            case .route: routes.append(try reader.prefixed())
            case .request:
                let slot = try hour(try reader.varint())
                let minute = try reader.byte()
                let kind = try reader.byte()
                let microseconds = Int64(clamping: try reader.varint())
                let route = try reader.varint()
                guard minute < RequestHour.minutes, route <= UInt64(routes.count) else {
                    throw ReadError("unknown route", at: reader.offset)
                }
                open(slot)
                _ = slots[slot].figures?.add(
                    microseconds, status: Int(kind & 15) * 100, minute: Int(minute),
                    route: (route > 0 ? routes[Int(route) - 1] : []).span, isSlow: kind & 16 > 0)
                slots[slot].isChanged = true
            case .slow:
                let slot = try hour(try reader.varint())
                let request = try SlowRequest(&reader, app: slots[slot].key.app)
                open(slot)
                slots[slot].figures?.keep(request)
                slots[slot].isChanged = true
            case nil: throw ReadError("unknown entry", at: reader.offset)
            }
        }
    }
}
