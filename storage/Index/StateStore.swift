public import Model

/// What kind of fact a state record is. The raw value is the name on disk.
public enum StateKind: String, Hashable, Sendable, CaseIterable {
    /// Facts about the data folder itself.
    case store
    case token
    /// Delete requests and the tombstones they bind (storage rule 11).
    case deleteRequest = "delete_request"
    case alertState = "alert_state"
    /// Groups of errors, some in each record.
    case errorGroup = "error_group"
    /// What changed of groups since those records were written.
    case errorJournal = "error_journal"
    /// Pages of kept occurrences.
    case errorSamples = "error_samples"
    case probeHistory = "probe_history"
    /// Up to where rows were observed (storage/Store/Observation.swift).
    case observation
    /// Figures of requests, by hour.
    case requestHour = "request_hour"
    /// Requests since those records were written.
    case requestJournal = "request_journal"
    /// Who did a periodic job last, and in which interval.
    case claim
}

/// One fact: bytes of a version that its owner can read.
public struct StateRecord: Hashable, Sendable {
    public var kind: StateKind
    public var key: String
    /// Version of the encoding of `bytes`.
    public var version: UInt32
    public var bytes: [UInt8]

    public init(kind: StateKind, key: String, version: UInt32 = 1, bytes: [UInt8]) {
        self.kind = kind
        self.key = key
        self.version = version
        self.bytes = bytes
    }
}

/// A change of one record.
public enum StateChange: Hashable, Sendable {
    case put(StateRecord)
    case delete(StateKind, key: String)

    /// Names a record.
    public struct Record: Hashable, Sendable {
        public let kind: StateKind
        public let key: String
    }

    /// The record that changes.
    public var record: Record {
        switch self {
        case .put(let record): Record(kind: record.kind, key: record.key)
        case .delete(let kind, let key): Record(kind: kind, key: key)
        }
    }
}

/// Records of a kind; damaged ones are named, not silently missing.
public struct StateListing: Hashable, Sendable {
    /// Sorted by key.
    public var records: [StateRecord] = []
    public var damagedKeys: [String] = []

    public init(records: [StateRecord] = [], damagedKeys: [String] = []) {
        self.records = records
        self.damagedKeys = damagedKeys
    }
}

/// A label name that became metadata because it had too many values (storage rule 12). Sticky: there is no way back.
public struct Demotion: Hashable, Sendable {
    public var tenant: TenantID
    public var name: String
    /// When it was decided, nanoseconds since 1970.
    public var since: Int64

    public init(tenant: TenantID, name: String, since: Int64) {
        self.tenant = tenant
        self.name = name
        self.since = since
    }
}

/// Facts that no part file can give back. Each change is durable on return. Blocks: catalog thread only.
public protocol StateStore: Sendable {
    /// Stores or replaces a record.
    func put(_ record: StateRecord) throws(StateError)
    /// The record, or nil. A damaged one is an error.
    func get(_ kind: StateKind, key: String) throws(StateError) -> StateRecord?
    func list(_ kind: StateKind) throws(StateError) -> StateListing
    /// Removes a record; fine if it is not there.
    func delete(_ kind: StateKind, key: String) throws(StateError)
    /// Applies all changes in order, or none.
    func apply(_ changes: [StateChange]) throws(StateError)
    /// Claims a periodic job for one of its intervals, which are numbered upwards: true for the first who asks, so that
    /// of all who share the state one does it. An interval before the last one claimed is over.
    func claim(_ job: String, slot: Int64, owner: UInt64) throws(StateError) -> Bool
    /// All demotions, by tenant and name.
    func demotions() throws(StateError) -> [Demotion]
    /// Notes a demotion; if the name is demoted already, the earlier one stands.
    func addDemotion(_ demotion: Demotion) throws(StateError)
    /// Looks through the whole state; what is wrong with it, or nil.
    func firstFault() throws(StateError) -> String?
    /// Writes a consistent copy to `path`, which must not exist.
    func backup(to path: String) throws(StateError)
    /// Ends the connection; every later call fails.
    func close()
}

/// Why the state could not be opened or did not do what it was asked.
public enum StateError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file is not a sound state database. It cannot be rebuilt: restore it from a snapshot, or set it aside and
    /// lose what it held.
    case damaged(path: String, reason: String)
    /// A newer dendro wrote it: run that version.
    case newerSchema(path: String, version: Int)
    case database(DatabaseError)
    /// The store is being closed.
    case closed

    public var description: String {
        switch self {
        case .damaged(let path, let reason): "\(path): damaged state: \(reason)"
        case .newerSchema(let path, let version): "\(path): state of a newer version, schema \(version)"
        case .database(let error): error.description
        case .closed: "the server is stopping"
        }
    }
}

extension StateError: DatabaseFailure {
    init(_ error: DatabaseError) {
        self = error.isDamage ? .damaged(path: error.path, reason: error.description) : .database(error)
    }
}
