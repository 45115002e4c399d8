import Bytes
import Model

// Reading: every row is checked on the way, a wrong one is damage of the whole catalog.
extension CatalogTables {
    private static let partColumns = """
        id, store, tenant, day, generation, rows, raw_bytes, file_bytes, blocks, first_time, last_time, is_unclean,
        coverage, inputs, state, crc
        """

    func load(storeID: Hash128, now: Int64) throws(DatabaseError) -> CatalogState {
        var state = CatalogState(storeID: storeID, revision: try revision())
        let parts = try database.prepare("SELECT \(Self.partColumns) FROM part ORDER BY tenant, day, id")
        while try parts.step() { state.parts.append(try part(from: parts)) }
        let days = try database.prepare("SELECT tenant, day, coverage, crc FROM covered")
        while try days.step() {
            let tenant = try tenant(days.int64(0))
            let day = Day(number: Int32(clamping: days.int64(1)))
            let coverage = try self.coverage(days.bytes(2), crc: days.int64(3))
            state.covered.append(DayCoverage(tenant: tenant, day: day, coverage: coverage))
        }
        let streams = try database.prepare("SELECT tenant, hash, labels FROM stream ORDER BY id")
        while try streams.step() {
            let labels = LabelSet(canonical: streams.bytes(2))
            guard let hash = Hash128(bytes: streams.bytes(1)), labels.hash == hash else {
                throw damage("labels of stream \(labels) do not match their hash")
            }
            state.streams.append(CatalogStream(tenant: try tenant(streams.int64(0)), hash: hash, labels: labels))
        }
        let writers = try database.prepare("SELECT id, highest FROM writer")
        while try writers.step() { state.highestSequences[writers.uint64(0)] = writers.uint64(1) }
        state.batchKeys = try batchKeys(now: now)
        return state
    }

    func parts(tenant: TenantID, days: ClosedRange<Day>) throws(DatabaseError) -> [PartSummary] {
        guard let number = tenantNumbers[tenant] else { return [] }
        let rows = try database.prepare(
            """
            SELECT \(Self.partColumns) FROM part
            WHERE tenant = ?1 AND day BETWEEN ?2 AND ?3 AND state <> 'dead' ORDER BY day, id
            """)
        try rows.bind(1, number)
        try rows.bind(2, Int64(days.lowerBound.number))
        try rows.bind(3, Int64(days.upperBound.number))
        var summaries: [PartSummary] = []
        while try rows.step() { summaries.append(try part(from: rows).summary) }
        return summaries
    }

    func changes(since revision: UInt64) throws(DatabaseError) -> CatalogChanges {
        var changes = CatalogChanges(revision: try self.revision(), parts: [])
        let rows = try database.prepare(
            "SELECT \(Self.partColumns) FROM part WHERE revision > ?1 ORDER BY revision, id")
        try rows.bind(1, Int64(clamping: revision))
        while try rows.step() { changes.parts.append(try part(from: rows)) }
        return changes
    }

    func coverage(tenant: TenantID, day: Day) throws(DatabaseError) -> Coverage {
        guard let number = tenantNumbers[tenant] else { return Coverage() }
        let row = try database.prepare("SELECT coverage, crc FROM covered WHERE tenant = ?1 AND day = ?2")
        try row.bind(1, number)
        try row.bind(2, Int64(day.number))
        return try row.step() ? try coverage(row.bytes(0), crc: row.int64(1)) : Coverage()
    }

    func streams(tenant: TenantID, name: String, value: String) throws(DatabaseError) -> [LabelSet] {
        guard let number = tenantNumbers[tenant] else { return [] }
        let rows = try database.prepare(
            """
            SELECT labels FROM label_pair
            JOIN posting ON posting.pair = label_pair.id JOIN stream ON stream.id = posting.stream
            WHERE label_pair.tenant = ?1 AND name = ?2 AND value = ?3 ORDER BY stream.id
            """)
        try rows.bind(1, number)
        try rows.bind(2, name)
        try rows.bind(3, value)
        var found: [LabelSet] = []
        while try rows.step() { found.append(LabelSet(canonical: rows.bytes(0))) }
        return found
    }

    /// Streams of `parts`, all of one tenant, with the counts of equal ones added up.
    func statistics(of parts: [Hash128]) throws(DatabaseError) -> [StreamStatistics] {
        var totals: [Int64: PartStreamsBlob.Entry] = [:]
        let row = try database.prepare("SELECT statistics, crc FROM part_streams WHERE part = ?1")
        for part in parts {
            try row.bind(1, part.bytes)
            defer { row.reset() }
            guard try row.step() else { continue }
            let bytes = row.bytes(0)
            guard Int64(Checksum.crc32c(bytes)) == row.int64(1) else { throw damage("statistics of part \(part.hex)") }
            let blob = try decoded("statistics of part \(part.hex)") { () throws(ReadError) in
                try PartStreamsBlob(bytes)
            }
            for entry in blob.entries { totals[entry.stream] = totals[entry.stream]?.adding(entry) ?? entry }
        }
        let labels = try database.prepare("SELECT hash, labels FROM stream WHERE id = ?1")
        var statistics: [StreamStatistics] = []
        for (number, total) in totals.sorted(by: { $0.key < $1.key }) {
            try labels.bind(1, number)
            defer { labels.reset() }
            guard try labels.step(), let hash = Hash128(bytes: labels.bytes(0)) else {
                throw damage("statistics of an unknown stream \(number)")
            }
            statistics.append(
                StreamStatistics(
                    hash: hash, labels: LabelSet(canonical: labels.bytes(1)), rows: total.rows,
                    rawBytes: total.rawBytes, firstTime: total.firstTime, lastTime: total.lastTime))
        }
        return statistics
    }

    private func part(from row: borrowing Statement) throws(DatabaseError) -> CatalogPart {
        guard let id = Hash128(bytes: row.bytes(0)), let store = Hash128(bytes: row.bytes(1)) else {
            throw damage("part with a broken id")
        }
        let coverageBytes = row.bytes(12)
        let inputBytes = row.bytes(13)
        var summary = PartSummary(
            id: id, storeID: store, tenant: try tenant(row.int64(2)), day: Day(number: Int32(clamping: row.int64(3))),
            generation: UInt32(clamping: row.int64(4)), rows: row.uint64(5), rawBytes: row.uint64(6),
            fileBytes: row.uint64(7), blocks: UInt32(clamping: row.int64(8)), firstTime: row.int64(9),
            lastTime: row.int64(10), isUnclean: row.int64(11) != 0)
        guard Int64(summary.checksum(coverage: coverageBytes, inputs: inputBytes)) == row.int64(15) else {
            throw damage("part \(id.hex): checksum")
        }
        (summary.coverage, summary.inputs) = try decoded("part \(id.hex)") {
            () throws(ReadError) -> (Coverage, [Hash128]) in
            var reader = ByteReader(coverageBytes)
            let coverage = try Coverage(from: &reader)
            var inputs: [Hash128] = []
            reader = ByteReader(inputBytes)
            while !reader.isAtEnd { inputs.append(try Hash128(from: &reader)) }
            return (coverage, inputs)
        }
        switch row.text(14) {
        case "live": return CatalogPart(summary, isDead: false)
        case "dead": return CatalogPart(summary, isDead: true)
        default: throw damage("part \(id.hex): state")
        }
    }

    private func coverage(_ bytes: [UInt8], crc: Int64) throws(DatabaseError) -> Coverage {
        guard Int64(Checksum.crc32c(bytes)) == crc else { throw damage("coverage of a day: checksum") }
        return try decoded("coverage of a day") { () throws(ReadError) in
            var reader = ByteReader(bytes)
            return try Coverage(from: &reader)
        }
    }

    /// The newest keys that are younger than 15 minutes, oldest first.
    private func batchKeys(now: Int64) throws(DatabaseError) -> [BatchKeyRecord] {
        let (oldest, overflow) = now.subtractingReportingOverflow(BatchKeyRecord.lifetimeNanoseconds)
        let rows = try database.prepare("SELECT content, crc FROM batch_keys WHERE newest > ?1 ORDER BY id DESC")
        try rows.bind(1, overflow ? Int64.min : oldest)
        var newestFirst: [BatchKeyRecord] = []
        while newestFirst.count < BatchKeyRecord.capacity, try rows.step() {
            let bytes = rows.bytes(0)
            guard Int64(Checksum.crc32c(bytes)) == rows.int64(1) else { throw damage("batch keys: checksum") }
            let records = try decoded("batch keys") { () throws(ReadError) in try BatchKeysBlob.decode(bytes) }
            for record in records.reversed() where overflow || record.time > oldest {
                if newestFirst.count < BatchKeyRecord.capacity { newestFirst.append(record) }
            }
        }
        return newestFirst.reversed()
    }
}

extension PartStreamsBlob.Entry {
    /// Both together; sums saturate rather than trap.
    func adding(_ other: Self) -> Self {
        var sum = self
        let (rows, tooManyRows) = self.rows.addingReportingOverflow(other.rows)
        let (rawBytes, tooManyBytes) = self.rawBytes.addingReportingOverflow(other.rawBytes)
        sum.rows = tooManyRows ? .max : rows
        sum.rawBytes = tooManyBytes ? .max : rawBytes
        sum.firstTime = min(firstTime, other.firstTime)
        sum.lastTime = max(lastTime, other.lastTime)
        return sum
    }
}
