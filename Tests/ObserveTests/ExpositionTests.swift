import Observe
import Testing

@Suite struct ExpositionTests {
    @Test func familiesCarryHelpAndType() {
        var page = Exposition()
        page.begin("dendro_things_total", .counter, "Things of all kinds.")
        page.sample(3, ["kind": "a"])
        page.sample(1.5, ["kind": "quote\" back\\ line\nend"])
        #expect(
            String(decoding: page.bytes, as: UTF8.self) == """
                # HELP dendro_things_total Things of all kinds.
                # TYPE dendro_things_total counter
                dendro_things_total{kind="a"} 3
                dendro_things_total{kind="quote\\" back\\\\ line\\nend"} 1.5

                """)
    }

    @Test(arguments: [
        (0.0, "0"), (2.0, "2"), (0.25, "0.25"), (-.infinity, "-Inf"), (.infinity, "+Inf"), (.nan, "NaN"),
        (1e300, "1e+300"),
    ])
    func numbersReadBack(value: Double, text: String) {
        var page = Exposition()
        page.single("x", .gauge, "h", value)
        #expect(String(decoding: page.bytes, as: UTF8.self).hasSuffix("x \(text)\n"))
    }

    @Test func histogramsAreCumulative() {
        let histogram = Histogram(bounds: [10, 100])
        for value in [1, 10, 11, 1000] { histogram.observe(nanoseconds: value) }
        let snapshot = histogram.snapshot
        #expect(snapshot.counts == [2, 3])
        #expect(snapshot.total == 4)
        #expect(snapshot.sumNanoseconds == 1022)
        var page = Exposition()
        page.begin("t_seconds", .histogram, "h")
        page.histogram(snapshot, ["route": "r"])
        let text = String(decoding: page.bytes, as: UTF8.self)
        #expect(text.contains("t_seconds_bucket{route=\"r\",le=\"+Inf\"} 4\n"))
        #expect(text.contains("t_seconds_count{route=\"r\"} 4\n"))
    }

    @Test func requestsAreCountedByRouteMethodAndStatus() {
        let metrics = Metrics()
        metrics.requests.record(route: "a", method: "GET", status: 200, nanoseconds: 5)
        metrics.requests.record(route: "a", method: "GET", status: 200, nanoseconds: 5)
        metrics.requests.record(route: "a", method: "GET", status: 400, nanoseconds: 5)
        #expect(metrics.requests.all.map(\.durations.snapshot.total) == [2, 1])
        #expect(metrics.requests.all.map(\.status) == [200, 400])
    }

    @Test func rejectionsAddUpByReason() {
        let metrics = Metrics()
        metrics.ingest.reject("too_old", count: 2)
        metrics.ingest.reject("too_old", count: 3)
        metrics.ingest.reject("line_too_long", count: 1)
        #expect(metrics.ingest.rejectedByReason.map(\.reason) == ["line_too_long", "too_old"])
        #expect(metrics.ingest.rejectedByReason.map(\.count) == [1, 5])
    }

    @Test func theProcessHasMemoryAndFiles() {
        let figures = ProcessFigures.now()
        #expect(figures.residentBytes > 1 << 20)
        #expect(figures.openFiles >= 3)
        #expect(figures.openFilesLimit > figures.openFiles)
        #expect(figures.threads >= 1)
    }
}
