import Health
import Testing

@testable import Server

@Suite struct RuleFileTests {
    private static let text = """
        groups:
        - name: a
          interval: 90s
          limit: 10
          rules:
          - alert: High
            expr: |
              sum by (app) (rate({app=~"a|b"} | json | status >= 500 [5m])) > 0.5
            for: 1m
            keep_firing_for: 2m
            labels: {severity: warning}
            annotations: {summary: "{{ $value }}", when: on}
        - name: b
          rules: []
        """

    @Test func filesAreReadAndWritten() throws {
        let groups = try RuleFile.groups(Self.text, namespace: "n")
        #expect(groups.map(\.name) == ["a", "b"] && groups.map(\.intervalSeconds) == [90, 60])
        let rule = try #require(groups[0].rules.first)
        #expect(rule.threshold == 0.5 && rule.forSeconds == 60 && rule.keepSeconds == 120 && rule.windowSeconds == 300)
        #expect(rule.lines == "{app=~\"a|b\"} | json | status>=500")
        #expect(rule.annotations == ["summary": "{{ $value }}", "when": "on"])
        let again = try RuleFile.groups(
            "groups:\n"
                + groups.map { "- " + RuleText.write($0).split(separator: "\n").joined(separator: "\n  ") }
                .joined(separator: "\n"), namespace: "n")
        #expect(again == groups)
        #expect(AlertQueries.lines(rule.lines, ["app": "a"]) == rule.lines + " | app=\"a\"")
    }

    @Test(arguments: [
        ("groups: 1", "groups must be a list"), ("x: 1", "field x is not one of groups"),
        ("groups: [{name: a}, {name: a}]", "repeated in the same file"),
        ("groups: [{name: a, rules: [{alert: b}]}]", "field 'expr' must be set in rule b"),
        ("groups: [{name: a, rules: [{expr: b}]}]", "one of 'record' or 'alert' must be set"),
        ("groups: [{name: a, rules: [{alert: b, expr: vector(1), for: soon}]}]", "for is a duration"),
        ("groups: [{name: a, rules: [{alert: b, expr: vector(1), labels: {a-b: c}}]}]", "invalid label name: a-b"),
        (
            "groups: [{name: a, rules: [{alert: b, expr: vector(1), labels: {a: '{{ $x }}'}}]}]",
            "undefined variable \"$x\""
        ),
        ("groups: [{name: a, rules: [{alert: b, expr: 'rate({a=', labels: {}}]}]", "could not parse expression"),
    ])
    func faultsAreNamed(_ text: String, _ expected: String) {
        do throws(RuleFault) {
            _ = try RuleFile.groups(text, namespace: "n")
            Issue.record("taken: \(text)")
        } catch {
            #expect(error.description.contains(expected), "\(error.description)")
        }
    }

    @Test(arguments: [
        (23.0, "2.3e+01"), (0.00125, "1.25e-03"), (1e100, "1e+100"), (-7, "-7e+00"), (0, "0e+00"),
        (12345.678, "1.2345678e+04"),
    ])
    func numbersHaveExponents(_ value: Double, _ text: String) {
        #expect(HealthShapes.exponent(value) == text)
    }

    @Test(arguments: [(60, "1m"), (5400, "1h30m"), (604_800, "1w"), (90_000, "1d1h"), (0, "0s"), (1, "1s")])
    func durationsAreShort(_ seconds: Int64, _ text: String) {
        #expect(RuleText.duration(seconds) == text)
    }
}
