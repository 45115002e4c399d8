// Tables of catalog.sqlite. There is no row per line, per trace or per block: the largest tables are streams and their
// label pairs. Numbers of tenants and streams never leave this file; parts name streams by hash and labels.
//
//   meta          store: id of the data folder (16 bytes); revision: number of commits
//   tenant        numbers for names
//   stream        one row a label set: hash and canonical encoding; last_day: the latest day of a part with it
//   label_pair    each name = value of a tenant once
//   posting       which streams carry which pair: numbers only, a tenth of the bytes of pairs written out
//   part          one row a file: its footer's facts; state 'live' or 'dead'; revision of its last change; crc over all
//                 but those two. A part row that went bad would delete or hide a file: hence the checksum, and words
//                 for the state, which no single bit turns into each other.
//   part_streams  statistics of a part's streams, one blob a part
//   covered       WAL sequences that no longer need the WAL, by tenant and day
//   writer        the highest sequence ever covered, by writer
//   batch_keys    keys of accepted batches, one blob a publish
//   lease         claims of periodic jobs
//
// Unsigned 64-bit numbers are stored by their bit pattern; ids and hashes as 16 bytes, highest first, as in file names.
extension Schema {
    static let catalog = Schema(
        applicationID: 0x644C_6361,  // "dLca"
        migrations: [
            """
            CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
            CREATE TABLE tenant(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
            CREATE TABLE stream(
                id INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, hash BLOB NOT NULL, labels BLOB NOT NULL,
                last_day INTEGER NOT NULL, UNIQUE(tenant, hash));
            CREATE TABLE label_pair(
                id INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
                UNIQUE(tenant, name, value));
            CREATE TABLE posting(
                pair INTEGER NOT NULL, stream INTEGER NOT NULL, PRIMARY KEY(pair, stream)) WITHOUT ROWID;
            CREATE TABLE part(
                id BLOB PRIMARY KEY, store BLOB NOT NULL, tenant INTEGER NOT NULL, day INTEGER NOT NULL,
                generation INTEGER NOT NULL, rows INTEGER NOT NULL, raw_bytes INTEGER NOT NULL,
                file_bytes INTEGER NOT NULL, blocks INTEGER NOT NULL, first_time INTEGER NOT NULL,
                last_time INTEGER NOT NULL, is_unclean INTEGER NOT NULL, coverage BLOB NOT NULL, inputs BLOB NOT NULL,
                state TEXT NOT NULL, revision INTEGER NOT NULL, crc INTEGER NOT NULL);
            CREATE INDEX part_day ON part(tenant, day);
            CREATE TABLE part_streams(part BLOB PRIMARY KEY, statistics BLOB NOT NULL, crc INTEGER NOT NULL);
            CREATE TABLE covered(
                tenant INTEGER NOT NULL, day INTEGER NOT NULL, coverage BLOB NOT NULL, crc INTEGER NOT NULL,
                PRIMARY KEY(tenant, day)) WITHOUT ROWID;
            CREATE TABLE writer(id INTEGER PRIMARY KEY, highest INTEGER NOT NULL);
            CREATE TABLE batch_keys(
                id INTEGER PRIMARY KEY, newest INTEGER NOT NULL, keys INTEGER NOT NULL, crc INTEGER NOT NULL,
                content BLOB NOT NULL);
            CREATE TABLE lease(
                job TEXT PRIMARY KEY, owner INTEGER NOT NULL, token INTEGER NOT NULL, until INTEGER NOT NULL
            ) WITHOUT ROWID;
            """
        ])
}
