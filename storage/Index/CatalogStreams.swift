import Bytes
import CSQLite
import Model

// Streams and tenants: registered with the first part that holds them, forgotten when retention has passed the last.
extension CatalogTables {
    /// The number of `tenant`, new or known. Only inside a transaction.
    func number(of tenant: TenantID) throws(DatabaseError) -> Int64 {
        if let known = tenantNumbers[tenant] { return known }
        let insert = try database.prepare("INSERT INTO tenant(name) VALUES(?1)")
        try insert.bind(1, tenant.name)
        guard let number = try insert.insert() else { throw damage("tenant \(tenant) got no number") }
        tenantNumbers[tenant] = number
        tenants[number] = tenant
        return number
    }

    /// Gives all streams of `parts` numbers and notes the days they were last seen.
    func registerStreams(of parts: [AddedPart]) throws(DatabaseError) {
        let insert = try database.prepare(
            "INSERT INTO stream(tenant, hash, labels, last_day) VALUES(?1, ?2, ?3, ?4)")
        let seen = try database.prepare("UPDATE stream SET last_day = ?2 WHERE id = ?1")
        var new: [(key: StreamKey, number: Int64, labels: LabelSet)] = []
        for part in parts {
            let tenant = try number(of: part.summary.tenant)
            let day = part.summary.day.number
            for stream in part.streams {
                let key = StreamKey(tenant: tenant, hash: stream.hash)
                if let known = knownStreams[key] {
                    guard known.lastDay < day else { continue }
                    try seen.bind(1, known.number)
                    try seen.bind(2, Int64(day))
                    try seen.run()
                    knownStreams[key] = KnownStream(number: known.number, lastDay: day)
                    continue
                }
                // A part file may say anything; a wrong pair stored here would be taken for damage at every start.
                guard stream.hash == stream.labels.hash else {
                    throw DatabaseError(
                        code: SQLITE_MISMATCH, message: "hash \(stream.hash.hex) is not that of \(stream.labels)",
                        sql: "register streams", path: database.path)
                }
                try insert.bind(1, tenant)
                try insert.bind(2, stream.hash.bytes)
                try insert.bind(3, stream.labels.encoded)
                try insert.bind(4, Int64(day))
                guard let number = try insert.insert() else { throw damage("\(stream.labels) got no number") }
                knownStreams[key] = KnownStream(number: number, lastDay: day)
                new.append((key, number, stream.labels))
            }
        }
        if !new.isEmpty { try insertPostings(of: new) }
    }

    private struct PairKey: Hashable {
        var tenant: Int64
        /// Name and value, each prefixed with its length.
        var encoded: ArraySlice<UInt8>
    }

    private func insertPostings(
        of streams: [(key: StreamKey, number: Int64, labels: LabelSet)]
    ) throws(DatabaseError) {
        let find = try database.prepare("SELECT id FROM label_pair WHERE tenant = ?1 AND name = ?2 AND value = ?3")
        let add = try database.prepare("INSERT OR IGNORE INTO label_pair(tenant, name, value) VALUES(?1, ?2, ?3)")
        var numbers: [PairKey: Int64] = [:]
        var postings: [(pair: Int64, stream: Int64)] = []
        for stream in streams {
            let encoded = stream.labels.encoded
            var cursor = PairCursor(0..<encoded.count)
            var start = 0
            while let pair = cursor.next(in: encoded.span) {
                let key = PairKey(tenant: stream.key.tenant, encoded: encoded[start..<cursor.offset])
                start = cursor.offset
                if let known = numbers[key] {
                    postings.append((known, stream.number))
                    continue
                }
                let name = Array(encoded[pair.name])
                let value = Array(encoded[pair.value])
                let number = try number(ofPair: name, value, tenant: key.tenant, add, find)
                numbers[key] = number
                postings.append((number, stream.number))
            }
        }
        // In the order of the table's key, which makes thousands of them a walk instead of as many searches.
        postings.sort { ($0.pair, $0.stream) < ($1.pair, $1.stream) }
        let insert = try database.prepare("INSERT INTO posting(pair, stream) VALUES(?1, ?2)")
        for posting in postings {
            try insert.bind(1, posting.pair)
            try insert.bind(2, posting.stream)
            try insert.run()
        }
    }

    private func number(
        ofPair name: [UInt8], _ value: [UInt8], tenant: Int64, _ add: borrowing Statement, _ find: borrowing Statement
    ) throws(DatabaseError) -> Int64 {
        try add.bind(1, tenant)
        try add.bind(2, textBytes: name)
        try add.bind(3, textBytes: value)
        if let number = try add.insert() { return number }
        try find.bind(1, tenant)
        try find.bind(2, textBytes: name)
        try find.bind(3, textBytes: value)
        defer { find.reset() }
        guard try find.step() else { throw damage("label pair \(name.text) is there and is not") }
        return find.int64(0)
    }

    /// Forgets coverage and streams by the rules of `Catalog.forgetHistory`.
    func forgetHistory(before day: Day) throws(DatabaseError) {
        try database.transaction { () throws(DatabaseError) in
            let oldest = try database.number("SELECT day FROM part ORDER BY day LIMIT 1")
            let cut = min(Int64(day.number), oldest ?? .max)
            for sql in [
                "DELETE FROM covered WHERE day < ?1",
                "DELETE FROM posting WHERE stream IN (SELECT id FROM stream WHERE last_day < ?1)",
                """
                DELETE FROM label_pair WHERE ?1 = ?1 AND NOT EXISTS (SELECT 1 FROM posting WHERE pair = label_pair.id)
                """,
                "DELETE FROM stream WHERE last_day < ?1",
            ] {
                let statement = try database.prepare(sql)
                try statement.bind(1, cut)
                try statement.run()
            }
        }
        try readNumbers()
    }
}
