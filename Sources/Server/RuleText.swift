import Health
import Model

/// Rule groups as YAML, as Loki gives them out.
enum RuleText {
    /// Groups by namespace.
    static func write(_ groups: [RuleGroup]) -> String {
        var text = ""
        var namespace: String?
        for group in groups {
            if group.namespace != namespace { text += "\(scalar(group.namespace)):\n" }
            namespace = group.namespace
            text += RuleText.group(group, indent: "    ", first: "    - ", rest: "      ")
        }
        return text
    }

    /// One group alone.
    static func write(_ group: RuleGroup) -> String { RuleText.group(group, indent: "", first: "", rest: "") }

    private static func group(_ group: RuleGroup, indent: String, first: String, rest: String) -> String {
        var text = "\(first)name: \(scalar(group.name))\n"
        text += "\(rest)interval: \(duration(group.intervalSeconds))\n"
        if group.limit > 0 { text += "\(rest)limit: \(group.limit)\n" }
        text += group.rules.isEmpty ? "\(rest)rules: []\n" : "\(rest)rules:\n"
        for rule in group.rules {
            let inner = rest + "      "
            text += "\(rest)    - alert: \(scalar(rule.name))\n\(inner)expr: \(scalar(rule.expression))\n"
            if rule.forSeconds > 0 { text += "\(inner)for: \(duration(rule.forSeconds))\n" }
            if rule.keepSeconds > 0 { text += "\(inner)keep_firing_for: \(duration(rule.keepSeconds))\n" }
            for (name, pairs) in [("labels", rule.labels), ("annotations", rule.annotations)] where !pairs.isEmpty {
                text += "\(inner)\(name):\n"
                for pair in pairs.sorted(by: { $0.key < $1.key }) {
                    text += "\(inner)    \(scalar(pair.key)): \(scalar(pair.value))\n"
                }
            }
        }
        return text
    }

    /// A text that YAML reads as this very text.
    private static func scalar(_ text: String) -> String {
        let isPlain =
            (text.utf8.first.map { $0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7a } ?? false)
            && text.utf8.allSatisfy {
                $0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7a || (0x30...0x39).contains($0) || $0 == 0x5f || $0 == 0x2d
                    || $0 == 0x2e || $0 == 0x2f
            }
        let words: Set = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
        return isPlain && !words.contains(text.lowercased()) ? text : JSONText.quoted(text)
    }

    /// `1h30m`
    static func duration(_ seconds: Int64) -> String {
        guard seconds > 0 else { return "0s" }
        var (rest, text) = (seconds, "")
        for (unit, length) in [("w", Int64(604_800)), ("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)] {
            let count = rest / length
            // Weeks only alone, as Prometheus prints them.
            if length == 604_800, rest % length != 0 { continue }
            if count > 0 { text += "\(count)\(unit)" }
            rest %= length
        }
        return text
    }
}
