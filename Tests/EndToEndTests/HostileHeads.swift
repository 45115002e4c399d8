import Foundation

// Heads, framing, targets and questions that are wrong on purpose.
extension HostileRequest {
    private static func post(_ fields: String, _ body: String = "") -> String {
        "POST /api/v1/push HTTP/1.1\r\nHost: x\r\n\(fields)\r\n\(body)"
    }

    /// A second request that hides in the first one's body, and must not be answered.
    private static let hidden = "GET /config HTTP/1.1\r\nHost: x\r\n\r\n"

    static func framing() -> [HostileRequest] {
        let length = "Content-Length: 5\r\n"
        let chunked = "Transfer-Encoding: chunked\r\n"
        let heads: [String: String] = [
            "CL and TE": "\(length)\(chunked)", "TE and CL": "\(chunked)\(length)",
            "two CL": "\(length)Content-Length: 6\r\n",
            "equal CL": "\(length)\(length)", "CL list": "Content-Length: 5, 5\r\n",
            "CL plus": "Content-Length: +5\r\n",
            "CL hex": "Content-Length: 0x5\r\n", "CL minus": "Content-Length: -5\r\n",
            "CL words": "Content-Length: five\r\n", "CL empty": "Content-Length: \r\n",
            "CL overflow": "Content-Length: 99999999999999999999999\r\n", "CL fraction": "Content-Length: 5.0\r\n",
            "CL space": "Content-Length: 5 5\r\n",
            "TE twice": "\(chunked)\(chunked)", "TE list": "Transfer-Encoding: chunked, chunked\r\n",
            "TE identity": "Transfer-Encoding: identity\r\n", "TE gzip": "Transfer-Encoding: gzip, chunked\r\n",
            "TE unknown": "Transfer-Encoding: xchunked\r\n", "TE tab": "Transfer-Encoding:\tchunked\t, x\r\n",
            "TE not last": "Transfer-Encoding: chunked, identity\r\n", "TE space": "Transfer-Encoding : chunked\r\n",
            "TE quoted": "Transfer-Encoding: \"chunked\"\r\n", "TE folded": "Transfer-Encoding:\r\n chunked\r\n",
            "fold": "X-A: a\r\n b: c\r\n\(length)", "space in name": "X A: a\r\n\(length)",
            "no colon": "XA\r\n\(length)", "empty name": ": a\r\n\(length)", "NUL": "X-A: a\0b\r\n\(length)",
            "bare CR": "X-A: a\rb\r\n\(length)", "control": "X-A: \u{1}\r\n\(length)",
            "two hosts": "Host: y\r\n\(length)", "expectation": "Expect: much\r\n\(length)",
        ]
        var cases: [HostileRequest] = []
        for (name, fields) in heads.sorted(by: { $0.key < $1.key }) {
            cases.append(raw(name, post(fields, "hello\(hidden)")))
        }
        let zeros = String(repeating: "0", count: 5000)
        let sizes: [String] = [
            "FFFFFFFFFFFFFFFF", "10000000000000000", "-1", "0x5", "5 5", "x", "", "5;\u{0}", "+5", "５",
            "\(zeros)5g", "7fffffffffffffff",
        ]
        for size in sizes {
            cases.append(raw("chunk of \(size.prefix(20))", post(chunked, "\(size)\r\nhello\r\n0\r\n\r\n")))
        }
        let extensions = String(repeating: "x", count: 2 << 20)
        let trailers = String(repeating: "X: y\r\n", count: 100_000)
        cases.append(raw("chunk too long", post(chunked, "5\r\nhelloX\r\n0\r\n\r\n")))
        cases.append(raw("chunk without end", post(chunked, "5\r\nhello0\r\n\r\n")))
        let extended = post(chunked, "5;\(extensions)\r\nhello\r\n0\r\n\r\n")
        cases.append(raw("long extension", extended, .harmless))
        cases.append(raw("long trailers", post(chunked, "5\r\nhello\r\n0\r\n\(trailers)")))
        for (name, fields, body) in [("length", length, "hel"), ("chunks", chunked, "5\r\nhel")] {
            var request = raw("\(name) that ends early", post(fields, body))
            request.endsEarly = true
            cases.append(request)
        }
        return cases
    }

    static func heads() -> [HostileRequest] {
        let megabytes = String(repeating: "x", count: 2 << 20)
        let long = String(repeating: "A", count: 1 << 20)
        let many = String(repeating: "X: y\r\n", count: 20_000)
        let lines: [String] = [
            "garbage\r\n\r\n", "\r\n\r\n\r\n\0\r\n\r\n", "GET\r\n\r\n", "GET /\r\n\r\n",
            "GET / HTTP/9.9\r\nHost: x\r\n\r\n",
            "GET / HTTP/0.9\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTP/1.1\r\nHost: x\r\n\r\n",
            "GET  / HTTP/1.1\r\nHost: x\r\n\r\n", "G\u{1}T / HTTP/1.1\r\nHost: x\r\n\r\n",
            "get / HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET \0 HTTP/1.1\r\nHost: x\r\n\r\n", "GET / x HTTP/1.1\r\nHost: x\r\n\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n", "TRACE / HTTP/1.1\r\nHost: x\r\n\r\n",
            "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}", "GET /ready HTTP/1.1\nHost: x\n\n\0",
            "\(long) / HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET /\(megabytes) HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nX: \(megabytes)\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\n\(megabytes): x\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\n\(many)\r\n",
            "GET / HTTP/1.1\r\nHost: \(megabytes)\r\n\r\n",
        ]
        return lines.map { raw("head \($0.prefix(30))", $0) }
    }

    static func targets() -> [HostileRequest] {
        let paths: [String] = [
            "/../../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd", "/.%00/etc/passwd",
            "//etc/passwd", "/\\..\\..\\etc\\passwd", "/loki/api/v1/label/..%2f..%2fetc%2fpasswd/values/x",
            "/loki/api/v1/../../../config/x", "/%", "/%zz", "/%00", "/%ff%fe",
            "/loki/api/v1/label//values", "/api/v1/observability/errors/..%2f..%2fx", "/?x=%", "/;/x",
            "/a%0d%0aX-A:%20b",
            "/%3Cscript%3Ealert(1)%3C/script%3E", "/state.sqlite", "/data/state.sqlite", "/local-key", "/wal/",
            "http://example.org/etc/passwd", "*", "/loki/api/v1/tail?query=%7B", "/loki/api/v1/tail",
        ]
        return paths.map { get("target \($0)", $0, .refused, forbidden: "root:") }
    }

    static func queries() -> [HostileRequest] {
        let stream = "{app=\"hostile\"}"
        let nested = String(repeating: "(", count: 60_000)
        let pluses = String(repeating: "1+", count: 50_000)
        let groups = String(repeating: "a,", count: 100_000)
        let alternatives = String(repeating: "(a|", count: 20_000)
        let conditions = String(repeating: "{{if .a}}", count: 10_000)
        let filters = String(repeating: " |= \"x\"", count: 20_000)
        let refused: [String] = [
            "", "{", "{}", "{app=\"", "{app=\"x\"", "{app=~\"(\"}", "{app=~\"(a{1000}){1000}\"}", nested,
            "{app=~\"\(alternatives)\"}", "\(pluses)1",
            "\(stream) |= ", "\(stream) | json | line_format \"{{\"", "\(stream) | unpack | \0", "rate(\(stream))",
            "rate(\(stream)[-5m])", "rate(\(stream)[99999999999y])",
            "topk(99999999999999999999, rate(\(stream)[1m]))", "sum by (\(groups)) (1)",
            "\(stream) | line_format \"\(conditions)\"",
            "\(stream)\(filters)", "\u{feff}\(stream)", "\(stream) | label_format a=`{{",
            "\(stream) |~ \"[\"", "\(stream) | pattern \"<a><b>\"", "\(stream) | regexp \"(?P<a\"",
            "\(stream)\(stream)",
        ]
        let harmless: [String] = [
            "rate(\(stream)[0s])",
            "\(stream) | line_format \"{{ repeat 1000000000 \\\"x\\\" }}\"", "1 % 0", "1 / 0", "0 / 0", "2 ^ 1e308",
            "vector(1) % vector(0)", "\(stream) | line_format \"{{ printf \\\"%1000000000d\\\" 1 }}\"",
            "\(stream) | line_format \"{{ mod 1 0 }}{{ div 1 0 }}\"", "\(stream) |~ \"(a+)+b\"",
            "\(stream) |~ \"(x?){500}x{500}\"", "sum(count_over_time(\(stream)[1h])) % 0",
            "quantile_over_time(NaN, \(stream) | unwrap a [5m])",
            "quantile_over_time(1e300, \(stream) | unwrap a [5m])",
            "topk(0, count_over_time(\(stream)[1h]))", "count_over_time(\(stream)[1h] offset -1h)",
            "\(stream) | json a=\"b[99999999999]\"", "\(stream) | decolorize | unpack | logfmt | json",
            "\(stream) | line_format \"{{ substr -9223372036854775808 9223372036854775807 .a }}\"",
        ]
        let parameters: [(String, Bool)] = [
            ("&limit=-1", true), ("&limit=99999999999999999999", true), ("&limit=1e3", true), ("&limit=x", true),
            ("&step=0", true), ("&step=-1", true), ("&step=1e-300&start=0", true), ("&step=NaN", true),
            ("&start=99999999999999999999", true), ("&start=-9223372036854775808&end=9223372036854775807", false),
            ("&start=2&end=1", true), ("&start=NaN", true), ("&end=1e400", true), ("&direction=sideways", true),
            ("&since=-1h", true), ("&since=99999999999h", true), ("&interval=-5", true), ("&start=%ff", true),
            ("&query=%7Bapp%3D%22other%22%7D", false), ("&start=2026-13-45T99:99:99Z", true),
        ]
        var cases: [HostileRequest] = []
        for text in refused { cases.append(query("query \(text.prefix(40))", text, "", .refused)) }
        for text in harmless { cases.append(query("query \(text.prefix(60))", text, "", .harmless)) }
        for (more, isRefused) in parameters {
            cases.append(query("parameters \(more)", "rate(\(stream)[1m])", more, isRefused ? .refused : .harmless))
        }
        return cases
    }
}
