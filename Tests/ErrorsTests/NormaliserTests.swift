import Testing

@testable import Errors

struct NormaliserTests {
    @Test(arguments: [
        ("order 17 failed", "order <int> failed"),
        ("mail to Jo.Doe+x@shop.example.com bounced", "mail to <email> bounced"),
        ("GET https://h.example/a?b=1 timed out", "GET <url> timed out"),
        ("tx 40347e80-9691-4ea3-aa2c-92c9ade4f7bb rolled back", "tx <uuid> rolled back"),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "<traceparent>"),
        ("cannot bind to 10.16.10.245:19460, exiting", "cannot bind to <ip>, exiting"),
        ("peer fe80::1 and ::1 left", "peer <ip> and <ip> left"),
        ("at 2026-11-23T18:59:58.123Z it broke", "at <time> it broke"),
        ("at 2026-11-23 18:59:58,123 it broke", "at <time> it broke"),
        ("at 18:59:58 it broke", "at <time> it broke"),
        ("address 0x7ffe12 is bad", "address <hex> is bad"),
        ("snapshot 78ec5ed5 is corrupt at offset 419", "snapshot <hex> is corrupt at offset <int>"),
        ("/var/lib/app/data-f2d42f.bin is read-only", "/var/lib/app/data-<hex>.bin is read-only"),
        ("took 812.4ms or 1m30s, 35µs", "took <duration> or <duration>, <duration>"),
        ("ratio 0.25, 1e-9, -3", "ratio <float>, <float>, <int>"),
        (#"field name="a b" and x='c' wrong"#, "field name=<quoted> and x=<quoted> wrong"),
        ("retry=true cached=False x=truest", "retry=<bool> cached=<bool> x=truest"),
        ("utf8 v2 x86_64 stays", "utf8 v2 x86_64 stays"),
        ("ORD-12736224 gone", "ORD-<int> gone"),
        ("decade defaced", "decade defaced"),
        ("  two\n\tspaces  ", " two spaces"),
        ("", ""),
        ("größe 7", "größe <int>"),
    ])
    func whatDiffersIsReplaced(_ text: String, _ expected: String) {
        #expect(Normaliser.normalise(text) == expected)
    }

    @Test func longMessagesAreCutAtACharacter() {
        let text = Normaliser.normalise(String(repeating: "é", count: 1000))
        #expect(text.utf8.count <= 256)
        #expect(text.allSatisfy { $0 == "é" })
    }

    /// Addresses have at most 64 bytes before the sign, so that no word is a scan of the whole text.
    @Test func onlyWhatCanBeAnAddressIsOne() {
        let fits = String(repeating: "a", count: 64) + "@b.example"
        #expect(Normaliser.normalise(fits) == "<email>")
        #expect(Normaliser.normalise("a" + fits) == "a" + fits)
    }

    @Test func everyCutIsNormalised() {
        let text = #"x 1.5e-7ms a@b.c ::1 2026-11-23T18:59:58+02:00 0xff k="v" n=true 1m30s 00-4bf9"#
        for end in 0...text.count { _ = Normaliser.normalise(String(text.prefix(end))) }
    }
}
