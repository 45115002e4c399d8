import Bytes

/// Secrets that show themselves by their form, under whatever name.
enum SecretText {
    typealias Secret = Scrubber.Secret

    private static let beginning = [UInt8]("-----BEGIN ".utf8)
    private static let ending = [UInt8]("-----END".utf8)
    private static let privateKeyWords = [UInt8]("PRIVATE KEY-----".utf8)

    /// The password of `scheme://user:password@host`; `at` is the colon.
    static func password(_ line: borrowing ByteSpan, addressAt at: Int) -> Secret? {
        let start = at + 3
        guard start < line.count, line[at + 2] == 0x2f else { return nil }
        let limit = min(line.count, start + Scrubber.reachBytes)
        var colon: Int?
        var sign: Int?
        var end = start
        scan: while end < limit {
            switch line[end] {
            case 0...0x20, 0x22, 0x27, 0x2f, 0x3c, 0x3e, 0x3f, 0x5c, 0x7d: break scan
            case 0x3a where colon == nil: colon = end
            case 0x40: sign = end
            default: break
            }
            end += 1
        }
        guard let colon, let sign, colon + 1 < sign else { return nil }
        return Secret(rule: .urls, value: (colon + 1)..<sign)
    }

    /// `eyJ….….…`
    static func webToken(_ line: borrowing ByteSpan, at: Int) -> Secret? {
        guard at >= 0, at + 30 < line.count, line[at] == 0x65, line[at + 1] == 0x79, line[at + 2] == 0x4a,
            at == 0 || !isLetterOrDigit(line[at - 1])
        else { return nil }
        var end = at
        var dots = 0
        while end < line.count {
            let byte = line[end]
            if byte == 0x2e { dots += 1 } else if !isLetterOrDigit(byte), byte != 0x2d, byte != 0x5f { break }
            end += 1
        }
        guard dots == 2, end - at >= 30 else { return nil }
        return Secret(rule: .tokens, value: at..<end)
    }

    /// `AKIA` or `ASIA` and 16 more; `at` is the hint's letter, the second of the one and the second of the other.
    static func accessKey(_ line: borrowing ByteSpan, at: Int) -> Secret? {
        let start = at - 1
        let end = start + 20
        guard start >= 0, end <= line.count, line[start] == 0x41, line[at] == 0x4b || line[at] == 0x53,
            line[at + 1] == 0x49, line[at + 2] == 0x41, start == 0 || !isLetterOrDigit(line[start - 1]),
            end == line.count || !isLetterOrDigit(line[end])
        else { return nil }
        for byte in start..<end where !(line[byte] &- 0x41 < 26 || line[byte] &- 0x30 < 10) { return nil }
        return Secret(rule: .aws, value: start..<end)
    }

    /// What lies between the lines of a private key's PEM, also where line feeds are escaped.
    static func privateKey(_ line: borrowing ByteSpan, at: Int) -> Secret? {
        let nameStart = at + beginning.count
        guard nameStart < line.count, line.extracting(at..<nameStart).equals(beginning.span) else { return nil }
        let limit = min(line.count, nameStart + 64)
        guard let words = ByteSearch.find(privateKeyWords.span, in: line.extracting(nameStart..<limit)) else {
            return nil
        }
        let start = nameStart + words + privateKeyWords.count
        if let end = ByteSearch.find(ending.span, in: line, from: start) {
            return Secret(rule: .pem, value: start..<end)
        }
        var end = start
        while end < line.count, line[end] != 0x22 { end += 1 }
        return Secret(rule: .pem, value: start..<end)
    }

    @inline(__always)
    static func isLetterOrDigit(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 || byte &- 0x30 < 10 }
}
