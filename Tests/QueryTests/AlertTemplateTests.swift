import Testing

@testable import Query

/// Texts of alerts against what Prometheus makes of them.
@Suite struct AlertTemplateTests {
    @Test(arguments: [
        ("plain }} text", "plain }} text"),
        ("{{ $labels.app }} is at {{ $value }}", "shop is at 23"),
        ("{{ .Labels.app }}: {{ .Value }}", "shop: 23"),
        ("{{.Value}} {{ printf \"%.1f\" $value }}", "23 23.0"),
        ("{{ $labels.nothing }}!", "!"),
        ("{{ $value | humanize }} {{ humanizePercentage 0.1234 }}", "23 12.34%"),
        ("{{ humanize 12345.0 }} {{ humanize 0.00021 }} {{ humanize1024 1048576.0 }}", "12.35k 210u 1Mi"),
        ("{{ humanizeDuration 90061.0 }} {{ humanizeDuration 0.032 }}", "1d 1h 1m 1s 32ms"),
        ("{{ $labels.app | toUpper }} {{ title \"low load\" }}", "SHOP Low Load"),
        ("{{ if gt $value 20.0 }}many{{ else }}few{{ end }}", "many"),
        ("{{ humanizeTimestamp 1795459199.5 }}", "2026-11-23 18:39:59.5 +0000 UTC"),
    ])
    func textsAreExpanded(_ text: String, _ expected: String) throws {
        let labels = ["app": "shop", "level": "error"]
        #expect(try AlertTemplate.expand(text, labels: labels, value: 23, time: 0) == expected)
    }

    @Test(arguments: ["{{ $nobody }}", "{{ nothing 1 }}", "{{ $value ", "{{ query \"up\" }}"])
    func faultsAreNamed(_ text: String) {
        #expect(throws: QueryError.self) { try AlertTemplate.expand(text, labels: [:], value: 1, time: 0) }
    }

    @Test func whatIsNoNumberIsShown() throws {
        #expect(try AlertTemplate.expand("{{ $value }}", labels: [:], value: .infinity, time: 0) == "+Inf")
        #expect(try AlertTemplate.expand("{{ $value }}", labels: [:], value: 1e6, time: 0) == "1e+06")
        #expect(try AlertTemplate.expand("{{ $value }}", labels: [:], value: -0.25, time: 0) == "-0.25")
    }

    @Test func functionsOfAlertsAreUnknownToQueries() {
        #expect(TemplateFunction(rawValue: "humanize") == nil)
        #expect(TemplateFunction(rawValue: "toUpper") == nil)
    }
}
