import Bytes

/// Which fields of a JSON line are looked at, and what becomes of them.
struct PlainFields: Sendable {
    /// Fields that become stream labels, and the labels' names.
    let labels: NameList
    let labelNames: [[UInt8]]
    /// Fields that become metadata, and the metadata's names; the first `PlainFields.traceFields.count` are trace ids.
    let metadata: NameList
    let metadataNames: [[UInt8]]
    let times = NameList(PlainFields.timeFields)

    static let traceFields = ["trace_id", "traceId", "traceID", "trace.id"]
    static let traceName = [UInt8]("trace_id".utf8)
    static let timeFields = ["timestamp", "ts", "time", "@timestamp", "_time"]
    static let levelName = [UInt8]("level".utf8)

    init(_ options: ReceiveOptions) {
        let wanted = options.labelFields.filter { !PlainFields.traceFields.contains($0) }
        let kept = wanted.filter { !options.highCardinality.contains($0) }
        let demoted = wanted.filter { options.highCardinality.contains($0) }
        labels = NameList(kept)
        labelNames = kept.map(PlainFields.labelName)
        metadata = NameList(PlainFields.traceFields + demoted)
        metadataNames = PlainFields.traceFields.map { _ in PlainFields.traceName } + demoted.map { [UInt8]($0.utf8) }
    }

    /// The label name for a field: itself if it can be one, else normalised as metadata names are.
    static func labelName(_ field: String) -> [UInt8] {
        let bytes = [UInt8](field.utf8)
        if MetadataNames.firstInvalidByte(label: bytes.span) == nil { return bytes }
        var name: [UInt8] = []
        _ = MetadataNames.appendNormalised(bytes.span, to: &name)
        return name
    }

    /// The value of label `level` for what was sent: the canonical name of a level, else in lower case.
    static func appendLevel(_ value: borrowing ByteSpan, to out: inout [UInt8]) {
        if let level = LogLevel(value) {
            out.append(contentsOf: level.name.utf8)
            return
        }
        for index in 0..<value.count {
            let byte = value[index]
            out.append(byte &- 0x41 < 26 ? byte | 0x20 : byte)
        }
    }
}

/// What was found under a wanted name.
struct PlainValue: Sendable {
    /// The string's text without quotes, or the raw text of another value.
    var range = 0..<0
    var isPresent = false
    var isString = false
    var hasEscapes = false
}
