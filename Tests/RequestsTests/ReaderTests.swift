import Bytes
import Model
import Testing

@testable import Requests

struct ReaderTests {
    struct Sample: Sendable, CustomTestStringConvertible {
        let line: String
        let microseconds: Int64?
        var status = 0
        var method: String?
        var path: String?
        var client: String?

        var testDescription: String { line }
    }

    static let samples: [Sample] = [
        Sample(line: #"{"msg":"x","duration_ms":812.4}"#, microseconds: 812_400),
        Sample(line: #"{"latency_ms":3,"status":503}"#, microseconds: 3000, status: 503),
        Sample(line: #"{"duration":0.25}"#, microseconds: 250_000),
        Sample(line: #"{"duration":250000000}"#, microseconds: 250_000),
        Sample(line: #"{"duration":"1.5s","elapsed_ms":20}"#, microseconds: 20_000),
        Sample(line: #"{"request_time":"0.042","status":"404"}"#, microseconds: 42_000, status: 404),
        Sample(line: #"{"took_ms":"35µs"}"#, microseconds: 35),
        Sample(line: #"{"duration_ms":null}"#, microseconds: nil),
        Sample(line: #"{"duration_ms":-1}"#, microseconds: nil),
        Sample(line: #"{"duration_ms":1e300}"#, microseconds: nil),
        Sample(line: #"{"duration_ms":"soon"}"#, microseconds: nil),
        Sample(line: #"{"msg":"took a while"}"#, microseconds: nil),
        Sample(line: #"{"duration_ms":7,"cut":"#, microseconds: 7000),
        Sample(
            line: #"{"method":"GET","path":"/a/1","status_code":200,"duration_ms":5,"client_ip":"203.0.113.9"}"#,
            microseconds: 5000, status: 200, method: "GET", path: "/a/1", client: "203.0.113.9"),
        Sample(
            line: #"{"text":"…","record":{"level":{"name":"INFO"},"message":"{\"method\": \"PUT\", \"path\": \"/b\", "#
                + #"\"status_code\": 500, \"duration_ms\": 12.5}"}}"#,
            microseconds: 12_500, status: 500, method: "PUT", path: "/b"),
        // Writers that escape slashes.
        Sample(
            line: #"{"method":"GET","path":"\/a\/1\\n","duration_ms":5,"client_ip":"a\/b"}"#, microseconds: 5000,
            method: "GET", path: #"/a/1\\n"#, client: "a/b"),
        Sample(
            line: #"{"record":{"message":"{\"path\": \"\\\/a\\\/1\", \"duration_ms\": 5}"}}"#, microseconds: 5000,
            path: "/a/1"),
        Sample(line: #"{"path":"\/a","duration_ms":5,"cut":"\"#, microseconds: 5000, path: "/a"),
        Sample(
            line: #"9.9.9.9 - - [23/Nov/2026:18:59:58 +0000] "GET /x?y=1 HTTP/1.1" 502 17 "-" "curl/8" 0.731"#,
            microseconds: 731_000, status: 502, method: "GET", path: "/x?y=1", client: "9.9.9.9"),
        Sample(
            line: #"9.9.9.9 - - [23/Nov/2026:18:59:58 +0000] "GET /x HTTP/1.1" 200 17 731000"#,
            microseconds: 731_000, status: 200, method: "GET", path: "/x", client: "9.9.9.9"),
        Sample(
            line: #"9.9.9.9 - - [t] "GET /x HTTP/1.1" 200 17 "-" "curl" rt=0.5 uct="0.0""#, microseconds: nil),
        Sample(
            line: #"9.9.9.9 - - [t] "GET /x HTTP/1.1" 200 17 rt=0.5 up=a:80"#,
            microseconds: 500_000, status: 200, method: "GET", path: "/x", client: "9.9.9.9"),
        Sample(line: #"9.9.9.9 - - [t] "GET /x HTTP/1.1" 200 17"#, microseconds: nil),
        Sample(
            line: "level=info method=GET path=\"/a b\" status=201 duration=12ms", microseconds: 12_000, status: 201,
            method: "GET", path: "/a b"),
        Sample(
            line: "2026-11-23 | INFO | app:access:12 - GET /orders/17 -> 200 (812.4ms)", microseconds: 812_400,
            status: 200, method: "GET", path: "/orders/17"),
        Sample(
            line: "POST /pay 502 in 1.2 s", microseconds: 1_200_000, status: 502, method: "POST", path: "/pay"),
        Sample(line: "GET /health 200", microseconds: nil),
        Sample(line: "", microseconds: nil),
        Sample(line: "{", microseconds: nil),
        Sample(line: "duration=", microseconds: nil),
    ]

    @Test(arguments: samples) func linesTellTheirRequest(_ sample: Sample) {
        var reader = RequestReader()
        let line = [UInt8](sample.line.utf8)
        let found = reader.read(line.span)
        #expect(found?.microseconds == sample.microseconds)
        guard let found else { return }
        let text = found.isNested ? reader.nested : line
        func string(_ range: Range<Int>?) -> String? { range.map { text.span.extracting($0).text } }
        #expect(found.status == sample.status)
        #expect(string(found.method) == sample.method)
        #expect(string(found.path) == sample.path)
        #expect(string(found.client) == sample.client)
    }

    @Test func everyCutOfALineIsRead() {
        var reader = RequestReader()
        for sample in ReaderTests.samples {
            let line = [UInt8](sample.line.utf8)
            for end in 0...line.count {
                _ = reader.read(line.span.extracting(0..<end))
                _ = reader.readMetadata(line.span.extracting(0..<end))
            }
        }
    }

    @Test(arguments: [
        ("/orders/17", "/orders/{id}"), ("/orders/17?x=1", "/orders/{id}"), ("/api/v2/users", "/api/v2/users"),
        ("/t/4bf92f3577b34da6a3ce929d0e0e4736/x", "/t/{id}/x"),
        ("/t/40347e80-9691-4ea3-aa2c-92c9ade4f7bb", "/t/{id}"), ("https://h.example/a/1#b", "/a/{id}"), ("", ""),
        ("/deadbeef", "/deadbeef"), ("/ORD-12736224", "/{id}"), ("//", "//"),
    ])
    func routesHaveNoIdentifiers(_ path: String, _ route: String) {
        #expect(RouteText.template(of: path) == route)
    }
}
