import Foundation

// Bodies of pushes that are broken, of the wrong type, too old, too large or bombs.
extension HostileRequest {
    private static let sample: [UInt8] = Array(
        """
        {"streams":[{"stream":{"app":"hostile","level":"info"},"values":[["\(now)","a line é \\n",\
        {"trace_id":"0af7651916cd43dd"}]]}]}
        """.utf8)
    private static let otlpSample: String = """
        {"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"hostile"}}]},\
        "scopeLogs":[{"logRecords":[{"timeUnixNano":"\(now)","severityText":"INFO","body":{"stringValue":"line"}}]}]}]}
        """

    /// A sample that breaks off at every byte, loses every byte, and has every byte replaced.
    static func brokenJSON() -> [HostileRequest] {
        var cases: [HostileRequest] = []
        let replacements: [UInt8] = [0x00, 0x22, 0x7d, 0x2c, 0x5c, 0xff]
        for place in sample.indices {
            cases.append(push("cut at \(place)", Array(sample[..<place]), .refused))
            for byte in replacements {
                var copy = sample
                copy[place] = byte
                cases.append(push("byte \(byte) at \(place)", copy, .refusedOrKept(lines(ofLoki: copy))))
            }
            var copy = sample
            copy.remove(at: place)
            cases.append(push("without byte \(place)", copy, .refusedOrKept(lines(ofLoki: copy))))
        }
        return cases
    }

    static func brokenOTLP() -> [HostileRequest] {
        let text = Array(otlpSample.utf8)
        let message = Packing.otlp("line")
        let block = Packing.snappy(Packing.protobufPush("line"))
        let binary = "application/x-protobuf"
        var cases: [HostileRequest] = []
        for end in 1..<text.count {
            cases.append(push("OTLP JSON cut at \(end)", to: "/otlp/v1/logs", Array(text[..<end]), .refused))
        }
        for end in 1..<message.count {
            let body = Array(message[..<end])
            cases.append(push("OTLP cut at \(end)", to: "/otlp/v1/logs", body, type: binary, .refused))
        }
        for end in block.indices {
            cases.append(push("snappy cut at \(end)", Array(block[..<end]), type: binary, .refused))
        }
        return cases
    }

    /// Each field of a push holds every kind of value that does not belong there.
    static func wrongTypes() -> [HostileRequest] {
        let kinds: [String] = ["null", "true", "5", "-1.5e3", "\"x\"", "[]", "{}", "[[]]", "{\"a\":1}"]
        func body(_ streams: String) -> String { "{\"streams\":\(streams)}" }
        func stream(_ labels: String, _ values: String) -> String {
            body("[{\"stream\":\(labels),\"values\":\(values)}]")
        }
        let labels = "{\"app\":\"hostile\"}"
        let forms: [(String, (String) -> String)] = [
            ("body", { $0 }), ("streams", body), ("stream", { body("[\($0)]") }),
            ("labels", { stream($0, "[[\"\(now)\",\"x\"]]") }),
            ("label", { stream("{\"app\":\($0)}", "[[\"\(now)\",\"x\"]]") }),
            ("values", { stream(labels, $0) }), ("value", { stream(labels, "[\($0)]") }),
            ("time", { stream(labels, "[[\($0),\"x\"]]") }), ("line", { stream(labels, "[[\"\(now)\",\($0)]]") }),
            ("metadata", { stream(labels, "[[\"\(now)\",\"x\",\($0)]]") }),
            ("pair", { stream(labels, "[[\"\(now)\",\"x\",{\"a\":\($0)}]]") }),
        ]
        var found: [HostileRequest] = []
        for (name, form) in forms {
            for kind in kinds {
                let bytes = Array(form(kind).utf8)
                // A stream without anything in it asks for nothing.
                let isEmpty = name == "stream" && kind == "{}"
                let verdict = isEmpty ? .harmless : Verdict.refusedOrKept(lines(ofLoki: bytes))
                found.append(push("\(name) is \(kind)", bytes, verdict))
            }
        }
        let names: [String] = [
            "resourceLogs", "resource", "attributes", "key", "value", "stringValue", "scopeLogs", "logRecords",
            "timeUnixNano", "body",
        ]
        for name in names {
            for kind in ["true", "5", "\"x\"", "[5]", "{\"a\":1}"] {
                let marker = "\"\(name)\":"
                guard let range = otlpSample.range(of: marker) else { continue }
                let (before, after) = (otlpSample[..<range.upperBound], otlpSample[range.upperBound...])
                let broken = "\(before)\(kind),\"rest\":\(after)"
                found.append(push("\(name) is \(kind)", to: "/otlp/v1/logs", Array(broken.utf8), .harmless))
            }
        }
        return found
    }

    static func doubleKeys() -> [HostileRequest] {
        let labels = ["app": "hostile"]
        let first = Line(labels: labels, text: "double 1")
        let second = Line(labels: labels, text: "double 2")
        let stream = "\"stream\":{\"app\":\"hostile\"}"
        let values = ["\"values\":[[\"\(now)\",\"double 1\"]]", "\"values\":[[\"\(now)\",\"double 2\"]]"]
        let bodies: [(String, String, [Line])] = [
            (
                "streams twice", "{\"streams\":[{\(stream),\(values[0])}],\"streams\":[{\(stream),\(values[1])}]}",
                [first, second]
            ),
            ("streams twice, one empty", "{\"streams\":[{\(stream),\(values[0])}],\"streams\":[]}", [first]),
            ("values twice", "{\"streams\":[{\(stream),\(values[0]),\(values[1])}]}", [first, second]),
            ("labels twice", "{\"streams\":[{\(stream),\(stream),\(values[0])}]}", [first]),
        ]
        var cases: [HostileRequest] = []
        for (name, body, lines) in bodies { cases.append(push(name, Array(body.utf8), .refusedOrKept(lines))) }
        let twice = loki("label twice", labels: "\"app\":\"hostile\",\"app\":\"other\"")
        cases.append(push("label twice", Array(twice.utf8), .refused))
        return cases
    }

    static func junk() throws -> [HostileRequest] {
        let whole = Array(loki("junk").utf8)
        let packed = try Packing.gzip(whole)
        let line = [Line(labels: ["app": "hostile"], text: "junk")]
        var cases: [HostileRequest] = []
        for tail in ["x", "{}", "]", "}", ",", "\"", "\0", "null", loki("more")] {
            cases.append(push("\(tail) after the JSON", whole + Array(tail.utf8), .refused))
        }
        for end in 1..<packed.count {
            cases.append(push("gzip cut at \(end)", Array(packed[..<end]), encoding: "gzip", .refused))
        }
        let wide: [UInt8] = whole.flatMap { [$0, 0] }
        let marked: [UInt8] = [0xef, 0xbb, 0xbf] + whole
        let trailed: [UInt8] = packed + [1, 2, 3]
        cases += [
            push("junk after gzip", trailed, encoding: "gzip", .refused),
            push("gzip twice", packed + packed, encoding: "gzip", .refused),
            push("gzip that is none", whole, encoding: "gzip", .refused),
            push("zstd that is none", whole, encoding: "zstd", .refused),
            push("unknown coding", whole, encoding: "br", .refused),
            push("two codings", whole, encoding: "gzip, gzip", .refused),
            push("unknown type", whole, type: "application/xml", .refused),
            push("no type", whole, type: "", .refused),
            push("type with junk", whole, type: "application/json; charset=\"", .refusedOrKept(line)),
            push("JSON as protobuf", whole, type: "application/x-protobuf", .refused),
            push("protobuf as JSON", Packing.snappy(Packing.protobufPush("x")), .refused),
            push("mark before JSON", marked, .refusedOrKept(line)),
            push("UTF-16", wide, .refused), push("nothing", [], .refused),
            push("spaces", Array("   ".utf8), .refused),
        ]
        for labels in ["{", "{app}", "{app=}", "{app=hostile}", "{app=\"x\"} x", "{app=\"x\",app=\"y\"}"] {
            let block = Packing.snappy(Packing.protobufPush("x", labels: labels))
            cases.append(push("labels \(labels)", block, type: "application/x-protobuf", .refused))
        }
        return cases
    }

    static func times() -> [HostileRequest] {
        let day = 86_400
        let texts: [String] = [
            "", " ", "-1", "0", "1", "1.5", "\(nowSeconds)", "\(nowSeconds).5", "1e18", "0x10", "NaN", "+\(now)",
            " \(now)",
            "\(now) ", "\(now)x", "\(nowSeconds + 365 * day)000000000", "\(nowSeconds - 3650 * day)000000000",
            "\(nowSeconds + 2 * day)000000000", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
            "99999999999999999999999999", "2026-11-25T00:00:00Z", "１２３",
        ]
        var cases: [HostileRequest] = []
        for text in texts {
            let bytes = Array(loki("at \(text)", time: text).utf8)
            cases.append(push("time \(text)", bytes, .refusedOrKept(lines(ofLoki: bytes))))
        }
        for text in [
            "-1", "1e400", "\"never\"", "9e18", "-9e18", "[]", "{}", "true", "1e-9", "\"0000-00-00T00:00:00Z\"",
        ] {
            let bytes = Array("{\"app\":\"hostile\",\"timestamp\":\(text),\"message\":\"plain\"}".utf8)
            let line = Line(labels: ["app": "hostile"], text: String(decoding: bytes, as: UTF8.self))
            cases.append(push("timestamp \(text)", to: "/api/v1/push", bytes, .refusedOrKept([line])))
        }
        return cases
    }

    static func names() -> [HostileRequest] {
        let long = String(repeating: "n", count: 2048)
        var cases: [HostileRequest] = []
        let many = (0..<200).map { "\"l\($0)\":\"x\"" }.joined(separator: ",")
        let labels: [String] = [
            "\"\(long)\":\"x\",\"app\":\"hostile\"", "\"app\":\"\(long)\(long)\"", "\"\":\"x\"", "\"app\":\"\"",
            "\"a b\":\"x\"", "\"1a\":\"x\"", "\"a-b\":\"x\"", "\"é\":\"x\"", "\"__name__\":\"x\"",
            "\"app\":\"\\u0000\"",
            "\"app\":\"\\ud800\"", "\"app\":\"a\\\"b\"", "\"app\":\"a\\nb\"", "",
            many,
        ]
        for label in labels {
            let bytes = Array(loki("named", labels: label).utf8)
            cases.append(push("labels \(label.prefix(30))", bytes, .harmless))
        }
        let broken: [[UInt8]] = [
            [0xff, 0xfe], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xe2, 0x82],
        ]
        let whole: [[UInt8]] = loki("@").utf8.split(separator: 0x40).map { Array($0) }
        for line in broken {
            let body: [UInt8] = whole[0] + line + whole[1]
            cases.append(push("line of bytes \(line)", body, .harmless))
            let stream: [UInt8] = Packing.field(1, Array("{app=\"hostile\"}".utf8))
            let block = Packing.field(1, stream + Packing.field(2, line))
            cases.append(
                push("entry of bytes \(line)", Packing.snappy(block), type: "application/x-protobuf", .refused))
        }
        let pairs = (0..<1000).map { "\"k\($0)\":\"v\"" }.joined(separator: ",")
        let entry = "[\"\(now)\",\"x\",{\(pairs)}]"
        cases.append(
            push(
                "1,000 pairs", Array("{\"streams\":[{\"stream\":{\"app\":\"hostile\"},\"values\":[\(entry)]}]}".utf8),
                .refused))
        cases.append(push("deep", Array(String(repeating: "[", count: 1 << 20).utf8), .refused))
        cases.append(push("deep objects", Array(String(repeating: "{\"a\":", count: 1 << 18).utf8), .refused))
        cases.append(
            push("deep plain", to: "/api/v1/push", Array(String(repeating: "{\"a\":", count: 1 << 18).utf8), .refused))
        return cases
    }

    /// Bodies that become far larger than they are.
    static func bombs() throws -> [HostileRequest] {
        let bar: Verdict = .status([413])
        let head = "printf '%s' '{\"streams\":['"
        let empty = "yes '{},' | head -c 24000000 | tr -d '\\n'"
        let start = "printf '%s' '{\"streams\":[{\"stream\":{\"app\":\"hostile\"},\"values\":['"
        let lines = "yes '[\"\(now)\",\"x\"],' | head -c 120000000 | tr -d '\\n'"
        let longLine = "printf '%s' '[\"\(now)\",\"'; head -c 1000000000 /dev/zero | tr '\\0' 'x'"
        let streams = try Packing.shell("{ \(head); \(empty); printf '{}]}'; } | gzip -9")
        let entries = try Packing.shell("{ \(start); \(lines); } | gzip -9")
        let giant = try Packing.shell("{ \(start); \(longLine); } | gzip -1")
        let zeros = try Packing.shell("head -c 4000000000 /dev/zero | zstd -19 -T1 -q")
        let deflated = try Packing.shell("head -c 300000000 /dev/zero | gzip -9")
        let claim: [UInt8] = Packing.varint(0xffff_ffff) + [0xfe, 0x01, 0x00]
        var copies: [UInt8] = Packing.varint(30 << 20) + [0x00, 0x78]
        for _ in 0..<490_000 { copies += [0xfe, 0x01, 0x00] as [UInt8] }
        var cases: [HostileRequest] = [
            push("8 M empty streams", streams, encoding: "gzip", .status([400, 413, 422])),
            push("4 M lines", entries, encoding: "gzip", bar), push("a line of 1 GB", giant, encoding: "gzip", bar),
            push("zstd of 4 GB", to: "/otlp/v1/logs", zeros, encoding: "zstd", bar),
            push("gzip of zeros, OTLP", to: "/otlp/v1/logs", deflated, encoding: "gzip", bar),
            push("gzip of zeros, plain", to: "/api/v1/push", deflated, encoding: "gzip", bar),
            push("gzip in gzip", try Packing.gzip(giant), encoding: "gzip", .refused),
            push("snappy that claims 4 GB", claim, type: "application/x-protobuf", bar),
            push("snappy of copies", copies, type: "application/x-protobuf", .refused),
        ]
        // Without their frames these are what "deflate" means.
        cases.append(
            push("deflate of zeros", Array(deflated.dropFirst(10).dropLast(8)), encoding: "deflate", bar))
        return cases
    }
}
