import Model

/// Counts by hour or by day since 1970: only units that have any, ascending.
struct UnitCounts: Hashable, Sendable {
    struct Item: Hashable, Sendable {
        var unit: Int64
        var count: Int
    }

    private(set) var items: [Item] = []

    mutating func add(_ unit: Int64, _ count: Int = 1) {
        var index = items.count
        while index > 0, items[index - 1].unit > unit { index -= 1 }
        if index > 0, items[index - 1].unit == unit {
            items[index - 1].count &+= count
        } else {
            items.insert(Item(unit: unit, count: count), at: index)
        }
    }

    subscript(unit: Int64) -> Int {
        for item in items.reversed() where item.unit <= unit { return item.unit == unit ? item.count : 0 }
        return 0
    }

    mutating func merge(_ other: UnitCounts) {
        for item in other.items { add(item.unit, item.count) }
    }

    mutating func dropBefore(_ unit: Int64) {
        if let first = items.first, first.unit < unit { items.removeAll { $0.unit < unit } }
    }

    /// Where the units are hours: those that a range touches.
    func count(in range: TimeRange) -> Int {
        items.reduce(0) { sum, hour in
            let start = hour.unit.multipliedReportingOverflow(by: Nanoseconds.perHour).partialValue
            return range.overlaps(first: start, last: start &+ Nanoseconds.perHour &- 1) ? sum + hour.count : sum
        }
    }

    var dictionary: [Int64: Int] {
        Dictionary(items.map { ($0.unit, $0.count) }, uniquingKeysWith: +)
    }
}

/// Counts by name, a few names at most.
struct NameCounts: Hashable, Sendable {
    struct Item: Hashable, Sendable {
        var name: String
        var count: Int
    }

    static let limit = 50

    private(set) var items: [Item] = []

    mutating func add(_ name: String, _ count: Int = 1) {
        guard !name.isEmpty else { return }
        for index in items.indices where items[index].name == name {
            items[index].count &+= count
            return
        }
        if items.count < NameCounts.limit { items.append(Item(name: name, count: count)) }
    }

    func has(_ name: String) -> Bool { index(of: name) != nil }

    func index(of name: String) -> Int? { items.firstIndex { $0.name == name } }

    mutating func merge(_ other: NameCounts) {
        for item in other.items { add(item.name, item.count) }
    }

    var dictionary: [String: Int] {
        Dictionary(items.map { ($0.name, $0.count) }, uniquingKeysWith: +)
    }
}

/// Names a group of a tenant.
struct GroupName: Hashable, Sendable {
    private static let overflowStart = "e_overflow_"

    let digest: UInt64
    /// Whether it counts errors beyond the limit of groups; `digest` is a hash of the app then.
    var isOverflow = false

    init(_ digest: UInt64) {
        self.digest = digest
    }

    init(overflowOf app: String) {
        digest = ErrorGroup.hash(app)
        isOverflow = true
    }

    init(digest: UInt64, isOverflow: Bool) {
        (self.digest, self.isOverflow) = (digest, isOverflow)
    }

    init?(_ text: some StringProtocol) {
        if text.hasPrefix(GroupName.overflowStart) {
            guard let digest = UInt64(text.dropFirst(GroupName.overflowStart.count), radix: 16) else { return nil }
            self.init(digest: digest, isOverflow: true)
        } else {
            guard text.utf8.count == 18, text.hasPrefix("e_"), let digest = UInt64(text.dropFirst(2), radix: 16) else {
                return nil
            }
            self.init(digest)
        }
    }

    /// `e_` and 16 hex digits.
    var text: String {
        let hex = String(digest, radix: 16)
        if isOverflow { return GroupName.overflowStart + hex }
        return "e_" + String(repeating: "0", count: 16 - hex.count) + hex
    }
}
