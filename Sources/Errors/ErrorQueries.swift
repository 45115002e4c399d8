public import Model
import Synchronization

/// Which groups are wanted, and in what order.
public struct ErrorFilter: Sendable {
    public enum Order: String, Sendable, CaseIterable {
        case lastSeen = "last_seen"
        case firstSeen = "first_seen"
        case count, users, trend
    }

    /// nil: all.
    public var status: ErrorStatus?
    public var app: String?
    public var environment: String?
    public var release: String?
    public var level: String?
    public var type: String?
    /// Part of type, message or culprit, in any case.
    public var text: String?
    public var trace: String?
    /// Seen in it; nil: whenever.
    public var range: TimeRange?
    public var order = Order.lastSeen
    public var isAscending = false

    public init() {}

    func matches(_ group: ErrorGroup) -> Bool {
        group.target == nil && (status.map { $0 == group.status } ?? true)
            && (app.map { $0 == group.app } ?? true)
            && (environment.map { group.environmentCounts.has($0) } ?? true)
            && (release.map { group.releaseCounts.has($0) } ?? true)
            && (level.map { group.levelCounts.has($0) } ?? true)
            && (type.map { $0 == group.type } ?? true)
            && (trace.map { group.traces.contains($0) } ?? true)
            && (range.map { isSeen(group, in: $0) } ?? true)
            && (text.map { wanted in
                let wanted = wanted.lowercased()
                return [group.type, group.message, group.culprit].contains { $0.lowercased().contains(wanted) }
            } ?? true)
    }

    private func isSeen(_ group: ErrorGroup, in range: TimeRange) -> Bool {
        range.contains(group.lastSeen) || range.contains(group.firstSeen) || group.count(in: range) > 0
    }
}

extension ErrorLog {
    /// Groups that pass the filter, in its order.
    public func list(_ tenant: TenantID, _ filter: ErrorFilter = ErrorFilter()) -> [ErrorGroup] {
        let range = filter.range ?? .all
        var found: [(group: ErrorGroup, windowCount: Int)] = contents.withLock { contents in
            guard let number = contents.tenantNumbers[tenant] else { return [] }
            var found: [(group: ErrorGroup, windowCount: Int)] = []
            for (slot, group) in contents.slots.enumerated() where contents.keys[slot].tenant == number {
                guard let group, filter.matches(group) else { continue }
                found.append((group, group.count(in: range)))
            }
            return found
        }
        found.sort { a, b in
            let isBefore: Bool
            switch filter.order {
            case .lastSeen: isBefore = (a.group.lastSeen, a.group.name.digest) > (b.group.lastSeen, b.group.name.digest)
            case .firstSeen:
                isBefore = (a.group.firstSeen, a.group.name.digest) > (b.group.firstSeen, b.group.name.digest)
            case .count:

                isBefore =
                    (a.windowCount, a.group.count, a.group.name.digest)
                    > (b.windowCount, b.group.count, b.group.name.digest)
            case .users:
                isBefore = (a.group.userCount, a.group.name.digest) > (b.group.userCount, b.group.name.digest)
            case .trend: isBefore = (a.windowCount, a.group.lastSeen) > (b.windowCount, b.group.lastSeen)
            }
            return isBefore
        }
        let groups = found.map(\.group)
        return filter.isAscending ? groups.reversed() : groups
    }

    /// A group by its id, or by that of one that was merged into it.
    public func group(_ tenant: TenantID, _ id: String) -> ErrorGroup? {
        contents.withLock { contents in contents.slot(tenant, id).flatMap { contents.slots[$0] } }
    }

    /// All occurrences of the hours that a range touches: by hour since 1970.
    public func hours(_ tenant: TenantID, app: String? = nil, in range: TimeRange) -> [Int64: Int] {
        var sums: [Int64: Int] = [:]
        for group in list(tenant) where app.map({ $0 == group.app }) ?? true {
            for hour in group.hourCounts.items {
                let start = hour.unit.multipliedReportingOverflow(by: Nanoseconds.perHour).partialValue
                if range.overlaps(first: start, last: start &+ Nanoseconds.perHour &- 1) {
                    sums[hour.unit, default: 0] += hour.count
                }
            }
        }
        return sums
    }
}
