import Bytes

/// Paths with what identifies one thing replaced by `{id}`, so that requests of one route count together.
enum RouteText {
    private static let lengthLimit = 200
    private static let schemeEnd: [UInt8] = [0x3a, 0x2f, 0x2f]

    static func template(of path: String) -> String {
        var out: [UInt8] = []
        appendTemplate([UInt8](path.utf8).span, to: &out)
        return out.text
    }

    /// Appends the route of `path`, which may be a whole URL and have a query.
    static func appendTemplate(_ path: borrowing ByteSpan, to out: inout [UInt8]) {
        var at = 0
        if let scheme = ByteSearch.find(schemeEnd.span, in: path), scheme < 8 {
            at = ByteSearch.find(byte: 0x2f, in: path, from: scheme + 3) ?? path.count
        }
        let end = min(pathEnd(path, from: at), at + lengthLimit)
        while at < end {
            if path[at] == 0x2f {
                out.append(0x2f)
                at += 1
                continue
            }
            var stop = at
            while stop < end, path[stop] != 0x2f { stop += 1 }
            if isIdentifier(path.extracting(at..<stop)) {
                out += [0x7b, 0x69, 0x64, 0x7d]
            } else {
                out.append(span: path.extracting(at..<stop))
            }
            at = stop
        }
    }

    private static func pathEnd(_ path: borrowing ByteSpan, from: Int) -> Int {
        for index in from..<max(path.count, from) where path[index] == 0x3f || path[index] == 0x23 { return index }
        return path.count
    }

    /// All digits; or eight and more hex digits and dashes, some of them decimal; or long with digits.
    private static func isIdentifier(_ segment: borrowing ByteSpan) -> Bool {
        var digits = 0
        var hex = 0
        for index in 0..<segment.count {
            switch segment[index] {
            case 0x30...0x39:
                digits += 1
                hex += 1
            case 0x61...0x66, 0x41...0x46, 0x2d: hex += 1
            default: break
            }
        }
        guard digits > 0 else { return false }
        let count = segment.count
        return digits == count || (hex == count && count >= 8) || count > 24 || (digits >= 4 && digits * 2 >= count)
    }
}
