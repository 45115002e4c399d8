/// A request target, taken apart: the path without the server's prefix, and the query text.
struct RoutePath: Hashable, Sendable {
    let path: String
    /// Without the question mark; still percent-encoded.
    let query: String

    /// Takes `target` as in a request line apart. Origin form and absolute form are understood.
    init(target: String, prefix: String) {
        var rest = target[...]
        if !rest.hasPrefix("/"), let scheme = rest.range(of: "://") {
            let authority = rest[scheme.upperBound...]
            rest = authority.firstIndex(of: "/").map { authority[$0...] } ?? "/"
        }
        if let hash = rest.firstIndex(of: "#") { rest = rest[..<hash] }
        let mark = rest.firstIndex(of: "?")
        var path = rest[..<(mark ?? rest.endIndex)]
        if !prefix.isEmpty, path.hasPrefix(prefix) {
            let tail = path.dropFirst(prefix.count)
            if tail.isEmpty || tail.hasPrefix("/") { path = tail }
        }
        self.path = path.isEmpty ? "/" : String(path)
        query = mark.map { String(rest[rest.index(after: $0)...]) } ?? ""
    }

    /// The target again.
    var target: String { query.isEmpty ? path : path + "?" + query }
}

extension Substring {
    /// Where `other` first occurs.
    fileprivate func range(of other: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(other) { return start..<index(start, offsetBy: other.count) }
            start = index(after: start)
        }
        return nil
    }
}
