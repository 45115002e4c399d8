import Index
public import Model
import Synchronization

/// What people do with groups. The store has to save what observers hold before a change may be called done.
extension ErrorLog {
    public enum Change: Sendable {
        /// As of now, or in a release.
        case resolve(Resolution?)
        /// Until a time (nanoseconds since 1970), so many more occurrences, or so many more users; 0: no such end.
        case ignore(until: Int64, count: Int, users: Int)
        case reopen
        case assign(String)
        case comment
    }

    /// Applies a change; the group as it is then, or nil if there is none.
    public func apply(
        _ change: Change, to id: String, _ tenant: TenantID, by: String, comment: String, now: Int64
    ) -> ErrorGroup? {
        contents.withLock { contents in
            guard let slot = contents.slot(tenant, id), var group = contents.slots[slot] else { return nil }
            switch change {
            case .resolve(let resolution):
                group.set(.resolved, at: now, by: by, comment: comment)
                group.resolution = resolution
            case .ignore(let until, let count, let users):
                group.set(.ignored, at: now, by: by, comment: comment)
                group.ignoredUntil = until
                group.ignoredCount = count > 0 ? group.count.addingReportingOverflow(count).partialValue : 0
                group.ignoredUsers = users > 0 ? group.users.count + min(users, ErrorGroup.usersLimit) : 0
            case .reopen: group.set(.unresolved, at: now, by: by, comment: comment)
            case .assign(let name): group.assignee = name
            case .comment: group.remark(comment, by: by, now)
            }
            contents.slots[slot] = group
            contents.touch(slot)
            return group
        }
    }

    /// The newest release that errors of an app named, by version, else by time; nil if none did.
    public func newestRelease(_ tenant: TenantID, app: String) -> String? {
        contents.withLock { contents in
            guard let number = contents.tenantNumbers[tenant] else { return nil }
            var newest: (release: String, seen: Int64)?
            for slot in contents.slots.indices where contents.keys[slot].tenant == number {
                guard let group = contents.slots[slot], group.app == app, !group.lastRelease.isEmpty else { continue }
                guard let known = newest else {
                    newest = (group.lastRelease, group.lastSeen)
                    continue
                }
                let isLater =
                    switch ReleaseVersion.order(group.lastRelease, known.release) {
                    case .greater: true
                    case .less, .equal: false
                    case nil: group.lastSeen > known.seen
                    }
                if isLater { newest = (group.lastRelease, group.lastSeen) }
            }
            return newest?.release
        }
    }

    /// Counts the errors of `id`, also later ones, in `target`.
    public func merge(_ id: String, into target: String, _ tenant: TenantID, by: String, now: Int64) -> ErrorGroup? {
        contents.withLock { contents in
            guard let number = contents.tenantNumbers[tenant], let name = GroupName(id),
                let from = contents.numbers[Key(tenant: number, name: name)],
                let to = contents.slot(tenant, target), from != to, let source = contents.slots[from],
                var group = contents.slots[to], source.target == nil
            else { return nil }
            group.absorb(source)
            group.remark("merged \(id)", by: by, now)
            contents.slots[to] = group
            contents.slots[from]?.target = group.name
            contents.touch(from)
            contents.touch(to)
            // What was merged into the source goes on to the target.
            for slot in contents.slots.indices
            where contents.keys[slot].tenant == number && contents.slots[slot]?.target == name {
                contents.slots[slot]?.target = group.name
                contents.touch(slot)
            }
            contents.memo.removeAll()
            return group
        }
    }

    /// Counts later errors of `id` in a group of its own again; those that were merged stay where they are.
    public func split(_ id: String, _ tenant: TenantID) -> ErrorGroup? {
        contents.withLock { contents in
            guard let number = contents.tenantNumbers[tenant], let name = GroupName(id),
                let slot = contents.numbers[Key(tenant: number, name: name)], contents.slots[slot]?.target != nil
            else { return nil }
            contents.slots[slot]?.target = nil
            contents.touch(slot)
            contents.memo.removeAll()
            return contents.slots[slot]
        }
    }

    /// Forgets a group; whether there was one.
    public func delete(_ id: String, _ tenant: TenantID) -> Bool {
        contents.withLock { contents in
            guard let slot = contents.slot(tenant, id) else { return false }
            contents.drop(slot)
            return true
        }
    }

    /// Forgets groups not seen since `time`; how many.
    public func deleteUnseen(since time: Int64, _ tenant: TenantID, app: String? = nil) -> Int {
        contents.withLock { contents in
            guard let number = contents.tenantNumbers[tenant] else { return 0 }
            let old = contents.slots.indices.filter { slot in
                guard contents.keys[slot].tenant == number, let group = contents.slots[slot] else { return false }
                return group.lastSeen < time && (app == nil || app == group.app)
            }
            for slot in old { contents.drop(slot) }
            return old.count
        }
    }
}

extension ErrorLog.Contents {
    mutating func drop(_ slot: Int) {
        guard let group = slots[slot] else { return }
        let key = keys[slot]
        slots[slot] = nil
        numbers[key] = nil
        freeSlots.append(slot)
        groupCounts[key.tenant] -= 1
        pages.remove(group.kept)
        unsaved.records.insert(ErrorLog.record(key))
        unsaved.mustRewrite = true
        memo.removeAll()
    }
}

extension ErrorGroup {
    /// Adds what another group counted.
    mutating func absorb(_ other: ErrorGroup) {
        count &+= other.count
        firstSeen = min(firstSeen, other.firstSeen)
        lastSeen = max(lastSeen, other.lastSeen)
        absorbLevels(other)
        hourCounts.merge(other.hourCounts)
        dayCounts.merge(other.dayCounts)
        releaseCounts.merge(other.releaseCounts)
        environmentCounts.merge(other.environmentCounts)
        users = Array(Set(users).union(other.users).sorted().prefix(ErrorGroup.usersLimit))
        for trace in other.traces where !traces.contains(trace) && traces.count < ErrorGroup.tracesLimit {
            traces.insert(trace, at: 0)
        }
    }

    /// Before hours are added.
    private mutating func absorbLevels(_ other: ErrorGroup) {
        if levelHours.isEmpty, !levelCounts.items.isEmpty { levelHours = [hourCounts] }
        for (index, item) in other.levelCounts.items.enumerated() {
            levelCounts.add(item.name, item.count)
            guard let own = levelCounts.index(of: item.name) else { continue }
            if own == levelHours.count { levelHours.append(UnitCounts()) }
            levelHours[own].merge(other.levelHours.isEmpty ? other.hourCounts : other.levelHours[index])
        }
        if levelCounts.items.count < 2 { levelHours = [] }
    }

    /// Adds a comment to the history.
    mutating func remark(_ comment: String, by: String, _ now: Int64) {
        history.append(
            ErrorHistoryEntry(at: now, from: status.rawValue, to: status.rawValue, by: by, comment: comment))
        if history.count > ErrorGroup.historyLimit { history.removeFirst() }
    }
}
