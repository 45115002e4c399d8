import Bytes
import Wire

/// The fields of a log record but its attributes.
struct OTLPRecord {
    /// Nanoseconds since 1970; 0 is none.
    private var happened: UInt64 = 0
    private(set) var observed: UInt64 = 0
    private(set) var severityNumber: UInt64 = 0
    private(set) var severityText = 0..<0
    private(set) var body = 0..<0
    private(set) var droppedAttributes: UInt64 = 0
    private(set) var flags: UInt64 = 0
    private(set) var traceID = 0..<0
    private(set) var spanID = 0..<0

    /// When the record happened, or else was seen; 0 when it does not say.
    var time: UInt64 { happened != 0 ? happened : observed }
    /// When it was seen, where that is something else.
    var observedApart: UInt64 { happened != 0 ? observed : 0 }

    mutating func take(_ field: ProtobufReader.Field) {
        switch (field.number, field.content) {
        case (1, .fixed(let value)): happened = value
        case (2, .varint(let value)): severityNumber = UInt64(UInt32(truncatingIfNeeded: value))
        case (3, .bytes(let start, let count)): severityText = start..<(start + count)
        case (5, .bytes(let start, let count)): body = start..<(start + count)
        case (7, .varint(let value)): droppedAttributes = UInt64(UInt32(truncatingIfNeeded: value))
        case (8, .fixed(let value)): flags = value
        case (9, .bytes(let start, let count)): traceID = start..<(start + count)
        case (10, .bytes(let start, let count)): spanID = start..<(start + count)
        case (11, .fixed(let value)): observed = value
        default: break
        }
    }
}

/// Metadata names of what is no attribute.
enum OTLPNames {
    static let scopeName = [UInt8]("scope_name".utf8)
    static let scopeVersion = [UInt8]("scope_version".utf8)
    static let scopeDropped = [UInt8]("scope_dropped_attributes_count".utf8)
    static let observed = [UInt8]("observed_timestamp".utf8)
    static let severityNumber = [UInt8]("severity_number".utf8)
    static let severityText = [UInt8]("severity_text".utf8)
    static let dropped = [UInt8]("dropped_attributes_count".utf8)
    static let flags = [UInt8]("flags".utf8)
    static let traceID = [UInt8]("trace_id".utf8)
    static let spanID = [UInt8]("span_id".utf8)
}

extension OTLPAttributes {
    /// Adds what is not zero or empty of a record's own fields.
    mutating func add(_ record: OTLPRecord, in body: borrowing ByteSpan) {
        add(OTLPNames.dropped, number: record.droppedAttributes)
        add(OTLPNames.observed, number: record.observedApart)
        add(OTLPNames.severityNumber, number: record.severityNumber)
        add(OTLPNames.severityText, value: body.extracting(record.severityText))
        add(OTLPNames.flags, number: record.flags)
        add(OTLPNames.traceID, hex: body.extracting(record.traceID))
        add(OTLPNames.spanID, hex: body.extracting(record.spanID))
    }
}
