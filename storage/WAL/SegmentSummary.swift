public import Model

/// A day whose rows keep a segment alive.
public struct SegmentPin: Sendable, Hashable {
    public let tenant: TenantID
    public let day: Day
    /// The first and the last record of the segment that brought rows of the day.
    public let sequences: ClosedRange<UInt64>
}

/// What is known of a segment without reading it: how far it is durable, and what keeps it alive.
public struct SegmentSummary: Sendable, Hashable {
    /// A tenant's day.
    struct TenantDay: Hashable, Sendable {
        let tenant: TenantID
        let day: Day
    }

    public let id: UInt64
    /// Size of the file.
    public internal(set) var sizeBytes: Int
    /// End of what was synced, or, after a restart, of what was found whole.
    public internal(set) var end: Int
    /// The file may hold bytes behind `end` that look like records: of a group whose write failed or was torn. They do
    /// not count as long as the segment whose header says so is there.
    public internal(set) var isCut: Bool
    /// The segment that this one's header names.
    public internal(set) var previousID: UInt64
    /// First and last sequence that brought rows of a day.
    private(set) var sequences: [TenantDay: ClosedRange<UInt64>] = [:]

    init(id: UInt64, sizeBytes: Int, end: Int = 0, isCut: Bool = false, previousID: UInt64 = 0) {
        self.id = id
        self.sizeBytes = sizeBytes
        self.end = end
        self.isCut = isCut
        self.previousID = previousID
    }

    /// The days that the segment holds rows of, in no particular order.
    public var pins: [SegmentPin] {
        sequences.map { SegmentPin(tenant: $0.key.tenant, day: $0.key.day, sequences: $0.value) }
    }

    /// Whether `covered` holds for every day from its first sequence to its last, so that no row here is needed any
    /// more. The last alone would not do: heads of a day are sealed beside each other, and a later one may be first.
    func isCovered(_ covered: (TenantID, Day, ClosedRange<UInt64>) -> Bool) -> Bool {
        sequences.allSatisfy { covered($0.key.tenant, $0.key.day, $0.value) }
    }

    /// Notes that record `sequence`, later than all before, holds rows of this day.
    mutating func note(_ tenant: TenantID, _ day: Day, sequence: UInt64) {
        let key = TenantDay(tenant: tenant, day: day)
        sequences[key] = min(sequences[key]?.lowerBound ?? sequence, sequence)...sequence
    }
}
