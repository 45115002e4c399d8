import Bytes
import Model

// Writing: everything here runs inside the transaction that `commit` opens.
extension CatalogTables {
    /// Applies `change` in one transaction.
    func commit(_ change: CatalogChange) throws(CatalogError) {
        let isDone: Bool
        do throws(DatabaseError) {
            isDone = try database.transaction { () throws(DatabaseError) -> Bool in
                if let lease = change.lease, try !isHeld(lease) { return false }
                try write(change)
                return true
            }
        } catch {
            // Numbers given out in the transaction that was undone do not exist. Should even this reading fail, the
            // connection is of no use and every later commit fails in its turn.
            do throws(DatabaseError) { try readNumbers() } catch {}
            throw CatalogError(error)
        }
        if !isDone, let lease = change.lease { throw .leaseLost(job: lease.job) }
    }

    private func write(_ change: CatalogChange) throws(DatabaseError) {
        try database.execute("UPDATE meta SET value = value + 1 WHERE key = 'revision'")
        let revision = try revision()
        try forget(change.forget)
        try add(change.add, revision: revision)
        try markDead(change.markDead, revision: revision)
        try uncover(change.uncover)
        try cover(change.cover)
        try addBatchKeys(change.batchKeys)
    }

    private func forget(_ ids: [Hash128]) throws(DatabaseError) {
        guard !ids.isEmpty else { return }
        let part = try database.prepare("DELETE FROM part WHERE id = ?1 AND state = 'dead'")
        let streams = try database.prepare(
            "DELETE FROM part_streams WHERE part = ?1 AND NOT EXISTS (SELECT 1 FROM part WHERE id = ?1)")
        for id in ids {
            try part.bind(1, id.bytes)
            try part.run()
            try streams.bind(1, id.bytes)
            try streams.run()
        }
    }

    private func add(_ parts: [AddedPart], revision: UInt64) throws(DatabaseError) {
        guard !parts.isEmpty else { return }
        try registerStreams(of: parts)
        let row = try database.prepare(
            """
            INSERT INTO part(id, store, tenant, day, generation, rows, raw_bytes, file_bytes, blocks, first_time,
                last_time, is_unclean, coverage, inputs, state, revision, crc)
            VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, 'live', ?15, ?16)
            """)
        let streams = try database.prepare("INSERT INTO part_streams(part, statistics, crc) VALUES(?1, ?2, ?3)")
        for part in parts {
            let summary = part.summary
            try bind(summary, to: row, revision: revision)
            try row.run()
            let tenant = try number(of: summary.tenant)
            var entries: [PartStreamsBlob.Entry] = []
            entries.reserveCapacity(part.streams.count)
            for stream in part.streams {
                guard let known = knownStreams[StreamKey(tenant: tenant, hash: stream.hash)] else { continue }
                entries.append(
                    PartStreamsBlob.Entry(
                        stream: known.number, rows: stream.rows, rawBytes: stream.rawBytes,
                        firstTime: stream.firstTime, lastTime: stream.lastTime))
            }
            let blob = PartStreamsBlob.encode(entries)
            try streams.bind(1, summary.id.bytes)
            try streams.bind(2, blob)
            try streams.bind(3, Int64(Checksum.crc32c(blob)))
            try streams.run()
        }
    }

    private func bind(_ summary: PartSummary, to row: borrowing Statement, revision: UInt64) throws(DatabaseError) {
        var coverage: [UInt8] = []
        summary.coverage.append(to: &coverage)
        var inputs: [UInt8] = []
        for input in summary.inputs { inputs.append(contentsOf: input.bytes) }
        try row.bind(1, summary.id.bytes)
        try row.bind(2, summary.storeID.bytes)
        try row.bind(3, try number(of: summary.tenant))
        try row.bind(4, Int64(summary.day.number))
        try row.bind(5, Int64(summary.generation))
        try row.bind(6, summary.rows)
        try row.bind(7, summary.rawBytes)
        try row.bind(8, summary.fileBytes)
        try row.bind(9, Int64(summary.blocks))
        try row.bind(10, summary.firstTime)
        try row.bind(11, summary.lastTime)
        try row.bind(12, Int64(summary.isUnclean ? 1 : 0))
        try row.bind(13, coverage)
        try row.bind(14, inputs)
        try row.bind(15, revision)
        try row.bind(16, Int64(summary.checksum(coverage: coverage, inputs: inputs)))
    }

    private func markDead(_ ids: [Hash128], revision: UInt64) throws(DatabaseError) {
        guard !ids.isEmpty else { return }
        let statement = try database.prepare(
            "UPDATE part SET state = 'dead', revision = ?2 WHERE id = ?1 AND state = 'live'")
        for id in ids {
            try statement.bind(1, id.bytes)
            try statement.bind(2, revision)
            try statement.run()
        }
    }

    private func uncover(_ days: [DayCoverage]) throws(DatabaseError) {
        for day in days {
            var coverage = try self.coverage(tenant: day.tenant, day: day.day)
            coverage.subtract(day.coverage)
            try store(coverage, tenant: day.tenant, day: day.day)
        }
    }

    private func cover(_ days: [DayCoverage]) throws(DatabaseError) {
        guard !days.isEmpty else { return }
        // Compared unsigned: with the sign bit set a number is higher than any without.
        let writer = try database.prepare(
            """
            INSERT INTO writer(id, highest) VALUES(?1, ?2) ON CONFLICT(id) DO UPDATE SET highest = ?2
            WHERE (?2 < 0) > (highest < 0) OR ((?2 < 0) = (highest < 0) AND ?2 > highest)
            """)
        for day in days {
            var coverage = try self.coverage(tenant: day.tenant, day: day.day)
            coverage.formUnion(day.coverage)
            try store(coverage, tenant: day.tenant, day: day.day)
            for interval in day.coverage.intervals {
                try writer.bind(1, interval.writer)
                try writer.bind(2, interval.through)
                try writer.run()
            }
        }
    }

    private func store(_ coverage: Coverage, tenant: TenantID, day: Day) throws(DatabaseError) {
        let statement = try database.prepare(
            "INSERT OR REPLACE INTO covered(tenant, day, coverage, crc) VALUES(?1, ?2, ?3, ?4)")
        var blob: [UInt8] = []
        coverage.append(to: &blob)
        try statement.bind(1, try number(of: tenant))
        try statement.bind(2, Int64(day.number))
        try statement.bind(3, blob)
        try statement.bind(4, Int64(Checksum.crc32c(blob)))
        try statement.run()
    }

    private func addBatchKeys(_ records: [BatchKeyRecord]) throws(DatabaseError) {
        guard let newest = records.map(\.time).max() else { return }
        let kept = records.suffix(BatchKeyRecord.capacity)
        let blob = BatchKeysBlob.encode(kept)
        let insert = try database.prepare(
            "INSERT INTO batch_keys(newest, keys, crc, content) VALUES(?1, ?2, ?3, ?4)")
        try insert.bind(1, newest)
        try insert.bind(2, Int64(kept.count))
        try insert.bind(3, Int64(Checksum.crc32c(blob)))
        try insert.bind(4, blob)
        try insert.run()

        let expired = try database.prepare("DELETE FROM batch_keys WHERE newest <= ?1")
        let (oldest, overflow) = newest.subtractingReportingOverflow(BatchKeyRecord.lifetimeNanoseconds)
        try expired.bind(1, overflow ? Int64.min : oldest)
        try expired.run()
        // Blobs that lie beyond the newest `capacity` keys entirely; the oldest kept one is cut when it is read.
        let surplus = try database.prepare(
            """
            DELETE FROM batch_keys WHERE id IN (SELECT id FROM (
                SELECT id, sum(keys) OVER (ORDER BY id DESC) - keys AS newer FROM batch_keys) WHERE newer >= ?1)
            """)
        try surplus.bind(1, Int64(BatchKeyRecord.capacity))
        try surplus.run()
    }

    /// Claims `job` by the rules of `Catalog.claim`.
    func claim(job: String, owner: UInt64, ttlSeconds: Int, now: Int64) throws(DatabaseError) -> Lease? {
        try database.transaction { () throws(DatabaseError) -> Lease? in
            let row = try database.prepare("SELECT owner, token, until FROM lease WHERE job = ?1")
            try row.bind(1, job)
            var token: UInt64 = 1
            if try row.step() {
                let isOwn = row.uint64(0) == owner
                guard isOwn || row.int64(2) <= now else { return nil }
                token = isOwn ? row.uint64(1) : row.uint64(1) &+ 1
            }
            row.reset()
            let (ttl, tooLong) = Int64(max(ttlSeconds, 0)).multipliedReportingOverflow(by: Nanoseconds.perSecond)
            let (end, tooLate) = now.addingReportingOverflow(ttl)
            let lease = Lease(job: job, owner: owner, token: token, until: tooLong || tooLate ? .max : end)
            let write = try database.prepare(
                "INSERT OR REPLACE INTO lease(job, owner, token, until) VALUES(?1, ?2, ?3, ?4)")
            try write.bind(1, job)
            try write.bind(2, owner)
            try write.bind(3, token)
            try write.bind(4, lease.until)
            try write.run()
            return lease
        }
    }

    private func isHeld(_ lease: Lease) throws(DatabaseError) -> Bool {
        let row = try database.prepare("SELECT 1 FROM lease WHERE job = ?1 AND owner = ?2 AND token = ?3")
        try row.bind(1, lease.job)
        try row.bind(2, lease.owner)
        try row.bind(3, lease.token)
        return try row.step()
    }
}
