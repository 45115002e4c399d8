import Model

/// Where a setting's value comes from; later ones win.
enum Origin: String, Comparable, CaseIterable {
    case standard = "default"
    case file
    case environment
    case commandLine = "command line"

    static func < (a: Origin, b: Origin) -> Bool {
        (allCases.firstIndex(of: a) ?? 0) < (allCases.firstIndex(of: b) ?? 0)
    }
}

/// A setting that cannot be used: which, where it stands and what it may be.
struct SettingsError: Error, Hashable, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// One setting: its name everywhere, what it means, and how its text becomes part of the settings.
struct Setting {
    /// The YAML key, `limits.line_bytes`. The environment's name and the command line's follow from it.
    let key: String
    /// What the value looks like, for people: `bytes`, `seconds`, `text`.
    let form: String
    let help: String
    let isSecret: Bool
    /// Reads a value, or says what it should be.
    let read: (_ text: String, _ settings: inout Settings) throws(SettingsError) -> Void
    /// The value in force as text that `read` takes.
    let show: (_ settings: Settings) -> String

    /// `DENDRO_LIMITS_LINE_BYTES`
    var environmentName: String {
        "DENDRO_" + key.uppercased().map { $0 == "." ? "_" : String($0) }.joined()
    }

    /// `--limits-line-bytes`
    var flag: String {
        "--" + key.map { $0 == "." || $0 == "_" ? "-" : String($0) }.joined()
    }

    /// A setting whose value `form` reads and shows.
    init<Value>(
        _ key: String, _ path: WritableKeyPath<Settings, Value>, _ form: ValueForm<Value>, _ help: String,
        isSecret: Bool = false
    ) {
        self.key = key
        self.form = form.name
        self.help = help
        self.isSecret = isSecret
        read = { text, settings throws(SettingsError) in
            guard let value = form.read(text) else {
                throw SettingsError("\(key) is \(form.expectation), not '\(text)'")
            }
            settings[keyPath: path] = value
        }
        show = { form.show($0[keyPath: path]) }
    }
}

/// How a kind of value is written.
struct ValueForm<Value>: Sendable {
    let name: String
    /// `a number of bytes such as 1048576, 512KiB or 16MiB`
    let expectation: String
    let read: @Sendable (String) -> Value?
    let show: @Sendable (Value) -> String
}

extension ValueForm where Value == String {
    static let text = ValueForm(name: "text", expectation: "a text", read: { $0 }, show: { $0 })

    static func choice(_ values: [String]) -> ValueForm {
        ValueForm(
            name: values.joined(separator: "|"), expectation: "one of " + values.joined(separator: ", "),
            read: { values.contains($0) ? $0 : nil }, show: { $0 })
    }
}

extension ValueForm where Value == Bool {
    static let flag = ValueForm(
        name: "true|false", expectation: "true or false", read: { Bool($0) }, show: { String($0) })
}

extension ValueForm where Value == [String] {
    /// Names between commas.
    static let names = ValueForm(
        name: "name,…", expectation: "a list of names between commas",
        read: { text in
            text.split(separator: ",").map { part in
                String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
            }.filter { !$0.isEmpty }
        },
        show: { $0.joined(separator: ",") })
}

extension ValueForm where Value == Int {
    static func number(_ range: ClosedRange<Int>) -> ValueForm {
        ValueForm(
            name: "number", expectation: "a whole number from \(range.lowerBound) to \(range.upperBound)",
            read: { Int($0).flatMap { range.contains($0) ? $0 : nil } }, show: { String($0) })
    }

    /// Bytes, also as `512KiB`, `16MiB`, `4GiB`.
    static let bytes = ValueForm(
        name: "bytes", expectation: "a number of bytes such as 1048576, 512KiB or 16MiB",
        read: { text in
            scaled(
                text,
                units: [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1), ("", 1)])
        },
        show: { value in
            for (unit, size) in [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] where value >= size {
                if value % size == 0 { return "\(value / size)\(unit)" }
            }
            return String(value)
        })

    /// Seconds, also as `10m`, `24h`, `30d`.
    static let seconds = ValueForm(
        name: "seconds", expectation: "a number of seconds such as 600, 10m, 24h or 30d",
        read: { scaled($0, units: [("d", 86400), ("h", 3600), ("m", 60), ("s", 1), ("", 1)]) },
        show: { value in
            for (unit, size) in [("d", 86400), ("h", 3600), ("m", 60)] where value >= size {
                if value % size == 0 { return "\(value / size)\(unit)" }
            }
            return "\(value)s"
        })

    private static func scaled(_ text: String, units: [(name: String, size: Int)]) -> Int? {
        guard let unit = units.first(where: { text.hasSuffix($0.name) }),
            let number = Int(text.dropLast(unit.name.count)),
            number >= 0
        else { return nil }
        let product = number.multipliedReportingOverflow(by: unit.size)
        return product.overflow ? nil : product.partialValue
    }
}

extension ValueForm where Value == LimitAction {
    static let action = ValueForm(
        name: "reject|adjust", expectation: "reject or adjust", read: { LimitAction(rawValue: $0) },
        show: { $0.rawValue })
}
