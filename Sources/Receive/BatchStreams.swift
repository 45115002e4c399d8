public import Bytes
import Model

// Streams: labels checked, completed, split into those that stay and those that go with each entry.
extension BatchBuilder {
    /// Begins the labels of a stream.
    public mutating func beginStream() {
        labels.removeAll()
        refusal = nil
        labelAdjustments = []
        labelCount = 0
    }

    /// Adds a label; an empty value means that it is absent.
    public mutating func addLabel(name: borrowing ByteSpan, value: borrowing ByteSpan) {
        if let bad = MetadataNames.firstInvalidByte(label: name) {
            let place = "couldn't parse labels: 1:\(bad + 2): parse error: "
            let what =
                bad < name.count
                ? "unexpected character inside braces: '\(BatchBuilder.character(name, bad))'"
                : "unexpected \"=\" in label set, expected identifier or \"}\""
            refuseStream(.invalidLabels, detail: place + what)
            return
        }
        guard value.count > 0 else { return }
        labelCount += 1
        let limits = options.limits
        guard labelCount <= limits.labelsPerStream.value + limits.metadataPairs.value + highCardinality.count else {
            return
        }
        var nameEnd = name.count
        if nameEnd > limits.labelNameBytes.value {
            guard limits.labelNameBytes.action == .adjust else {
                refuseStream(.labelNameTooLong, detail: BatchBuilder.excerpt(name))
                return
            }
            nameEnd = max(limits.labelNameBytes.value, 1)
            labelAdjustments.insert(.labelName)
        }
        var valueEnd = value.count
        if valueEnd > limits.labelValueBytes.value {
            guard limits.labelValueBytes.action == .adjust else {
                refuseStream(.labelValueTooLong, detail: BatchBuilder.excerpt(value))
                return
            }
            valueEnd = MetadataNames.prefixEnd(value, limit: limits.labelValueBytes.value)
            labelAdjustments.insert(.labelValue)
        }
        if !BatchBuilder.isUTF8(value) {
            refuseStream(.invalidLabels, detail: "value of label '\(BatchBuilder.excerpt(name))' is not valid UTF-8")
            return
        }
        if !labels.set(name: name.extracting(0..<nameEnd), value: value.extracting(0..<valueEnd)) {
            refuseStream(.duplicateLabel, detail: BatchBuilder.excerpt(name))
        }
    }

    /// Whether the stream being begun has a label called `name`.
    func hasLabel(_ name: borrowing ByteSpan) -> Bool {
        labels.find(name) != nil
    }

    /// Refuses all entries of the stream being begun; the first refusal stays.
    public mutating func refuseStream(_ reason: RejectReason, detail: String) {
        if refusal == nil { refusal = (reason, 0, [UInt8](detail.utf8)) }
    }

    /// Ends the labels of a stream, giving its number for `append`, or nil when the request has too many streams.
    public mutating func endStream() -> Int? {
        guard streams.count < options.limits.requestStreams.value else {
            excess = .tooLarge("request holds more than \(options.limits.requestStreams.value) streams")
            return nil
        }
        var facts = StreamFacts()
        let kept = keptLabels()
        if labelCount == 0, !options.discoverServiceName || options.serviceNameFields.isEmpty {
            refuseStream(.missingLabels, detail: "")
        } else if kept > options.limits.labelsPerStream.value {
            if options.limits.labelsPerStream.action == .adjust, labelCount == labels.count {
                labelAdjustments.insert(.labels)
            } else {
                refuseStream(.tooManyLabels, detail: "")
                refusal?.count = kept
            }
        }
        if options.discoverServiceName, !options.serviceNameFields.isEmpty {
            ServiceName.add(to: &labels, fields: serviceNameFields)
        }
        facts.adjustments = labelAdjustments
        if let refusal {
            facts.refusal = refusal.reason
            facts.refusalCount = refusal.count
            let start = streamBytes.count
            streamBytes.append(contentsOf: refusal.detail)
            facts.refusalDetail = start..<streamBytes.count
        }
        let appName = BatchBuilder.appName
        if scrubs, exemptApps.count > 0, let at = labels.find(appName.span) {
            facts.isExempt = exemptApps.index(of: labels.bytes.span.extracting(labels.pairs[at].value)) != nil
        }
        split(into: &facts)
        streams.append(facts)
        return streams.count - 1
    }

    /// Labels that count for the limit: without service_name and those that are demoted.
    private func keptLabels() -> Int {
        var count = labelCount - labels.count
        let service = ServiceName.labelBytes
        for pair in labels.pairs {
            let name = labels.bytes.span.extracting(pair.name)
            if highCardinality.index(of: name) == nil, !name.equals(service.span) { count += 1 }
        }
        return count
    }

    /// Encodes the labels that stay and the metadata that the others become.
    private mutating func split(into facts: inout StreamFacts) {
        let service = ServiceName.labelBytes
        let labels = self.labels
        var demoted: [Int] = []
        var kept = 0
        var start = streamBytes.count
        for (index, pair) in labels.pairs.enumerated() {
            let name = labels.bytes.span.extracting(pair.name)
            let isService = name.equals(service.span)
            let isExtra = facts.adjustments.contains(.labels) && kept >= options.limits.labelsPerStream.value
            if highCardinality.index(of: name) != nil || (isExtra && !isService) {
                demoted.append(index)
            } else {
                labels.encode(index, to: &streamBytes)
                if !isService { kept += 1 }
            }
        }
        facts.labels = start..<streamBytes.count
        for index in demoted where indexed.index(of: labels.bytes.span.extracting(labels.pairs[index].name)) != nil {
            facts.flags.insert(.traced)
        }
        start = streamBytes.count
        for index in demoted { labels.encode(index, to: &streamBytes) }
        facts.fixed = start..<streamBytes.count
        setLevel(of: &facts)
    }

    /// Settles the level that the labels say, and the metadata of entries without their own.
    private mutating func setLevel(of facts: inout StreamFacts) {
        guard options.discoverLevels else {
            facts.ready = facts.fixed
            facts.isReady = true
            return
        }
        guard let at = BatchBuilder.levelPair(in: labels) else { return }
        let value = labels.pairs[at].value
        let level = LogLevel(labels.bytes.span.extracting(value))
        var start = streamBytes.count
        if let level {
            streamBytes.append(contentsOf: level.name.utf8)
        } else {
            let sent = labels.bytes
            streamBytes.append(sent, value)
        }
        facts.level = start..<streamBytes.count
        var ready = PairBuffer()
        var cursor = PairCursor(facts.fixed)
        while let pair = cursor.next(in: streamBytes.span) {
            ready.set(name: streamBytes.span.extracting(pair.name), value: streamBytes.span.extracting(pair.value))
        }
        let name = BatchBuilder.levelName
        ready.set(name: name.span, value: streamBytes.span.extracting(facts.level))
        start = streamBytes.count
        ready.encode(to: &streamBytes)
        facts.ready = start..<streamBytes.count
        facts.isReady = true
    }

    private static func isUTF8(_ text: borrowing ByteSpan) -> Bool {
        var at = 0
        while at < text.count {
            let size = JSONText.sequenceCount(text, at)
            guard size > 0 else { return false }
            at += size
        }
        return true
    }

    private static func character(_ text: borrowing ByteSpan, _ at: Int) -> String {
        text.extracting(at..<(at + max(1, JSONText.sequenceCount(text, at)))).text
    }

    /// The beginning of `text`, for messages.
    static func excerpt(_ text: borrowing ByteSpan) -> String {
        let end = MetadataNames.prefixEnd(text, limit: 128)
        return text.extracting(0..<end).text + (end < text.count ? "…" : "")
    }
}
