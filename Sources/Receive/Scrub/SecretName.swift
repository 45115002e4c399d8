import Bytes

/// Names of secrets. A name tells one if, without case and `_`, `-` and `.`, it ends as one of these does:
/// `DB_PASSWORD`, `x-api-key`, `http.request.header.authorization`.
enum SecretName: Int, CaseIterable {
    case password, passwd, pwd, secret, token, authorization, cookie, cookies, apikey, privatekey
    case accesskey, secretkey, signingkey, encryptionkey, credential, credentials

    private static let reversed: [[UInt8]] = allCases.map { [UInt8]("\($0)".utf8.reversed()) }

    /// What `line[word]` names, or nil.
    init?(_ line: borrowing ByteSpan, _ word: Range<Int>) {
        guard let last = word.last else { return nil }
        // Last letters of the names above: most words end here.
        switch line[last] | 0x20 {
        case 0x64, 0x65, 0x74, 0x6e, 0x79, 0x73, 0x6c: break
        default: return nil
        }
        for (index, name) in SecretName.reversed.enumerated() {
            if SecretName.ends(line, word, with: name) {
                self.init(rawValue: index)
                return
            }
        }
        return nil
    }

    /// Whether the value goes to the end of the line or text: it may hold spaces and semicolons.
    var isHeader: Bool { self == .authorization || self == .cookie || self == .cookies }

    /// Whether running text rarely has it before a colon other than to give its value.
    var isClearBeforeColon: Bool { self != .token && self != .credential && self != .credentials && self != .cookies }

    private static func ends(_ line: borrowing ByteSpan, _ word: Range<Int>, with name: [UInt8]) -> Bool {
        var at = word.upperBound - 1
        for wanted in name {
            while at >= word.lowerBound, isJoint(line[at]) { at -= 1 }
            guard at >= word.lowerBound, line[at] | 0x20 == wanted else { return false }
            at -= 1
        }
        return true
    }

    private static func isJoint(_ byte: UInt8) -> Bool { byte == 0x5f || byte == 0x2d || byte == 0x2e }

    /// Whether a byte may belong to a name.
    @inline(__always)
    static func isPart(_ byte: UInt8) -> Bool {
        (byte | 0x20) &- 0x61 < 26 || byte &- 0x30 < 10 || isJoint(byte)
    }
}
