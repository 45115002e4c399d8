import Index
public import Model
import Synchronization

/// What people do with groups. The store has to save what observers hold before a change may be called done.
extension ErrorLog {
    public enum Change: Sendable {
        case resolve
        /// Until a time (nanoseconds since 1970) or a total count; 0: no such end.
        case ignore(until: Int64, count: Int)
        case reopen
        case assign(String)
        case comment
    }

    /// Applies a change; the group as it is then, or nil if there is none.
    public func apply(
        _ change: Change, to id: String, _ tenant: TenantID, by: String, comment: String, now: Int64
    ) -> ErrorGroup? {
        contents.withLock { contents in
            let key = contents.resolved(Key(tenant: tenant, id: id))
            guard var group = contents.groups[key] else { return nil }
            switch change {
            case .resolve: group.set(.resolved, at: now, by: by, comment: comment)
            case .ignore(let until, let count):
                group.set(.ignored, at: now, by: by, comment: comment)
                group.ignoredUntil = until
                group.ignoredCount = count > 0 ? group.count.addingReportingOverflow(count).partialValue : 0
            case .reopen: group.set(.unresolved, at: now, by: by, comment: comment)
            case .assign(let name):
                group.assignee = name
                group.isChanged = true
            case .comment:
                group.history.append(
                    ErrorHistoryEntry(
                        at: now, from: group.status.rawValue, to: group.status.rawValue, by: by, comment: comment))
                if group.history.count > ErrorGroup.historyLimit { group.history.removeFirst() }
                group.isChanged = true
            }
            contents.groups[key] = group
            return group
        }
    }

    /// Counts the errors of `id`, also later ones, in `target`.
    public func merge(_ id: String, into target: String, _ tenant: TenantID, by: String, now: Int64) -> ErrorGroup? {
        contents.withLock { contents in
            let from = Key(tenant: tenant, id: id)
            let to = contents.resolved(Key(tenant: tenant, id: target))
            guard from != to, var source = contents.groups[from], var group = contents.groups[to],
                source.mergedInto.isEmpty
            else { return nil }
            group.absorb(source)
            group.history.append(
                ErrorHistoryEntry(
                    at: now, from: group.status.rawValue, to: group.status.rawValue, by: by, comment: "merged \(id)"))
            source.mergedInto = to.id
            source.isChanged = true
            contents.groups[from] = source
            contents.groups[to] = group
            // What was merged into the source goes on to the target.
            for (key, other) in contents.groups where key.tenant == tenant && other.mergedInto == from.id {
                contents.groups[key]?.mergedInto = to.id
                contents.groups[key]?.isChanged = true
            }
            contents.memo.removeAll()
            return group
        }
    }

    /// Counts later errors of `id` in a group of its own again; those that were merged stay where they are.
    public func split(_ id: String, _ tenant: TenantID) -> ErrorGroup? {
        contents.withLock { contents in
            let key = Key(tenant: tenant, id: id)
            guard contents.groups[key]?.mergedInto.isEmpty == false else { return nil }
            contents.groups[key]?.mergedInto = ""
            contents.groups[key]?.isChanged = true
            contents.memo.removeAll()
            return contents.groups[key]
        }
    }

    /// Forgets a group; whether there was one.
    public func delete(_ id: String, _ tenant: TenantID) -> Bool {
        contents.withLock { contents in
            let key = contents.resolved(Key(tenant: tenant, id: id))
            return contents.drop(key)
        }
    }

    /// Forgets groups not seen since `time`; how many.
    public func deleteUnseen(since time: Int64, _ tenant: TenantID, app: String? = nil) -> Int {
        contents.withLock { contents in
            let old = contents.groups.filter {
                $0.key.tenant == tenant && $0.value.lastSeen < time && (app == nil || app == $0.value.app)
            }
            for key in old.keys { _ = contents.drop(key) }
            return old.count
        }
    }
}

extension ErrorLog.Contents {
    mutating func drop(_ key: ErrorLog.Key) -> Bool {
        guard let group = groups.removeValue(forKey: key) else { return false }
        groupCounts[key.tenant, default: 1] -= 1
        sampleBytes -= group.kept.reduce(0) { $0 + $1.sizeBytes }
        let name = ErrorLog.text(key)
        dropped.append(.delete(.errorGroup, key: name))
        dropped.append(.delete(.errorGroup, key: name + "/samples"))
        memo.removeAll()
        return true
    }
}

extension ErrorGroup {
    /// Adds what another group counted.
    mutating func absorb(_ other: ErrorGroup) {
        isChanged = true
        count &+= other.count
        firstSeen = min(firstSeen, other.firstSeen)
        lastSeen = max(lastSeen, other.lastSeen)
        hours.merge(other.hours, uniquingKeysWith: +)
        days.merge(other.days, uniquingKeysWith: +)
        levels.merge(other.levels, uniquingKeysWith: +)
        releases.merge(other.releases, uniquingKeysWith: +)
        environments.merge(other.environments, uniquingKeysWith: +)
        users.formUnion(other.users.prefix(ErrorGroup.usersLimit))
        for trace in other.traces where !traces.contains(trace) && traces.count < ErrorGroup.tracesLimit {
            traces.insert(trace, at: 0)
        }
    }
}
