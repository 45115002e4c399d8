import Bytes
import CSQLite
import Model

// Streams and tenants: registered with the first part that holds them, forgotten when retention has passed the last.
extension CatalogTables {
    /// The number of `tenant`, new or known. Only inside a transaction.
    func number(of tenant: TenantID) throws(DatabaseError) -> Int64 {
        if let known = tenantNumbers[tenant] { return known }
        let insert = try database.prepare("INSERT INTO tenant(name) VALUES(?1) RETURNING id")
        try insert.bind(1, tenant.name)
        guard try insert.step() else { throw damage("tenant \(tenant) got no number") }
        let number = insert.int64(0)
        while try insert.step() {}
        tenantNumbers[tenant] = number
        tenants[number] = tenant
        return number
    }

    private struct NewPair {
        var tenant: Int64
        var name: [UInt8]
        var value: [UInt8]
        var stream: Int64
    }

    /// Gives all streams of `parts` numbers and notes the days they were last seen.
    func registerStreams(of parts: [AddedPart]) throws(DatabaseError) {
        let insert = try database.prepare(
            "INSERT INTO stream(tenant, hash, labels, last_day) VALUES(?1, ?2, ?3, ?4) RETURNING id")
        let seen = try database.prepare("UPDATE stream SET last_day = ?2 WHERE id = ?1")
        var pairs: [NewPair] = []
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
                guard try insert.step() else { throw damage("stream \(stream.labels) got no number") }
                let number = insert.int64(0)
                while try insert.step() {}
                insert.reset()
                knownStreams[key] = KnownStream(number: number, lastDay: day)
                forEachPair(of: stream.labels.encoded) { name, value in
                    pairs.append(NewPair(tenant: tenant, name: name, value: value, stream: number))
                }
            }
        }
        try insertPairs(&pairs)
    }

    /// In the order of the table's key, which makes thousands of new pairs a walk instead of as many searches.
    private func insertPairs(_ pairs: inout [NewPair]) throws(DatabaseError) {
        guard !pairs.isEmpty else { return }
        pairs.sort { a, b in
            if a.tenant != b.tenant { return a.tenant < b.tenant }
            let names = a.name.span.compare(b.name.span)
            if names != 0 { return names < 0 }
            let values = a.value.span.compare(b.value.span)
            return values != 0 ? values < 0 : a.stream < b.stream
        }
        let insert = try database.prepare("INSERT INTO label_pair(tenant, name, value, stream) VALUES(?1, ?2, ?3, ?4)")
        for pair in pairs {
            try insert.bind(1, pair.tenant)
            try insert.bind(2, textBytes: pair.name)
            try insert.bind(3, textBytes: pair.value)
            try insert.bind(4, pair.stream)
            try insert.run()
        }
    }

    /// Forgets coverage and streams by the rules of `Catalog.forgetHistory`.
    func forgetHistory(before day: Day) throws(DatabaseError) {
        try database.transaction { () throws(DatabaseError) in
            let oldest = try database.number("SELECT min(day) FROM part WHERE 1 HAVING count(*) > 0")
            let cut = min(Int64(day.number), oldest ?? .max)
            let covered = try database.prepare("DELETE FROM covered WHERE day < ?1")
            try covered.bind(1, cut)
            try covered.run()
            let gone = try database.prepare("SELECT id, tenant, labels FROM stream WHERE last_day < ?1")
            try gone.bind(1, cut)
            let pair = try database.prepare(
                "DELETE FROM label_pair WHERE tenant = ?1 AND name = ?2 AND value = ?3 AND stream = ?4")
            while try gone.step() {
                var pairs: [NewPair] = []
                forEachPair(of: gone.bytes(2)) { name, value in
                    pairs.append(NewPair(tenant: gone.int64(1), name: name, value: value, stream: gone.int64(0)))
                }
                for old in pairs {
                    try pair.bind(1, old.tenant)
                    try pair.bind(2, textBytes: old.name)
                    try pair.bind(3, textBytes: old.value)
                    try pair.bind(4, old.stream)
                    try pair.run()
                }
            }
            let streams = try database.prepare("DELETE FROM stream WHERE last_day < ?1")
            try streams.bind(1, cut)
            try streams.run()
        }
        try readNumbers()
    }

    private func forEachPair(of encoded: [UInt8], _ body: ([UInt8], [UInt8]) -> Void) {
        var cursor = PairCursor(0..<encoded.count)
        let span = encoded.span
        while let pair = cursor.next(in: span) {
            body(Array(encoded[pair.name]), Array(encoded[pair.value]))
        }
    }
}
