internal import Bytes
internal import Model

/// Groups entries by their labels into the streams of an answer.
enum StreamGrouping {
    /// - Parameter categorizes: whether streams keep index labels only, and entries their other labels.
    static func streams(_ entries: [FoundEntry], categorizes: Bool) -> [LogStream] {
        var positions: [LabelSet: Int] = [:]
        var streams: [LogStream] = []
        for entry in entries {
            let labels = LabelSet(canonical: categorizes ? entry.index : merged(entry))
            let position: Int
            if let known = positions[labels] {
                position = known
            } else {
                position = streams.count
                positions[labels] = position
                streams.append(LogStream(labels: labels, entries: []))
            }
            streams[position].entries.append(
                LogEntry(
                    time: entry.time, line: entry.line,
                    metadata: LabelSet(canonical: categorizes ? entry.metadata : []),
                    parsed: LabelSet(canonical: categorizes ? entry.parsed : [])))
        }
        let texts = streams.map { [UInt8](text: $0.labels.description) }
        return streams.indices.sorted { texts[$0].lexicographicallyPrecedes(texts[$1]) }.map { streams[$0] }
    }

    static func merged(_ entry: FoundEntry) -> [UInt8] {
        if entry.bytes.count == Int(entry.lineCount) + Int(entry.indexCount) { return entry.index }
        return LabelPairs(entry.index).adding(LabelPairs(entry.metadata)).adding(LabelPairs(entry.parsed)).encoded
    }
}

/// Label pairs as bytes, to take apart and put together; sorted by name.
struct LabelPairs {
    var pairs: [(name: [UInt8], value: [UInt8])] = []

    init(_ encoded: [UInt8]) {
        var cursor = PairCursor(0..<encoded.count)
        let span = encoded.span
        while let pair = cursor.next(in: span) {
            pairs.append(([UInt8](encoded[pair.name]), [UInt8](encoded[pair.value])))
        }
    }

    init(_ labels: LabelSet) {
        self.init(labels.encoded)
    }

    /// All pairs of both; names do not repeat.
    func adding(_ other: LabelPairs) -> LabelPairs {
        var result = self
        result.pairs += other.pairs
        result.pairs.sort { $0.name.span.compare($1.name.span) < 0 }
        return result
    }

    mutating func set(_ name: [UInt8], _ value: [UInt8]) {
        pairs.removeAll { $0.name == name }
        let position = pairs.firstIndex { $0.name.span.compare(name.span) > 0 } ?? pairs.count
        pairs.insert((name, value), at: position)
    }

    mutating func remove(_ name: [UInt8]) {
        pairs.removeAll { $0.name == name }
    }

    func value(_ name: [UInt8]) -> [UInt8]? { pairs.first { $0.name == name }?.value }

    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        for pair in pairs {
            bytes.appendPrefixed(pair.name)
            bytes.appendPrefixed(pair.value)
        }
        return bytes
    }

    var labels: LabelSet { LabelSet(canonical: encoded) }
}

extension LabelSet {
    /// Order of series in an answer: by names and values, pair by pair.
    static func isOrdered(_ a: LabelSet, _ b: LabelSet) -> Bool {
        var first = PairCursor(0..<a.encoded.count)
        var second = PairCursor(0..<b.encoded.count)
        let left = a.encoded.span
        let right = b.encoded.span
        while true {
            guard let x = first.next(in: left) else { return second.next(in: right) != nil }
            guard let y = second.next(in: right) else { return false }
            let names = left.extracting(x.name).compare(right.extracting(y.name))
            if names != 0 { return names < 0 }
            let values = left.extracting(x.value).compare(right.extracting(y.value))
            if values != 0 { return values < 0 }
        }
    }
}
