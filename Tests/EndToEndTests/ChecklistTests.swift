import Foundation
import Testing

/// The rules that clients rely on, in the order of the contract's checklist, on one running server. What needs much
/// set-up has tests of its own: deletion, tail, OpenTelemetry, paging, captured bodies.
@Suite(.serialized) struct ChecklistTests {
    private static let root = "/loki/api/v1"
    private let server: ServerProcess
    private let now = Int64(Date().timeIntervalSince1970) - 300

    init() throws {
        server = try ServerProcess()
        try server.start()
    }

    // MARK: Encodings

    private func json(_ app: String) -> [UInt8] {
        Array(#"{"streams":[{"stream":{"app":"\#(app)"},"values":[["\#(now)000000000","of \#(app)"]]}]}"#.utf8)
    }

    private func varint(_ value: UInt64) -> [UInt8] {
        var rest = value
        var out: [UInt8] = []
        while rest > 127 {
            out.append(UInt8(truncatingIfNeeded: rest) | 128)
            rest >>= 7
        }
        return out + [UInt8(rest)]
    }

    private func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
        [number << 3 | 2] + varint(UInt64(bytes.count)) + bytes
    }

    /// A push request in snappy's block format, made of literals alone.
    private func snappy(_ app: String) -> [UInt8] {
        let entry = field(1, [8] + varint(UInt64(now))) + field(2, Array("of \(app)".utf8))
        let message = field(1, field(1, Array("{app=\"\(app)\"}".utf8)) + field(2, entry))
        return varint(UInt64(message.count)) + [60 << 2, UInt8(message.count - 1)] + message
    }

    /// DEFLATE that stores its input.
    private func deflate(_ bytes: [UInt8]) -> [UInt8] {
        let count = UInt16(bytes.count)
        return [1, UInt8(count & 255), UInt8(count >> 8), UInt8(~count & 255), UInt8(~count >> 8)] + bytes
    }

    private func gzip(_ bytes: [UInt8]) -> [UInt8] {
        var sum: UInt32 = 0xffff_ffff
        for byte in bytes {
            sum ^= UInt32(byte)
            for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xedb8_8320 : sum >> 1 }
        }
        let tail = [~sum, UInt32(bytes.count)].flatMap { word in
            (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
        }
        return [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255] + deflate(bytes) + tail
    }

    @Test func everyEncodingIsTaken() throws {
        let jsonType = ("Content-Type", "application/json")
        let protobuf = ("Content-Type", "application/x-protobuf")
        let pushes: [(app: String, headers: [(String, String)], body: [UInt8])] = [
            ("plain", [jsonType], json("plain")),
            ("gzip", [jsonType, ("Content-Encoding", "gzip")], gzip(json("gzip"))),
            ("deflate", [jsonType, ("Content-Encoding", "deflate")], deflate(json("deflate"))),
            ("snappy", [protobuf], snappy("snappy")),
            ("both", [protobuf, ("Content-Encoding", "gzip")], gzip(snappy("both"))),
        ]
        for push in pushes {
            let reply = try server.request("POST", Self.root + "/push", headers: push.headers, body: push.body)
            #expect(reply.status == 204, "\(push.app): \(reply.text)")
            #expect(reply.body.isEmpty)
            #expect(try server.lines("{app=\"\(push.app)\"}") == ["of \(push.app)"])
        }
    }

    // MARK: Pushes

    private func push(_ streams: String) throws -> HTTPReply {
        try server.push("{\"streams\":[\(streams)]}", Self.root + "/push")
    }

    @Test func validEntriesOfABadRequestAreStored() throws {
        let old = #"["1000000000","old"]"#
        let reply = try push(#"{"stream":{"app":"part"},"values":[\#(old),["\#(now)000000000","new"]]}"#)
        #expect(reply.status == 400)
        #expect(reply.text.contains("timestamp too old"))
        #expect(try server.lines("{app=\"part\"}") == ["new"])
    }

    @Test func equalEntriesAreOneAndLevelsAndServicesAreFound() throws {
        let values = [#","dup""#, #","dup""#, #","other""#, #","dup",{"k":"v"}"#].map { "[\"\(now)000000000\"\($0)]" }
        let stream = #"{"stream":{"container":"dups"},"values":[\#(values.joined(separator: ","))]}"#
        #expect(try push(stream).status == 204)
        #expect(try server.lines("{service_name=\"dups\"}").sorted() == ["dup", "dup", "other"])
        #expect(try push(#"{"stream":{"x":"y"},"values":[["\#(now)000000001","level=warn"]]}"#).status == 204)
        #expect(try server.lines("{service_name=\"unknown_service\"} | detected_level=\"warn\"") == ["level=warn"])
    }

    // MARK: Queries

    @Test func timesAreReadByTheirLength() throws {
        #expect(try push(#"{"stream":{"app":"time"},"values":[["\#(now)000000000","it"]]}"#).status == 204)
        let format = ISO8601DateFormatter()
        let ends = [
            "\(now + 1)": 1, "\(now)000000001": 1, "\(now)000000000": 0, "\(now)000": 0, "\(now).001": 1,
            format.string(from: Date(timeIntervalSince1970: Double(now + 1))): 1,
        ]
        for (end, count) in ends {
            let query = [("query", "{app=\"time\"}"), ("since", "1h"), ("end", end)]
            let reply = try server.get(Self.root + "/query_range", query)
            #expect(reply.status == 200, "\(end): \(reply.text)")
            #expect(reply.text.contains("\"it\"") == (count == 1), "\(end)")
        }
        for bad in ["now-1h", "1e9", "2026-01-01T00:00:00"] {
            let reply = try server.get(Self.root + "/query_range", [("query", "{app=\"time\"}"), ("start", bad)])
            #expect(reply.status == 400, "\(bad)")
        }
    }

    @Test func rangesAndStepsHaveTheirEdges() throws {
        let minute = now / 60 * 60 - 60
        #expect(try push(#"{"stream":{"app":"edge"},"values":[["\#(minute)000000000","it"]]}"#).status == 204)
        func count(_ time: Int64) throws -> Bool {
            let query = [("query", "count_over_time({app=\"edge\"}[1m])"), ("time", String(time))]
            return try server.get(Self.root + "/query", query).text.contains("\"value\":[\(time),\"1\"]")
        }
        // (t - 1m, t]
        #expect(try count(minute))
        #expect(try count(minute + 59))
        #expect(try !count(minute + 60))
        #expect(try !count(minute - 1))
        // [start, end)
        for (start, end, isFound) in [(minute, minute + 1, true), (minute - 1, minute, false)] {
            let query = [("query", "{app=\"edge\"}"), ("start", "\(start)"), ("end", "\(end)")]
            #expect(try server.get(Self.root + "/query_range", query).text.contains("\"it\"") == isFound)
        }
        let stepped = try server.get(
            Self.root + "/query_range",
            [
                ("query", "count_over_time({app=\"edge\"}[1m])"), ("start", "\(minute + 7)"), ("end", "\(minute + 67)"),
                ("step", "60"),
            ])
        #expect(stepped.text.contains("\"values\":[[\(minute),\"1\"]]"))
    }

    @Test func answersHaveTheOrderThatGrafanaReads() throws {
        let values = #"["\#(now)000000000","k=v",{"m":"n"}]"#
        #expect(try push(#"{"stream":{"app":"order"},"values":[\#(values)]}"#).status == 204)
        let query = "?query=" + ServerProcess.escaped("{app=\"order\"} | logfmt")
        let plain = try server.request("GET", Self.root + "/query_range" + query)
        #expect(plain.text.contains(#""resultType":"streams","result":[{"stream":{"app":"order","#))
        #expect(plain.text.contains(#""k":"v","#))
        let flagged = try server.request(
            "GET", Self.root + "/query_range" + query,
            headers: [("X-Loki-Response-Encoding-Flags", "categorize-labels")])
        #expect(flagged.text.contains(#""resultType":"streams","encodingFlags":["categorize-labels"],"result":"#))
        #expect(flagged.text.contains(#""parsed":{"k":"v"}}]"#))
        #expect(flagged.text.contains(#""structuredMetadata":{"#))
    }

    @Test func formattedQueriesAreFixedPoints() throws {
        let query = "sum by(level) (rate({app=\"a\"}|json[5m]))"
        let once = try server.get(Self.root + "/format_query", [("query", query)])
        let answer = try JSONDecoder().decode([String: String].self, from: Data(once.body))
        let formatted = try #require(answer["data"])
        #expect(try server.get(Self.root + "/format_query", [("query", formatted)]).text == once.text)
        #expect(try server.get(Self.root + "/format_query", [("query", "sum(")]).status == 400)
    }

    @Test func unknownPathsAndMethodsAreTold() throws {
        #expect(try server.get("/loki/api/v1/nothing").status == 404)
        #expect(try server.request("PUT", Self.root + "/labels").status == 405)
        #expect(try server.get(Self.root + "/push").status == 405)
    }
}
