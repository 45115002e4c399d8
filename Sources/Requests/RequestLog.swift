import Bytes
import Model
public import Store
import Synchronization

/// Requests of all tenants, by app and hour: fills itself from rows, answers from memory.
public final class RequestLog: RowObserver {
    /// Hours of an app, counted back from its newest, that keep everything they can.
    static let freshHours: Int64 = 2
    static let appsLimit = 1000
    static let otherApp = "(other)"
    /// Labels that name an app, in order.
    private static let appLabels = ["app", "service_name", "service", "job"]
    /// Rows observed before readers have their turn.
    private static let pieceRows = 512

    struct Key: Hashable, Sendable {
        let tenant: TenantID
        let app: String
    }

    /// An app's hour.
    struct Slot: Sendable {
        let key: Key
        let hour: Int64
        /// nil: it is as it is stored.
        var figures: RequestHour?
        var packed: [UInt8] = []
        var isChanged = false
        var journal = JournalName()
    }

    struct SlotName: Hashable, Sendable {
        let key: Key
        let hour: Int64
    }

    /// Where the last request of a stream was counted.
    struct Place: Sendable {
        let hour: Int64
        let slot: Int
    }

    struct Contents: Sendable {
        var slots: [Slot] = []
        var numbers: [SlotName: Int] = [:]
        /// The newest hour of each app.
        var newest: [Key: Int64] = [:]
        var unsaved = Unsaved()
        var reader = RequestReader()
        var route: [UInt8] = []
        /// By stream ordinal of the rows that are observed.
        var places: [Place?] = []
    }

    let contents = Mutex(Contents())
    /// Durations beyond it are slow, in microseconds.
    public let slowMicroseconds: Int64

    /// - Parameter slowMilliseconds: durations beyond it are slow.
    public init(slowMilliseconds: Int = 500) {
        slowMicroseconds = Int64(clamping: slowMilliseconds).multipliedReportingOverflow(by: 1000).partialValue
    }

    // MARK: rows

    public func observe(_ observed: ObservedRows) {
        var hidden = observed.hidden[...]
        contents.withLock { $0.places = [Place?](repeating: nil, count: observed.streams.count) }
        for start in stride(from: observed.range.lowerBound, to: observed.range.upperBound, by: RequestLog.pieceRows) {
            let end = min(start + RequestLog.pieceRows, observed.range.upperBound)
            contents.withLock { contents in
                observed.rows.read { entries, arena in
                    for index in start..<end {
                        if hidden.first == index {
                            hidden.removeFirst()
                            continue
                        }
                        contents.take(entries[index], arena, observed, slowMicroseconds)
                    }
                }
            }
        }
    }

    static func app(of labels: LabelSet) -> String {
        for name in appLabels {
            if let value = labels.value(of: name) { return value }
        }
        return "unknown"
    }

    /// The hour of a time, since 1970, rounded down.
    static func hour(of time: Int64) -> Int64 { floored(time, Nanoseconds.perHour) }

    static func floored(_ time: Int64, _ unit: Int64) -> Int64 {
        time % unit < 0 ? time / unit - 1 : time / unit
    }
}

extension RequestLog.Contents {
    func slots(_ tenant: TenantID, _ app: String?) -> some Sequence<RequestLog.Slot> {
        slots.lazy.filter { $0.key.tenant == tenant && (app == nil || app == $0.key.app) }
    }

    mutating func append(_ slot: RequestLog.Slot) {
        numbers[RequestLog.SlotName(key: slot.key, hour: slot.hour)] = slots.count
        newest[slot.key] = max(newest[slot.key] ?? .min, slot.hour)
        slots.append(slot)
    }

    /// Hours that are no longer recent go small.
    mutating func settle() {
        for index in slots.indices where slots[index].figures?.isFresh == true {
            let slot = slots[index]
            if slot.hour <= (newest[slot.key] ?? .min) &- RequestLog.freshHours {
                slots[index].figures?.settle()
                slots[index].isChanged = true
            }
        }
    }

    /// The slot of an app's hour; made if there is none.
    mutating func number(_ key: RequestLog.Key, _ hour: Int64) -> Int {
        if let known = numbers[RequestLog.SlotName(key: key, hour: hour)] { return known }
        append(RequestLog.Slot(key: key, hour: hour, figures: RequestHour()))
        settle()
        return slots.count - 1
    }

    /// The slot for a row of stream `ordinal` at `hour`.
    private mutating func slot(_ ordinal: Int, _ hour: Int64, _ observed: ObservedRows) -> Int {
        if let place = places[ordinal], place.hour == hour { return place.slot }
        var key = RequestLog.Key(tenant: observed.tenant, app: RequestLog.app(of: observed.streams[ordinal]))
        if newest[key] == nil, newest.count >= RequestLog.appsLimit {
            key = RequestLog.Key(tenant: observed.tenant, app: RequestLog.otherApp)
        }
        let number = number(key, hour)
        places[ordinal] = RequestLog.Place(hour: hour, slot: number)
        return number
    }

    /// Looks at one row and counts it if it is a request.
    mutating func take(
        _ entry: RowEntry, _ arena: borrowing ByteSpan, _ observed: ObservedRows, _ slowMicroseconds: Int64
    ) {
        let line = arena.extracting(entry.line)
        let metadata = arena.extracting(entry.metadata)
        var isMetadata = false
        var found = reader.read(line)
        if found == nil, let other = reader.readMetadata(metadata) {
            found = other
            isMetadata = true
        }
        guard let found else { return }
        let slot = slot(Int(entry.stream), RequestLog.hour(of: entry.time), observed)
        if isMetadata {
            add(found, entry.time, metadata, metadata, slot, slowMicroseconds)
        } else if found.isNested {
            let nested = reader.nested
            add(found, entry.time, nested.span, metadata, slot, slowMicroseconds)
        } else {
            add(found, entry.time, line, metadata, slot, slowMicroseconds)
        }
    }

    private mutating func add(
        _ found: RequestFields, _ time: Int64, _ text: borrowing ByteSpan, _ metadata: borrowing ByteSpan,
        _ slot: Int, _ slowMicroseconds: Int64
    ) {
        var route = exchange(&self.route, with: [])
        defer { self.route = exchange(&route, with: []) }
        route.removeAll(keepingCapacity: true)
        if let path = found.path {
            if let method = found.method {
                route.append(span: text.extracting(bounded(method, 16)))
                route.append(0x20)
            }
            RouteText.appendTemplate(text.extracting(path), to: &route)
        }
        let hour = slots[slot].hour
        let minute = Int(clamping: RequestLog.floored(time, Nanoseconds.perMinute) &- hour &* 60)
        let isSlow = found.microseconds > slowMicroseconds
        count(found, minute: min(max(minute, 0), RequestHour.minutes - 1), route.span, slot, isSlow: isSlow)
        guard isSlow, slots[slot].figures?.keeps(found.microseconds) == true else { return }
        var trace = found.trace.map { text.extracting(bounded($0)).text } ?? ""
        if trace.isEmpty { trace = LabelSet.traceID(in: metadata) }
        let request = SlowRequest(
            time: time, microseconds: found.microseconds, status: found.status, app: slots[slot].key.app,
            method: found.method.map { text.extracting(bounded($0)).text } ?? "",
            path: found.path.map { text.extracting(bounded($0)).text } ?? "",
            client: found.client.map { text.extracting(bounded($0)).text } ?? "", trace: trace)
        slots[slot].figures?.keep(request)
        unsaved.journal.add(slots[slot].journal, request)
    }

    private mutating func count(
        _ found: RequestFields, minute: Int, _ route: borrowing ByteSpan, _ slot: Int, isSlow: Bool
    ) {
        open(slot)
        slots[slot].isChanged = true
        unsaved.journal.name(&slots[slot])
        var name: JournalName?
        if let number = slots[slot].figures?.add(
            found.microseconds, status: found.status, minute: minute, route: route, isSlow: isSlow)
        {
            if var added = slots[slot].figures?.routes[number], !unsaved.journal.knows(added.journal) {
                unsaved.journal.name(&added)
                slots[slot].figures?.routes[number].journal = added.journal
            }
            name = slots[slot].figures?.routes[number].journal
        }
        unsaved.journal.add(
            slots[slot].journal, name, found.microseconds, status: found.status, minute: minute, isSlow: isSlow)
    }

    /// At most `limit` bytes of a text.
    private func bounded(_ range: Range<Int>, _ limit: Int = 512) -> Range<Int> {
        range.lowerBound..<min(range.upperBound, range.lowerBound + limit)
    }
}
