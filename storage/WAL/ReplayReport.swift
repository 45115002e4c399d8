/// A stretch of a segment that could not be used though it was acknowledged, or may have been.
public struct WALDamage: Sendable, Hashable, CustomStringConvertible {
    /// Path of the segment.
    public let path: String
    /// The bytes that were set aside; empty when the whole file was, or could not be read.
    public let range: Range<Int>
    /// Sequences of lost records, where known; empty when nothing but a header was damaged and all records were found.
    public let lostSequences: [ClosedRange<UInt64>]
    /// Where a copy of the bytes lies, or nil if it could not be made.
    public let copy: String?
    public let reason: String

    public var description: String {
        var text = "\(path): \(reason)"
        if !range.isEmpty { text += ", bytes \(range.lowerBound) to \(range.upperBound)" }
        if !lostSequences.isEmpty {
            let ranges = lostSequences.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
            text += ", lost sequences " + ranges.joined(separator: ", ")
        } else if !range.isEmpty {
            text += ", no record is known to be lost"
        }
        return text + (copy.map { "; set aside as \($0)" } ?? "; it could not be copied")
    }
}

/// What a replay found.
public struct ReplayReport: Sendable {
    /// Records handed over, and their rows.
    public internal(set) var records = 0
    public internal(set) var rows = 0
    /// The highest sequence that the log has used, 0 if none.
    public internal(set) var lastSequence: UInt64 = 0
    /// Bytes of groups that a crash cut short before they were acknowledged.
    public internal(set) var tornBytes = 0
    public internal(set) var damages: [WALDamage] = []
    /// Files and copies made in quarantine.
    public internal(set) var quarantinedFiles = 0
    /// Segments that are there now, oldest first.
    public internal(set) var segments: [SegmentSummary] = []
    var spareIDs: [UInt64] = []
    /// The highest id that any file in the folder has or had.
    var highestID: UInt64 = 0

    public init() {}

    /// Bytes of acknowledged groups that were set aside.
    public var damagedBytes: Int { damages.reduce(0) { $0 + $1.range.count } }

    /// One sentence each for the operator; none when all is well.
    public var messages: [String] {
        var lines = damages.map(\.description)
        if tornBytes > 0 {
            lines.append(
                "a crash left \(tornBytes) bytes of unacknowledged groups in the write-ahead log; they were cut")
        }
        return lines
    }
}
