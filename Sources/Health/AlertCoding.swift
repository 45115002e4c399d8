/// Alerts as they are kept: texts one after the other.
extension Alert {
    private static let version = "2"
    private static let fixedCount = 28

    var encoded: [UInt8] {
        func text(_ time: Int64?) -> String { time.map { "\($0)" } ?? "" }
        var texts = [
            Alert.version, id, key, rule, level.rawValue, source, threshold.map { "\($0)" } ?? "", unit, tenant, group,
            message, "\(value)", query, "\(startedAt)", "\(lastSeen)", text(resolvedAt), text(firedAt),
            acknowledgedBy ?? "", text(silencedUntil), "\(count)", (isFlapping ? "f" : "") + (isPending ? "p" : ""),
            text(clearSince), "\(windowSeconds)",
        ]
        texts += [labels.count, annotations.count, samples.count, events.count, notices.count].map { "\($0)" }
        for pairs in [labels, annotations] {
            for pair in pairs.sorted(by: { $0.key < $1.key }) { texts += [pair.key, pair.value] }
        }
        for sample in samples { texts += ["\(sample.time)", sample.message, sample.trace] }
        for event in events { texts += ["\(event.at)", event.from, event.to, event.by, event.comment] }
        for notice in notices { texts += [notice.channel, "\(notice.at)", notice.isSent ? "1" : "0"] }
        return TextRecord.encode(texts)
    }

    init?(_ bytes: [UInt8]) {
        guard let texts = TextRecord.decode(bytes), texts.count >= Alert.fixedCount, texts[0] == Alert.version,
            let level = AlertRule.Level(rawValue: texts[4]), let value = Double(texts[11]),
            let started = Int64(texts[13]), let seen = Int64(texts[14]), let count = Int(texts[19])
        else { return nil }
        var at = Alert.fixedCount
        /// As many rows of `width` texts as the number at `place` says; nil if they are not there.
        func rows(_ place: Int, _ width: Int) -> [[String]]? {
            guard let count = Int(texts[place]), (0...100_000).contains(count), texts.count - at >= count * width
            else { return nil }
            defer { at += count * width }
            return (0..<count).map { row in Array(texts[(at + row * width)..<(at + (row + 1) * width)]) }
        }
        guard let labels = rows(23, 2), let annotations = rows(24, 2), let samples = rows(25, 3),
            let events = rows(26, 5), let notices = rows(27, 3), at == texts.count
        else { return nil }
        (id, key, rule, self.level, source) = (texts[1], texts[2], texts[3], level, texts[5])
        (threshold, unit, tenant, group) = (Double(texts[6]), texts[7], texts[8], texts[9])
        (message, self.value, query) = (texts[10], value, texts[12])
        (startedAt, lastSeen, self.count) = (started, seen, count)
        (resolvedAt, firedAt, silencedUntil) = (Int64(texts[15]), Int64(texts[16]), Int64(texts[18]))
        acknowledgedBy = texts[17].isEmpty ? nil : texts[17]
        (isFlapping, isPending) = (texts[20].contains("f"), texts[20].contains("p"))
        clearSince = Int64(texts[21])
        windowSeconds = Int64(texts[22]) ?? 600
        self.labels = Dictionary(labels.map { ($0[0], $0[1]) }, uniquingKeysWith: { $1 })
        self.annotations = Dictionary(annotations.map { ($0[0], $0[1]) }, uniquingKeysWith: { $1 })
        self.samples = samples.map { Sample(time: Int64($0[0]) ?? 0, message: $0[1], trace: $0[2]) }
        self.events = events.map { Event(at: Int64($0[0]) ?? 0, from: $0[1], to: $0[2], by: $0[3], comment: $0[4]) }
        self.notices = notices.map { Notice(channel: $0[0], at: Int64($0[1]) ?? 0, isSent: $0[2] == "1") }
    }
}
