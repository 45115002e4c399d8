import Bytes
import Model
import Synchronization

/// Counts values of labels by tenant and day, to find names that are no labels at all (storage rule 12). Committer
/// thread only. Bounded: a name is counted up to the limit, days beyond the newest 64 are forgotten.
struct LabelCardinality {
    /// Names that stay labels whatever happens: everything is found by them.
    static let protected: Set<String> = ["app", "level", "env", "service_name"]
    private static let dayLimit = 64

    private struct DayValues {
        var values: [String: Set<UInt64>] = [:]
        var streams: Set<UInt32> = []
    }

    let valuesLimit: Int
    let streamsLimit: Int
    private var days: [TenantDay: DayValues] = [:]

    init(valuesLimit: Int, streamsLimit: Int) {
        self.valuesLimit = valuesLimit
        self.streamsLimit = streamsLimit
    }

    /// Notes a stream that has rows of the day; the name that has too many values now, if there is one.
    mutating func note(_ number: UInt32, _ labels: LabelSet, _ key: TenantDay) -> String? {
        guard days[key, default: DayValues()].streams.insert(number).inserted else { return nil }
        if days.count > LabelCardinality.dayLimit, let oldest = days.keys.min() { days[oldest] = nil }
        var unbounded: String?
        for pair in labels.pairs where !LabelCardinality.protected.contains(pair.name) {
            var values = days[key]?.values.removeValue(forKey: pair.name) ?? []
            if values.count <= valuesLimit { values.insert(Hash.hash64([UInt8](pair.value.utf8).span, seed: 0)) }
            if values.count > valuesLimit { unbounded = pair.name }
            days[key]?.values[pair.name] = values
        }
        if unbounded == nil, (days[key]?.streams.count ?? 0) > streamsLimit {
            unbounded = days[key]?.values.max { ($0.value.count, $1.key) < ($1.value.count, $0.key) }?.key
            days[key]?.streams = []
        }
        return unbounded
    }

    /// A name that is no label any more need not be counted.
    mutating func forget(_ name: String, _ tenant: TenantID) {
        for key in days.keys where key.tenant == tenant { days[key]?.values[name] = nil }
    }

    mutating func dropDays(before oldest: Day) {
        days = days.filter { $0.key.day >= oldest }
    }
}

/// Label names that are kept as metadata from some moment on, by tenant. Sticky.
final class DemotedNames: Sendable {
    private let names: Mutex<[TenantID: [String]]>

    init(_ names: [TenantID: [String]]) {
        self.names = Mutex(names)
    }

    var all: [String] { names.withLock { names in Set(names.values.joined()).sorted() } }

    subscript(tenant: TenantID) -> [String] { names.withLock { $0[tenant] ?? [] } }

    /// Adds a name; false if it is there.
    func add(_ name: String, _ tenant: TenantID) -> Bool {
        names.withLock { names in
            if names[tenant]?.contains(name) == true { return false }
            names[tenant, default: []].append(name)
            names[tenant]?.sort()
            return true
        }
    }
}
