public import Bytes
import Model

/// Makes a batch of the entries that a decoder hands in: limits, levels, service names and demoted labels are settled
/// here, the same for every format.
///
/// A decoder calls, for each stream, `beginStream`, `addLabel`…, `endStream`; for each entry `addMetadata`…, then
/// `append`
/// or `reject`. A call that returns false has met a limit on the whole request: stop, `finish` throws it.
public struct BatchBuilder: Sendable {
    let options: ReceiveOptions
    let serviceNameFields: NameList
    let highCardinality: NameList
    let indexed: NameList
    /// Oldest and newest acceptable times, and `now`.
    let oldest: Int64
    let newest: Int64
    /// Beyond this, what demoted labels and levels add to each entry is taken for an attack.
    let arenaLimit: Int

    var result: ReceiveResult
    /// Error of the whole request.
    var excess: ReceiveError?
    /// Labels of the stream being begun; metadata of the entry being begun.
    var labels = PairBuffer()
    var metadata = PairBuffer()
    var streams: [StreamFacts] = []
    var streamBytes: [UInt8] = []
    var groupKeys: [RejectionKey] = []
    /// Takes secrets out of lines and metadata; what is stored and logged never held them.
    var scrubber: Scrubber
    let scrubs: Bool
    let exemptApps: NameList
    /// Entries seen so far, refused ones included.
    public internal(set) var entryCount = 0

    // The stream being begun.
    var refusal: (reason: RejectReason, count: Int, detail: [UInt8])?
    var labelAdjustments: Adjustments = []
    var labelCount = 0
    // The entry being begun.
    var encodedMetadata: [UInt8] = []
    var metadataPairs = 0
    var metadataBytes = 0
    var metadataFault: RejectReason?
    /// Encoded `detected_level` pairs, one for each level, of `levelPairStride` bytes at most.
    let levelPairs: [UInt8]
    let levelPairEnds: [Int]

    static let appName = [UInt8]("app".utf8)
    static let levelName = [UInt8](LogLevel.metadataName.utf8)
    static let severityNumberName = [UInt8]("severity_number".utf8)

    /// - Parameters:
    ///   - now: nanoseconds since 1970, what ages are measured from.
    ///   - expectedBytes: size of the body; room for lines is made at once.
    public init(options: ReceiveOptions, now: Int64, expectedBytes: Int) {
        self.options = BatchBuilder.bounded(options)
        serviceNameFields = NameList(options.serviceNameFields)
        highCardinality = NameList(options.highCardinality)
        scrubber = Scrubber(options.scrub)
        scrubs = !options.scrub.rules.isEmpty
        exemptApps = NameList(options.scrub.exemptApps)
        indexed = NameList(options.indexed)
        oldest = BatchBuilder.shifted(now, seconds: 0 &- Int64(clamping: options.maxAgeSeconds))
        newest = BatchBuilder.shifted(now, seconds: Int64(clamping: options.limits.futureSeconds.value))
        arenaLimit = min(max(2 * min(options.limits.inflatedBytes.value, 1 << 30), 1 << 20), Int(Int32.max))
        var batch = Batch()
        let room = min(expectedBytes &+ expectedBytes / 4, options.limits.inflatedBytes.value)
        batch.reserve(rows: min(expectedBytes / 256, 1 << 16), bytes: room)
        result = ReceiveResult(batch: batch)
        var pairs: [UInt8] = []
        var ends: [Int] = []
        for level in LogLevel.allCases {
            pairs.appendPrefixed(LogLevel.metadataName)
            pairs.appendPrefixed(level.name)
            ends.append(pairs.count)
        }
        levelPairs = pairs
        levelPairEnds = ends
    }

    /// The options with sizes that offsets of 32 bits can carry and counts that can be added.
    private static func bounded(_ options: ReceiveOptions) -> ReceiveOptions {
        var result = options
        let most = 1 << 30
        result.limits.lineBytes.value = min(options.limits.lineBytes.value, most)
        result.limits.metadataBytes.value = min(options.limits.metadataBytes.value, most)
        result.limits.metadataPairs.value = min(options.limits.metadataPairs.value, most)
        result.limits.labelsPerStream.value = min(options.limits.labelsPerStream.value, most)
        return result
    }

    private static func shifted(_ time: Int64, seconds: Int64) -> Int64 {
        let (nanoseconds, over) = seconds.multipliedReportingOverflow(by: Nanoseconds.perSecond)
        let (sum, overflow) = time.addingReportingOverflow(nanoseconds)
        return over || overflow ? (seconds < 0 ? .min : .max) : sum
    }

    /// Counts an entry timestamp that could not be read.
    public mutating func countUnreadableTimestamp() {
        result.unreadableTimestamps += 1
    }

    /// Notes that an entry had to be stamped on arrival.
    public mutating func noteArrivalStamp() {
        result.everyEntryHadTimestamp = false
    }

    /// Whether a limit on the whole request is exceeded.
    public var isExceeded: Bool { excess != nil }

    /// The result, or the error of the whole request.
    public consuming func finish() throws(ReceiveError) -> ReceiveResult {
        if let excess { throw excess }
        result.scrubbed = scrubber.counts
        return result
    }

    // MARK: - Entries

    /// Adds metadata to the entry being begun; its name is normalised here, a later equal name wins.
    @inline(__always)
    public mutating func addMetadata(name: borrowing ByteSpan, value: borrowing ByteSpan) {
        metadataPairs += 1
        metadataBytes += name.count + value.count
        guard metadataPairs <= options.limits.metadataPairs.value,
            metadataBytes <= options.limits.metadataBytes.value
        else { return }
        if scrubs, scrubber.rules.contains(.keys), value.count > 0, SecretName(name, 0..<name.count) != nil {
            scrubber.countName()
            let mark = Scrubber.mark
            if !metadata.setNormalised(name: name, value: mark.span) { metadataFault = .invalidMetadataName }
            return
        }
        if scrubs, scrubber.changes(value) {
            let text = scrubber.scrubbed
            if !metadata.setNormalised(name: name, value: text.span) { metadataFault = .invalidMetadataName }
            return
        }
        if !metadata.setNormalised(name: name, value: value) { metadataFault = .invalidMetadataName }
    }

    /// Adds the entry being begun, or counts it as refused.
    /// - Returns: false when a limit on the whole request is exceeded.
    @inline(__always)
    public mutating func append(time: Int64, line: borrowing ByteSpan, stream: Int) -> Bool {
        guard countEntry(), stream >= 0, stream < streams.count else { return false }
        if scrubs, !streams[stream].isExempt, scrubber.changes(line) {
            let text = scrubber.scrubbed
            return appendCounted(time: time, line: text.span, stream: stream)
        }
        return appendCounted(time: time, line: line, stream: stream)
    }

    @inline(__always)
    private mutating func appendCounted(time: Int64, line: borrowing ByteSpan, stream: Int) -> Bool {
        let isPlain = metadataPairs == 0
        if isPlain, time >= oldest, time <= newest, line.count <= options.limits.lineBytes.value,
            streams[stream].refusal == nil, streams[stream].adjustments.isEmpty
        {
            if streams[stream].isReady {
                store(time: time, line: line, stream: stream, ready: streams[stream].ready)
                return checkArena()
            }
            if streams[stream].fixed.isEmpty {
                storeDetected(time: time, line: line, stream: stream, level: LevelDetector.detect(line))
                return checkArena()
            }
        }
        appendSlowly(time: time, line: line, stream: stream)
        endEntry()
        return checkArena()
    }

    /// Counts an entry that cannot be read as refused. Returns false when a limit on the whole request is exceeded.
    public mutating func reject(_ reason: RejectReason, _ message: String) -> Bool {
        guard countEntry() else { return false }
        record(RejectionKey(reason: reason, stream: -1, number: Int64(entryCount)), counts: true) { message }
        endEntry()
        return true
    }

    /// The 413 for more entries than allowed.
    static func tooManyEntries(_ limits: Limits) -> ReceiveError {
        .tooLarge("request holds more than \(limits.requestEntries.value) entries")
    }

    private mutating func countEntry() -> Bool {
        guard excess == nil else { return false }
        guard entryCount < options.limits.requestEntries.value else {
            excess = BatchBuilder.tooManyEntries(options.limits)
            return false
        }
        entryCount += 1
        return true
    }

    @inline(__always)
    private mutating func checkArena() -> Bool {
        if result.batch.sizeBytes <= arenaLimit { return true }
        excess = .tooLarge("request grows beyond \(arenaLimit) bytes by the labels that are kept with each entry")
        return false
    }

    @inline(__always)
    mutating func endEntry() {
        guard metadataPairs > 0 || metadata.count > 0 else { return }
        metadata.removeAll()
        metadataPairs = 0
        metadataBytes = 0
        metadataFault = nil
    }

    @inline(__always)
    mutating func ordinal(_ stream: Int) -> UInt32 {
        let known = streams[stream].ordinal
        return known != .max ? known : intern(stream)
    }

    private mutating func intern(_ stream: Int) -> UInt32 {
        let labels = LabelSet(canonical: [UInt8](streamBytes[streams[stream].labels]))
        let ordinal = result.batch.intern(labels)
        streams[stream].ordinal = ordinal
        return ordinal
    }

    private mutating func store(time: Int64, line: borrowing ByteSpan, stream: Int, ready: Range<Int>) {
        let row = ordinal(stream)
        let flags = streams[stream].flags
        let bytes = streamBytes
        result.batch.append(
            time: time, stream: row, line: line, metadata: bytes.span.extracting(ready), flags: flags)
    }

    private mutating func storeDetected(time: Int64, line: borrowing ByteSpan, stream: Int, level: LogLevel) {
        let index = Int(level.rawValue)
        let range = (index == 0 ? 0 : levelPairEnds[index - 1])..<levelPairEnds[index]
        let row = ordinal(stream)
        let flags = streams[stream].flags
        let bytes = levelPairs
        result.batch.append(
            time: time, stream: row, line: line, metadata: bytes.span.extracting(range), flags: flags)
    }
}
