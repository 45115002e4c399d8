import Bytes

/// Lines of nginx and Apache: `client - user [time] "METHOD path HTTP/1.1" status bytes …`, with the time that the
/// request took as the last number: seconds with a point (nginx's `$request_time`, also `rt=` or `request_time=`), or
/// whole microseconds (Apache's `%D`).
enum AccessLine {
    /// - Parameter protocolAt: where ` HTTP/` lies.
    static func read(_ line: borrowing ByteSpan, protocolAt: Int) -> RequestFields? {
        guard let close = ByteSearch.find(byte: 0x22, in: line, from: protocolAt) else { return nil }
        var open = protocolAt
        while open > 0, line[open - 1] != 0x22 { open -= 1 }
        guard open > 0 else { return nil }
        guard let space = ByteSearch.find(byte: 0x20, in: line, from: open), space < protocolAt else { return nil }
        var statusStart = close + 1
        while statusStart < line.count, line[statusStart] == 0x20 { statusStart += 1 }
        guard statusStart + 3 <= line.count else { return nil }
        let status = RequestReader.status(line.extracting(statusStart..<statusStart + 3))
        guard status > 0, let duration = duration(line, from: statusStart + 3) else { return nil }
        var fields = RequestFields(microseconds: duration)
        fields.status = status
        fields.method = open..<space
        fields.path = (space + 1)..<protocolAt
        if let end = ByteSearch.find(byte: 0x20, in: line), end < open { fields.client = 0..<end }
        return fields
    }

    /// The last word that is a time; the word after the status is a size and does not count.
    private static func duration(_ line: borrowing ByteSpan, from: Int) -> Int64? {
        var at = from
        while at < line.count, line[at] == 0x20 { at += 1 }
        while at < line.count, line[at] != 0x20 { at += 1 }
        let afterSize = at
        var end = line.count
        while end > afterSize {
            while end > afterSize, line[end - 1] == 0x20 { end -= 1 }
            var start = end
            while start > afterSize, line[start - 1] != 0x20 { start -= 1 }
            guard start < end else { return nil }
            if line[end - 1] == 0x22 { return nil }
            var value = start
            while value < end, line[value] != 0x3d { value += 1 }
            let isNamed = value < end
            let word = isNamed ? (value + 1)..<end : start..<end
            if isNamed, !isTimeName(line.extracting(start..<value)) {
                end = start
                continue
            }
            let text = line.extracting(word)
            let isFraction = ByteSearch.find(byte: 0x2e, in: text) != nil
            if let found = DurationValue.microseconds(text, unit: isFraction || isNamed ? .seconds : .microseconds) {
                return found
            }
            end = start
        }
        return nil
    }

    private static func isTimeName(_ name: borrowing ByteSpan) -> Bool {
        name.equals([UInt8]("rt".utf8).span) || name.equals([UInt8]("request_time".utf8).span)
    }
}

/// Plain text with a method, a path, a status and a time: `GET /orders/17 200 812.4ms`, `POST /pay -> 502 in 1.2 s`.
enum PlainRequest {
    private static let wordsLimit = 64
    private static let methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"].map { [UInt8]($0.utf8) }
    private static let spaceSlash: [UInt8] = [0x20, 0x2f]

    static func read(_ line: borrowing ByteSpan) -> RequestFields? {
        guard let slash = ByteSearch.find(spaceSlash.span, in: line) else { return nil }
        var start = slash
        while start > 0, line[start - 1] >= 0x41, line[start - 1] <= 0x5a { start -= 1 }
        guard slash > start, isMethod(line.extracting(start..<slash)) else { return nil }
        var fields = RequestFields(microseconds: -1)
        fields.method = start..<slash
        var at = slash
        for _ in 0..<wordsLimit {
            guard let word = nextWord(line, &at) else { break }
            if fields.path == nil {
                fields.path = word
            } else if fields.status == 0, RequestReader.status(line.extracting(word)) > 0, !isUnit(line, at) {
                fields.status = RequestReader.status(line.extracting(word))
            } else if fields.microseconds < 0, let found = duration(line, word, at) {
                fields.microseconds = found
            }
        }
        return fields.microseconds >= 0 ? fields : nil
    }

    private static func isMethod(_ word: borrowing ByteSpan) -> Bool {
        for method in methods where word.equals(method.span) { return true }
        return false
    }

    /// The next run of bytes that are neither blank nor brackets, quotes or commas.
    private static func nextWord(_ line: borrowing ByteSpan, _ at: inout Int) -> Range<Int>? {
        while at < line.count, isSeparator(line[at]) { at += 1 }
        let start = at
        while at < line.count, !isSeparator(line[at]) { at += 1 }
        return at > start ? start..<at : nil
    }

    private static func isSeparator(_ byte: UInt8) -> Bool {
        byte <= 0x20 || byte == 0x28 || byte == 0x29 || byte == 0x22 || byte == 0x2c || byte == 0x5b || byte == 0x5d
            || byte == 0x7c
    }

    /// A number with its unit, or a number before a word that is one.
    private static func duration(_ line: borrowing ByteSpan, _ word: Range<Int>, _ end: Int) -> Int64? {
        guard line[word.lowerBound] >= 0x30, line[word.lowerBound] <= 0x39 else { return nil }
        let last = line[word.upperBound - 1]
        if last >= 0x30, last <= 0x39 {
            guard isUnit(line, end) else { return nil }
            let isMilliseconds = line[end + 1] == 0x6d
            return DurationValue.microseconds(
                line.extracting(word), unit: isMilliseconds ? .milliseconds : .seconds)
        }
        return DurationValue.microseconds(line.extracting(word), unit: .milliseconds)
    }

    /// Whether ` ms` or ` s` follows as a word.
    private static func isUnit(_ line: borrowing ByteSpan, _ end: Int) -> Bool {
        guard end + 1 < line.count, line[end] == 0x20 else { return false }
        let length =
            line[end + 1] == 0x73 ? 1 : (end + 2 < line.count && line[end + 1] == 0x6d && line[end + 2] == 0x73 ? 2 : 0)
        guard length > 0 else { return false }
        let stop = end + 1 + length
        return stop == line.count || isSeparator(line[stop])
    }
}
