public import Health
import LogQL
import Query
import Yams

/// Why rules cannot be used: which, and what is wrong with it.
public struct RuleFault: Error, Hashable, CustomStringConvertible {
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// Rules as Prometheus and Loki write them, in YAML: `groups:` of a file, or one group.
public enum RuleFile {
    public static let limitBytes = 4 << 20

    /// The groups of a whole file.
    public static func groups(
        _ text: String, namespace: String, tenant: String = Alert.standardTenant
    ) throws(RuleFault) -> [RuleGroup] {
        let root = try mapping(try node(text), "a file of rules")
        try only(["groups"], root, "the file")
        var groups: [RuleGroup] = []
        for (index, node) in try list(root["groups"] ?? Node([Node]()), "groups").enumerated() {
            groups.append(try group(node, "group \(index)", namespace, tenant))
        }
        if let twice = repeated(groups.map(\.name)) {
            throw RuleFault("groupname: \"\(twice)\" is repeated in the same file")
        }
        return groups
    }

    /// One group alone.
    static func group(_ text: String, namespace: String, tenant: String) throws(RuleFault) -> RuleGroup {
        try group(try node(text), "group 0", namespace, tenant)
    }

    private static func node(_ text: String) throws(RuleFault) -> Node {
        guard text.utf8.count <= limitBytes else { throw RuleFault("rules are longer than \(limitBytes) bytes") }
        do {
            if let node = try Yams.compose(yaml: text) { return node }
        } catch {
            throw RuleFault("not valid YAML: \(error)")
        }
        throw RuleFault("there are no rules in an empty text")
    }

    // MARK: - Groups and rules

    private static func group(
        _ node: Node, _ place: String, _ namespace: String, _ tenant: String
    ) throws(RuleFault) -> RuleGroup {
        let fields = try mapping(node, place)
        try only(["name", "interval", "limit", "rules"], fields, place)
        let name = try text(fields, "name", place) ?? ""
        guard !name.isEmpty else { throw RuleFault("\(place): Groupname must not be empty") }
        guard name.utf8.count <= 512 else { throw RuleFault("\(place): the name is longer than 512 bytes") }
        let place = "group \(name)"
        let limit = try text(fields, "limit", place) ?? "0"
        guard let count = Int(limit), count >= 0 else { throw RuleFault("\(place): limit is a number, not '\(limit)'") }
        let nodes = try list(fields["rules"] ?? Node([Node]()), "\(place): rules")
        guard nodes.count <= RuleGroup.rulesLimit else {
            throw RuleFault("\(place) has more than \(RuleGroup.rulesLimit) rules")
        }
        var rules: [LogRule] = []
        for (index, node) in nodes.enumerated() { rules.append(try rule(node, "\(place), rule \(index)")) }
        let interval = try seconds(fields, "interval", place) ?? RuleGroup.standardIntervalSeconds
        return RuleGroup(
            name, namespace: namespace, tenant: tenant,
            intervalSeconds: interval > 0 ? interval : RuleGroup.standardIntervalSeconds, limit: count, rules: rules)
    }

    private static func rule(_ node: Node, _ place: String) throws(RuleFault) -> LogRule {
        let fields = try mapping(node, place)
        try only(["alert", "record", "expr", "for", "keep_firing_for", "labels", "annotations"], fields, place)
        if let record = try text(fields, "record", place) {
            let isName = record.utf8.enumerated().allSatisfy { index, byte in
                byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7a || byte == 0x5f || byte == 0x3a
                    || (index > 0 && (0x30...0x39).contains(byte))
            }
            guard isName, !record.isEmpty else { throw RuleFault("\(place): invalid recording rule name: \(record)") }
            throw RuleFault(
                "\(place): recording rule '\(record)': dendro keeps log lines and no series of numbers, so there is "
                    + "nowhere to record to; ask the expression where it is shown, or make it an alert")
        }
        let name = try text(fields, "alert", place) ?? ""
        guard !name.isEmpty else { throw RuleFault("\(place): one of 'record' or 'alert' must be set") }
        guard let expression = try text(fields, "expr", place), !expression.isEmpty else {
            throw RuleFault("\(place): field 'expr' must be set in rule \(name)")
        }
        var rule = LogRule(
            name, expression: expression, forSeconds: try seconds(fields, "for", place) ?? 0,
            keepSeconds: try seconds(fields, "keep_firing_for", place) ?? 0,
            labels: try texts(fields, "labels", place), annotations: try texts(fields, "annotations", place))
        for label in rule.labels.keys where !isLabel(label) || label == "__name__" {
            throw RuleFault("\(place): invalid label name: \(label)")
        }
        for template in Array(rule.labels.values) + Array(rule.annotations.values) {
            do throws(QueryError) {
                try AlertTemplate.check(template)
            } catch {
                throw RuleFault("\(place): \(error.message)")
            }
        }
        do throws(ParseError) {
            rule.read(try Language(regexes: RegexEngine()).parse(expression))
        } catch {
            throw RuleFault("\(place): could not parse expression: \(error.description)")
        }
        return rule
    }

    static func isLabel(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.enumerated().allSatisfy { index, byte in
                byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7a || byte == 0x5f
                    || (index > 0 && (0x30...0x39).contains(byte))
            }
    }

    // MARK: - Parts of YAML

    private static func mapping(_ node: Node, _ place: String) throws(RuleFault) -> Node.Mapping {
        if case .mapping(let mapping) = node { return mapping }
        throw RuleFault("\(place) must be written as 'key: value' lines")
    }

    private static func list(_ node: Node, _ place: String) throws(RuleFault) -> [Node] {
        switch node {
        case .sequence(let sequence): return Array(sequence)
        case .scalar(let scalar) where scalar.string.isEmpty || scalar.string == "null": return []
        default: throw RuleFault("\(place) must be a list")
        }
    }

    private static func only(_ names: Set<String>, _ mapping: Node.Mapping, _ place: String) throws(RuleFault) {
        for (key, _) in mapping where !names.contains(key.string ?? "") {
            throw RuleFault(
                "\(place): field \(key.string ?? "?") is not one of \(names.sorted().joined(separator: ", "))")
        }
    }

    private static func text(
        _ fields: Node.Mapping, _ name: String, _ place: String
    ) throws(RuleFault) -> String? {
        guard let node = fields[name] else { return nil }
        guard case .scalar(let scalar) = node, scalar.string.utf8.count <= 65_536 else {
            throw RuleFault("\(place): \(name) must be a text")
        }
        return scalar.string
    }

    private static func seconds(
        _ fields: Node.Mapping, _ name: String, _ place: String
    ) throws(RuleFault) -> Int64? {
        guard let text = try text(fields, name, place), !text.isEmpty else { return nil }
        guard let length = TimeParameters.prometheusDuration(text) else {
            throw RuleFault("\(place): \(name) is a duration such as 5m, not '\(text)'")
        }
        return length / 1_000_000_000
    }

    private static func texts(
        _ fields: Node.Mapping, _ name: String, _ place: String
    ) throws(RuleFault) -> [String: String] {
        guard let node = fields[name] else { return [:] }
        if case .scalar(let scalar) = node, scalar.string.isEmpty || scalar.string == "null" { return [:] }
        let pairs = try mapping(node, "\(place): \(name)")
        guard pairs.count <= 64 else { throw RuleFault("\(place): more than 64 \(name)") }
        var texts: [String: String] = [:]
        for (key, _) in pairs {
            guard let key = key.string, let value = try text(pairs, key, "\(place): \(name)") else { continue }
            texts[key] = value
        }
        return texts
    }

    private static func repeated(_ names: [String]) -> String? {
        var seen: Set<String> = []
        return names.first { !seen.insert($0).inserted }
    }
}

extension LogRule {
    /// Notes what follows from the expression.
    mutating func read(_ expression: Expression) {
        shown = expression.description
        guard case .metric(let query) = expression else { return }
        if case .binary(let operation) = query, operation.function.isComparison,
            case .literal(let value) = operation.right
        {
            threshold = value
        }
        guard let range = query.firstRange else { return }
        lines = Expression.log(range.query).description
        windowSeconds = range.rangeNanoseconds / 1_000_000_000
    }
}

extension MetricQuery {
    /// The first lines that it counts.
    fileprivate var firstRange: LogRange? {
        switch self {
        case .rangeAggregation(let aggregation): aggregation.range
        case .vectorAggregation(let aggregation): aggregation.operand.firstRange
        case .binary(let operation): operation.left.firstRange ?? operation.right.firstRange
        case .literal, .vector: nil
        case .labelReplace(let replace): replace.operand.firstRange
        case .variants(let variants): variants.range
        }
    }
}
