public import Bytes
public import Model

/// Our own push format: a JSON object, a JSON array of objects, NDJSON, or plain text lines, told apart by the body.
public enum PlainPush {
    /// Reads a body.
    ///
    /// The line stored is the JSON text, or the line of text, as it was sent. A broken NDJSON line, or an array element
    /// that is not an object, is refused by its index and the rest is kept; an array or object that breaks off is
    /// refused
    /// as a whole.
    /// - Parameters:
    ///   - body: as received, perhaps compressed.
    ///   - queryLabels: labels for entries that do not carry them, from the request's query.
    ///   - contentEncoding: the header's value.
    ///   - now: nanoseconds since 1970.
    ///   - arrival: stamps entries without a timestamp; one for the whole server.
    ///   - zone: the zone of timestamps that name none; without it, their entries are stamped as those without one.
    /// - Throws: `ReceiveError` for a body of which nothing is stored.
    public static func decode(
        body: borrowing ByteSpan, queryLabels: [(name: String, value: String)], contentEncoding: String?,
        options: ReceiveOptions, now: Int64, arrival: ArrivalClock, zone: TimeZoneTable? = nil
    ) throws(ReceiveError) -> ReceiveResult {
        let content = try BodyDecoder.decode(body, encoding: contentEncoding, limits: options.limits)
        var reader = try PlainReader(
            options: options, queryLabels: queryLabels, now: now, arrival: arrival, zone: zone,
            bodyBytes: content?.count ?? body.count)
        if let content {
            try read(content.span, &reader)
        } else {
            try read(body, &reader)
        }
        let isEmpty = reader.builder.entryCount == 0
        let result = try reader.builder.finish()
        if isEmpty { throw ReceiveError.malformed("the request holds no entries") }
        return result
    }

    private static func read(_ body: borrowing ByteSpan, _ reader: inout PlainReader) throws(ReceiveError) {
        let hasMark = body.count >= 3 && body[0] == 0xef && body[1] == 0xbb && body[2] == 0xbf
        let whole = (hasMark ? 3 : 0)..<body.count
        var scanner = JSONScanner(whole, maxDepth: reader.maxDepth)
        switch scanner.peek(in: body) {
        case 0x7b: try readObjects(body, whole, first: scanner.offset, &reader)
        case 0x5b where isArray(body, scanner): try readArray(body, &scanner, &reader)
        default: if scanner.offset < body.count { try reader.readText(body, whole) }
        }
    }

    /// Whether what begins with `[` is an array, if a broken one, rather than text such as `[ERROR] …`.
    private static func isArray(_ body: borrowing ByteSpan, _ start: JSONScanner) -> Bool {
        var scanner = start
        scanner.offset += 1
        let first = scanner.peek(in: body)
        if scanner.offset >= body.count || first == 0x7b || first == 0x5d { return true }
        do throws(JSONError) {
            try scanner.skipValue(in: body, depth: 1)
            _ = try scanner.more(until: 0x5d, in: body)
            return true
        } catch {
            return error.endsEarly
        }
    }

    private static func readArray(
        _ body: borrowing ByteSpan, _ scanner: inout JSONScanner, _ reader: inout PlainReader
    ) throws(ReceiveError) {
        var index = 0
        do throws(JSONError) {
            try scanner.expect(0x5b, in: body)
            if !scanner.take(0x5d, in: body) {
                repeat {
                    let isObject = scanner.peek(in: body) == 0x7b
                    let start = scanner.offset
                    let goesOn: Bool
                    if isObject {
                        try reader.readObject(body, &scanner, depth: 1)
                        goesOn = reader.commit(body, start..<scanner.offset)
                    } else {
                        try scanner.skipValue(in: body, depth: 1)
                        goesOn = reader.builder.reject(.malformed, "element \(index) is not a JSON object")
                    }
                    guard goesOn else { return }
                    index += 1
                } while try scanner.more(until: 0x5d, in: body)
            }
            try scanner.finish(in: body)
        } catch {
            throw ReceiveError.malformed("JSON array, element \(index): \(error)")
        }
    }

    /// One object over the whole of `body[range]`, or one to a line; the first begins at `first`.
    private static func readObjects(
        _ body: borrowing ByteSpan, _ range: Range<Int>, first: Int, _ reader: inout PlainReader
    ) throws(ReceiveError) {
        let lineEnd = ByteSearch.find(byte: 0x0a, in: body, from: first) ?? range.upperBound
        var scanner = JSONScanner(first..<lineEnd, maxDepth: reader.maxDepth)
        var firstLine: JSONError?
        do throws(JSONError) {
            try scanner.skipValue(in: body, depth: 0)
            try scanner.finish(in: body)
        } catch {
            firstLine = error
        }
        guard let firstLine, firstLine.endsEarly, !isObjectLine(body, after: lineEnd) else {
            return readLines(body, range, &reader)
        }
        scanner = JSONScanner(first..<range.upperBound, maxDepth: reader.maxDepth)
        do throws(JSONError) {
            try reader.readObject(body, &scanner, depth: 0)
            let end = scanner.offset
            try scanner.finish(in: body)
            _ = reader.commit(body, first..<end)
        } catch {
            throw ReceiveError.malformed("JSON object: \(error)")
        }
    }

    /// Whether the next line that is not blank begins with an object.
    private static func isObjectLine(_ body: borrowing ByteSpan, after offset: Int) -> Bool {
        var scanner = JSONScanner(min(offset, body.count)..<body.count, maxDepth: 1)
        return scanner.peek(in: body) == 0x7b
    }

    private static func readLines(_ body: borrowing ByteSpan, _ range: Range<Int>, _ reader: inout PlainReader) {
        var at = range.lowerBound
        var number = 0
        while at < range.upperBound {
            let end = ByteSearch.find(byte: 0x0a, in: body, from: at) ?? range.upperBound
            let start = at
            at = end + 1
            number += 1
            let textEnd = end > start && body[end - 1] == 0x0d ? end - 1 : end
            var scanner = JSONScanner(start..<textEnd, maxDepth: reader.maxDepth)
            let first = scanner.peek(in: body)
            if scanner.offset >= textEnd { continue }
            let goesOn: Bool
            do throws(JSONError) {
                guard first == 0x7b else { throw JSONError("not a JSON object", at: scanner.offset) }
                try reader.readObject(body, &scanner, depth: 0)
                try scanner.finish(in: body)
                goesOn = reader.commit(body, start..<textEnd)
            } catch {
                goesOn = reader.builder.reject(
                    .malformed, "line \(number): \(error.what) at byte \(error.offset - start) of the line")
            }
            guard goesOn else { return }
        }
    }

    // MARK: - Receipts

    /// The receipt `{"accepted":n,"duplicates":n,"rejected":n,"errors":[{"index":i,"reason":"…"}…]}` with a newline.
    public static func receipt(accepted: Int, duplicates: Int, result: ReceiveResult) -> [UInt8] {
        receipt(
            accepted: accepted, duplicates: duplicates, rejected: result.rejected,
            errors: result.rejections.map { ($0.index, $0.message) })
    }

    /// The receipt of a body that was refused as a whole.
    public static func receipt(refused error: ReceiveError) -> [UInt8] {
        receipt(accepted: 0, duplicates: 0, rejected: 0, errors: [(0, error.message)])
    }

    private static func receipt(
        accepted: Int, duplicates: Int, rejected: Int, errors: [(index: Int, reason: String)]
    ) -> [UInt8] {
        var out = [UInt8](
            text: "{\"accepted\":\(accepted),\"duplicates\":\(duplicates),\"rejected\":\(rejected),\"errors\":[")
        for (position, error) in errors.enumerated() {
            out.append(contentsOf: "\(position == 0 ? "" : ","){\"index\":\(error.index),\"reason\":".utf8)
            JSONText.append(error.reason, to: &out)
            out.append(0x7d)
        }
        out.append(contentsOf: "]}\n".utf8)
        return out
    }
}
