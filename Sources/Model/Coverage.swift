public import Bytes

/// Which WAL sequences a part holds the rows of (for its tenant and day): sorted, disjoint, non-adjacent intervals
/// `(after, through]` per writer. Coverage, not absence, decides what is alive and what is replayed (storage rule 1).
public struct Coverage: Hashable, Sendable {
    public struct Interval: Hashable, Sendable {
        /// Random id of the data folder that wrote the WAL.
        public let writer: UInt64
        public let after: UInt64
        public let through: UInt64

        public init(writer: UInt64, after: UInt64, through: UInt64) {
            self.writer = writer
            self.after = after
            self.through = through
        }
    }

    public private(set) var intervals: [Interval] = []

    public init() {}

    /// The coverage of one interval; empty if it holds no sequence.
    public init(writer: UInt64, after: UInt64, through: UInt64) {
        if through > after { intervals = [Interval(writer: writer, after: after, through: through)] }
    }

    public var isEmpty: Bool { intervals.isEmpty }

    /// Whether `sequence` of `writer` is covered.
    public func contains(writer: UInt64, sequence: UInt64) -> Bool {
        intervals.contains { $0.writer == writer && sequence > $0.after && sequence <= $0.through }
    }

    /// Whether every sequence of `other` is covered.
    public func contains(_ other: Coverage) -> Bool {
        other.intervals.allSatisfy { inner in
            intervals.contains { $0.writer == inner.writer && $0.after <= inner.after && $0.through >= inner.through }
        }
    }

    /// Whether some sequence is covered by both.
    public func overlaps(_ other: Coverage) -> Bool {
        intervals.contains { a in
            other.intervals.contains { b in
                a.writer == b.writer && max(a.after, b.after) < min(a.through, b.through)
            }
        }
    }

    /// Adds all sequences of `other`.
    public mutating func formUnion(_ other: Coverage) {
        let sorted = (intervals + other.intervals).sorted { ($0.writer, $0.after) < ($1.writer, $1.after) }
        var merged: [Interval] = []
        for next in sorted {
            if let last = merged.last, last.writer == next.writer, next.after <= last.through {
                merged[merged.count - 1] = Interval(
                    writer: last.writer, after: last.after, through: max(last.through, next.through))
            } else {
                merged.append(next)
            }
        }
        intervals = merged
    }

    /// Removes all sequences of `other`.
    public mutating func subtract(_ other: Coverage) {
        for hole in other.intervals {
            var rest: [Interval] = []
            for interval in intervals {
                guard interval.writer == hole.writer, hole.after < interval.through, hole.through > interval.after
                else {
                    rest.append(interval)
                    continue
                }
                if hole.after > interval.after {
                    rest.append(Interval(writer: hole.writer, after: interval.after, through: hole.after))
                }
                if hole.through < interval.through {
                    rest.append(Interval(writer: hole.writer, after: hole.through, through: interval.through))
                }
            }
            intervals = rest
        }
    }

    /// The highest covered sequence of `writer`, or 0.
    public func highest(writer: UInt64) -> UInt64 {
        intervals.filter { $0.writer == writer }.map(\.through).max() ?? 0
    }

    /// Appends the on-disk form: varint count, then per interval u64 writer, varint after, varint length.
    public func append(to out: inout [UInt8]) {
        out.appendVarint(intervals.count)
        for interval in intervals {
            out.appendLittleEndian(interval.writer)
            out.appendVarint(interval.after)
            out.appendVarint(interval.through - interval.after)
        }
    }

    /// Reads the on-disk form; intervals that are empty, unsorted or overlapping are refused.
    public init(from reader: inout ByteReader) throws(ReadError) {
        let count = try reader.count(limit: reader.remaining)
        for _ in 0..<count {
            let at = reader.offset
            let writer = try reader.littleEndian(UInt64.self)
            let after = try reader.varint()
            let (through, overflow) = after.addingReportingOverflow(try reader.varint())
            guard !overflow, through > after else { throw ReadError("empty coverage interval", at: at) }
            if let last = intervals.last {
                guard (last.writer, last.through) < (writer, after) || last.writer < writer else {
                    throw ReadError("coverage intervals out of order", at: at)
                }
            }
            intervals.append(Interval(writer: writer, after: after, through: through))
        }
    }
}
