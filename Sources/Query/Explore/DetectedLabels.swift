internal import Bytes
internal import Model
public import Store

/// A label worth showing, with how many values it has.
public struct DetectedLabel: Hashable, Sendable {
    public let name: String
    public let cardinality: Int
}

extension QueryExecutor {
    /// Labels of the streams that make good filters, sorted by name: those whose values are all numbers or UUIDs tell
    /// instances apart and are left out (contract: http-api 9).
    public func detectedLabels(
        _ request: LabelsRequest, source: any RecentData
    ) async throws(QueryError) -> [DetectedLabel] {
        var values: [String: Set<String>] = [:]
        var asked = request
        for text in request.selectors { _ = try Exploration.selector(text, allowsAll: false) }
        if asked.selectors.isEmpty { asked.selectors = ["{}"] }
        for labels in try await series(asked, source: source) {
            for pair in labels.pairs { values[pair.name, default: []].insert(pair.value) }
        }
        return values.filter { !options.highCardinality.contains($0.key) && Self.isTelling($0.key, $0.value) }
            .map { DetectedLabel(name: $0.key, cardinality: $0.value.count) }
            .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }

    /// Labels that are shown whatever their values are.
    private static let staticLabels: Set<String> = ["cluster", "namespace", "instance", "pod"]

    private static func isTelling(_ name: String, _ values: Set<String>) -> Bool {
        if staticLabels.contains(name) { return true }
        if values.allSatisfy({ ["0", "1"].contains($0) }) { return true }
        return !values.allSatisfy { isNumber($0) || isUUID($0) }
    }

    private static func isNumber(_ text: String) -> Bool { ValueText.number([UInt8](text: text).span) != nil }

    /// A UUID with or without hyphens, in braces or behind `urn:uuid:`.
    private static func isUUID(_ text: String) -> Bool {
        var bytes = [UInt8](text: text.lowercased())
        if bytes.starts(with: [UInt8](text: "urn:uuid:")) {
            bytes.removeFirst(9)
            guard bytes.count == 36 else { return false }
        } else if bytes.count == 38, bytes.first == 0x7b, bytes.last == 0x7d {
            bytes = [UInt8](bytes[1..<37])
        }
        if bytes.count == 36 {
            for at in [8, 13, 18, 23] where bytes[at] != 0x2d { return false }
            bytes.removeAll { $0 == 0x2d }
        }
        return bytes.count == 32 && bytes.allSatisfy { $0 &- 48 < 10 || $0 &- 97 < 6 }
    }
}
