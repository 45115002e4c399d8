import Bytes

/// Builds Prometheus' text format 0.0.4: families in the order in which they are begun, each with help and type.
public struct Exposition: Sendable {
    /// The Content-Type of the text.
    public static let mediaType = "text/plain; version=0.0.4; charset=utf-8"

    public enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    private var text = ""
    private var family = ""

    public init() {}

    /// The text so far.
    public var bytes: [UInt8] { [UInt8](text.utf8) }

    /// Begins a family; samples follow until the next.
    public mutating func begin(_ name: String, _ kind: Kind, _ help: String) {
        family = name
        text += "# HELP \(name) \(Exposition.escapedHelp(help))\n# TYPE \(name) \(kind.rawValue)\n"
    }

    /// A family of a single sample without labels.
    public mutating func single(_ name: String, _ kind: Kind, _ help: String, _ value: Double) {
        begin(name, kind, help)
        sample(value)
    }

    /// A family of a single whole number without labels.
    public mutating func single(_ name: String, _ kind: Kind, _ help: String, _ value: Int) {
        begin(name, kind, help)
        sample(value)
    }

    /// A sample of the family begun last.
    public mutating func sample(_ value: Double, _ labels: KeyValuePairs<String, String> = [:]) {
        append(family, labels.map { ($0.key, $0.value) }, Exposition.number(value))
    }

    /// A sample of the family begun last.
    public mutating func sample(_ value: Int, _ labels: KeyValuePairs<String, String> = [:]) {
        append(family, labels.map { ($0.key, $0.value) }, String(value))
    }

    /// A histogram's buckets, sum and count, in seconds.
    public mutating func histogram(_ snapshot: HistogramSnapshot, _ labels: KeyValuePairs<String, String> = [:]) {
        let pairs = labels.map { ($0.key, $0.value) }
        for (bound, count) in zip(snapshot.bounds, snapshot.counts) {
            append(family + "_bucket", pairs + [("le", Exposition.seconds(bound))], String(count))
        }
        append(family + "_bucket", pairs + [("le", "+Inf")], String(snapshot.total))
        append(family + "_sum", pairs, Exposition.seconds(snapshot.sumNanoseconds))
        append(family + "_count", pairs, String(snapshot.total))
    }

    /// Nanoseconds as seconds.
    public static func seconds(_ nanoseconds: Int) -> String { number(Double(nanoseconds) / 1e9) }

    private mutating func append(_ name: String, _ labels: [(String, String)], _ value: String) {
        text += name
        if !labels.isEmpty {
            text += "{"
            text += labels.map { "\($0.0)=\"\(Exposition.escapedValue($0.1))\"" }.joined(separator: ",")
            text += "}"
        }
        text += " \(value)\n"
    }

    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if value == value.rounded(), abs(value) < 9e15 { return String(Int(value)) }
        return String(value)
    }

    private static func escapedHelp(_ text: String) -> String {
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }

    private static func escapedValue(_ text: String) -> String {
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }
}
