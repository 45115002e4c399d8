import Bytes
import Testing

@testable import Receive

@Suite struct ScrubTests {
    private func scrubbed(_ line: String, _ change: (inout ScrubOptions) -> Void = { _ in }) -> String {
        var options = ScrubOptions()
        change(&options)
        var scrubber = Scrubber(options)
        let bytes = [UInt8](line.utf8)
        return scrubber.changes(bytes.span) ? String(decoding: scrubber.scrubbed, as: UTF8.self) : line
    }

    @Test(arguments: [
        (#"{"user":"a","password":"hunter2","n":1}"#, #"{"user":"a","password":"[scrubbed]","n":1}"#),
        (#"{"password" : "a\"b\\","n":1}"#, #"{"password" : "[scrubbed]","n":1}"#),
        (#"{"DB_PASSWORD":12345}"#, #"{"DB_PASSWORD":"[scrubbed]"}"#),
        (#"{"secret":{"a":"}"},"b":[1]}"#, #"{"secret":"[scrubbed]","b":[1]}"#),
        (#"{"cookies":["a=1","b=]"],"b":1}"#, #"{"cookies":"[scrubbed]","b":1}"#),
        (
            #"{"http.request.header.authorization":"Bearer abc"}"#,
            #"{"http.request.header.authorization":"[scrubbed]"}"#
        ),
        (
            #"{"x-api-key":"k","apiKey":"k","api_key":"k"}"#,
            #"{"x-api-key":"[scrubbed]","apiKey":"[scrubbed]","api_key":"[scrubbed]"}"#
        ),
        (#"{"msg":"{\"password\":\"x\",\"a\":\"b\"}"}"#, #"{"msg":"{\"password\":\"[scrubbed]\",\"a\":\"b\"}"}"#),
        (#"{"msg":"{\"pwd\":77,\"a\":1}"}"#, #"{"msg":"{\"pwd\":\"[scrubbed]\",\"a\":1}"}"#),
        (#"{"msg":"login password=abc ok"}"#, #"{"msg":"login password=[scrubbed] ok"}"#),
        (#"{"msg":"token=","x":"y"}"#, #"{"msg":"token=","x":"y"}"#),
        (#"{"msg":"Authorization: Basic dTpw, x","n":1}"#, #"{"msg":"Authorization: [scrubbed]","n":1}"#),
        ("GET /a?token=abc&b=1 200", "GET /a?token=[scrubbed]&b=1 200"),
        ("a=1 client_secret=\"x y\" b=2", "a=1 client_secret=\"[scrubbed]\" b=2"),
        ("Set-Cookie: a=b; Path=/", "Set-Cookie: [scrubbed]"),
        ("authorization=Bearer abc123 next", "authorization=Bearer [scrubbed] next"),
        ("{'password': 'x', 'a': 1}", "{'password': '[scrubbed]', 'a': 1}"),
        ("password=[scrubbed] again", "password=[scrubbed] again"),
        ("postgres://app:s3cret@db:5432/x", "postgres://app:[scrubbed]@db:5432/x"),
        ("see https://example.org:80/a@b and http://u@h", "see https://example.org:80/a@b and http://u@h"),
        ("id AKIAIOSFODNN7EXAMPLE used", "id [scrubbed] used"), ("id ASIAIOSFODNN7EXAMPLE", "id [scrubbed]"),
        ("AKIAIOSFODNN7EXAMPLEX", "AKIAIOSFODNN7EXAMPLEX"),
        ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcDEF_-123 end", "jwt [scrubbed] end"),
        (
            "k -----BEGIN RSA PRIVATE KEY-----\\nMII\\n-----END RSA PRIVATE KEY----- e",
            "k -----BEGIN RSA PRIVATE KEY-----[scrubbed]-----END RSA PRIVATE KEY----- e"
        ),
        ("-----BEGIN CERTIFICATE-----\\nMII", "-----BEGIN CERTIFICATE-----\\nMII"),
        ("paid by 4111 1111 1111 1111 today", "paid by [scrubbed] today"),
        ("paid by 5555555555554444.", "paid by [scrubbed]."),
        ("paid by 5555555555554444.5", "paid by 5555555555554444.5"),
        ("paid by 5555555555554444, x", "paid by [scrubbed], x"),
        (#"{"card":4111111111111111,"n":1}"#, #"{"card":"[scrubbed]","n":1}"#),
        (#"{"card":"378282246310005"}"#, #"{"card":"[scrubbed]"}"#),
    ])
    func secretsAreTakenOut(line: String, expected: String) {
        #expect(scrubbed(line) == expected)
        #expect(scrubbed(expected) == expected, "a second time changes nothing")
    }

    @Test(arguments: [
        "tokens=12 max_tokens=4096 token_count: 7", #"{"token":12,"tokens":15,"n":1}"#,
        #"{"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","request_id":"4111111111111112"}"#,
        #"{"error":"unexpected token","key":"x"}"#, "invalid token: unexpected end", "worker broke, created keys",
        #"{"ts":1795464000000,"ns":1795464000000000000,"dur":4111111111111111.5}"#, "cookie jar is empty",
        "password: ", "password=", #"{"password":null,"secret":true,"token":""}"#, "id=4111111111111112 x",
        "a4111111111111111", "4111111111111111-2", "2026-11-25 12:00:00 500 12345678901234", "monkey=1 pwdx=2",
        "secretary=bob", #"{"authorized":"yes","author":"x"}"#, "",
    ])
    func otherLinesStayAsTheyAre(line: String) { #expect(scrubbed(line) == line) }

    @Test func rulesCanBeTurnedOff() {
        let line = "password=a AKIAIOSFODNN7EXAMPLE 4111111111111111"
        #expect(scrubbed(line) { $0.rules = [] } == line)
        #expect(scrubbed(line) { $0.rules = [.aws] } == "password=a [scrubbed] 4111111111111111")
        #expect(scrubbed(line) { $0.rules = [.cards] } == "password=a AKIAIOSFODNN7EXAMPLE [scrubbed]")
    }

    /// Secrets at every distance from a line's beginning and end: vector steps and their rest find the same.
    @Test func everyPlaceIsLookedAt() {
        for before in 0..<70 {
            for after in [0, 1, 2, 15, 16, 17, 33] {
                let (left, right) = (
                    String(repeating: ".", count: before) + " ", " " + String(repeating: ".", count: after)
                )
                #expect(scrubbed(left + "pwd=xyz" + right) == left + "pwd=[scrubbed]" + right)
                let card = left + "4111-1111-1111-1111" + right
                #expect(scrubbed(card) == left + "[scrubbed]" + right, "\(before) \(after)")
            }
        }
    }

    /// Lines cut anywhere: no trap, and JSON that was whole stays whole.
    @Test func cutLinesAreSafe() {
        let lines = [
            #"{"a":"{\"password\":\"x\\\\\",\"b\":1}","secret":[{"x":"\""}],"c":"Bearer abcdefgh123456"}"#,
            "-----BEGIN PRIVATE KEY-----abc https://a:b@c/ Cookie: x=y AKIAIOSFODNN7EXAMPLE 4111 1111 1111 1111",
        ]
        for line in lines {
            for cut in 0...line.utf8.count {
                _ = scrubbed(String(decoding: Array(line.utf8.prefix(cut)), as: UTF8.self))
                _ = scrubbed(String(decoding: Array(line.utf8.dropFirst(cut)), as: UTF8.self))
            }
        }
    }

    @Test func randomBytesAreSafe() {
        var random = SplitMix(state: 7)
        let pieces = [
            "password", "\":\"", "\\\"", "\"", ":", "=", " ", "{", "}", "[", "]", "token", "://", "@", "Bearer ",
            "-----",
            "BEGIN ", "PRIVATE KEY-----", "4111111111111111", "\\", "'", ",", "AKIA", "eyJ", ".", "authorization",
        ]
        for _ in 0..<4000 {
            let line = (0..<Int(random.next() % 12)).map { _ in pieces[Int(random.next() % UInt64(pieces.count))] }
                .joined()
            let once = scrubbed(line)
            #expect(once.utf8.count <= line.utf8.count + 14 * (line.utf8.count / 4 + 1))
        }
    }

    @Test func metadataAndExemptAppsAreMinded() throws {
        var options = ReceiveOptions()
        options.scrub.exemptApps = ["raw"]
        var builder = BatchBuilder(options: options, now: now, expectedBytes: 100)
        for app in ["shop", "raw"] {
            builder.beginStream()
            builder.addLabel(name: [UInt8]("app".utf8).span, value: [UInt8](app.utf8).span)
            let stream = builder.endStream() ?? -1
            builder.addMetadata(name: [UInt8]("x_auth_token".utf8).span, value: [UInt8]("abc".utf8).span)
            builder.addMetadata(name: [UInt8]("url".utf8).span, value: [UInt8]("http://a:b@c".utf8).span)
            let isTaken = builder.append(time: now, line: [UInt8]("pwd=1".utf8).span, stream: stream)
            #expect(isTaken)
        }
        let result = try builder.finish()
        let rows = readable(result.batch)
        #expect(rows.map(\.line) == ["pwd=[scrubbed]", "pwd=1"])
        #expect(result.scrubbed[.keys] == 3)
        #expect(result.scrubbed[.urls] == 2)
    }
}

/// Numbers that are the same in each run.
private struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
