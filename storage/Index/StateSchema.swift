// Tables of state.sqlite, which no rebuild can give back: every record carries its own checksum, so that one bad record
// is named and the others still count.
//
//   record    kind and key -> bytes in an encoding of `version`; crc over kind, key, version and bytes
//   demotion  label names that became metadata, since when
extension Schema {
    static let state = Schema(
        applicationID: 0x644C_7374,  // "dLst"
        migrations: [
            """
            CREATE TABLE record(
                kind TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, bytes BLOB NOT NULL,
                crc INTEGER NOT NULL, PRIMARY KEY(kind, key)) WITHOUT ROWID;
            CREATE TABLE demotion(
                tenant TEXT NOT NULL, name TEXT NOT NULL, since INTEGER NOT NULL, PRIMARY KEY(tenant, name)
            ) WITHOUT ROWID;
            """
        ])
}
