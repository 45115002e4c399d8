import Model
import Yams

extension Settings {
    /// The settings out of a file's text, the environment and the command line; what comes later in this list wins.
    /// - Parameters:
    ///   - file: path and text of a YAML file, if one was named.
    ///   - environment: all variables; those that begin with `DENDRO_` must be settings.
    ///   - flags: keys and values from the command line.
    static func load(
        file: (path: String, text: String)?, environment: [String: String], flags: [(key: String, value: String)]
    ) throws(SettingsError) -> Settings {
        var settings = Settings()
        if let file {
            for (key, value) in try yaml(file.text, path: file.path) {
                guard let option = option(key: key) else {
                    throw SettingsError(
                        "\(file.path): unknown setting '\(key)'" + suggestion(for: key, among: options.map(\.key)))
                }
                try settings.set(option, value, .file, at: file.path)
            }
        }
        for (name, value) in environment.sorted(by: { $0.key < $1.key }) where name.hasPrefix("DENDRO_") {
            if ["DENDRO_CONFIG", "DENDRO_ADDR", "DENDRO_TOKEN"].contains(name) { continue }
            guard let option = options.first(where: { $0.environmentName == name }) else {
                throw SettingsError(
                    "environment: unknown setting '\(name)'"
                        + suggestion(for: name, among: options.map(\.environmentName)))
            }
            try settings.set(option, value, .environment, at: name)
        }
        for (key, value) in flags {
            guard let option = option(key: key) else { throw SettingsError("unknown setting '\(key)'") }
            try settings.set(option, value, .commandLine, at: option.flag)
        }
        try settings.check()
        return settings
    }

    /// Keys and values of arguments such as `--limits-line-bytes 1MiB` and `--log-level=debug`.
    static func flags(_ arguments: [String]) throws(SettingsError) -> [(key: String, value: String)] {
        var result: [(key: String, value: String)] = []
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            guard argument.hasPrefix("--") else { throw SettingsError("unexpected argument '\(argument)'") }
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let option = options.first(where: { $0.flag == parts[0] }) else {
                throw SettingsError(
                    "unknown option '\(parts[0])'" + suggestion(for: String(parts[0]), among: options.map(\.flag)))
            }
            if parts.count == 2 {
                result.append((option.key, String(parts[1])))
            } else if let value = rest.popFirst() {
                result.append((option.key, value))
            } else {
                throw SettingsError("\(option.flag) needs a value: \(option.form)")
            }
        }
        return result
    }

    static func option(key: String) -> Setting? { options.first { $0.key == key } }

    private mutating func set(_ option: Setting, _ value: String, _ origin: Origin, at place: String)
        throws(SettingsError)
    {
        do throws(SettingsError) {
            try option.read(value, &self)
        } catch {
            throw SettingsError("\(place): \(error.description)")
        }
        origins[option.key] = origin
    }

    /// The settings as YAML with their origins as comments; the file that this text would be gives the same settings.
    var text: String {
        var text = "# settings in force and where they come from\n"
        var section = ""
        for option in Settings.options {
            let parts = option.key.split(separator: ".")
            let shown = option.show(self)
            let value = option.isSecret && !shown.isEmpty ? "(hidden)" : shown
            let origin = origins[option.key] ?? .standard
            if parts.count == 2, parts[0] != section {
                section = String(parts[0])
                text += "\(section):\n"
            }
            let indent = parts.count == 2 ? "  " : ""
            text += "\(indent)\(parts.last ?? ""): \(Settings.yamlValue(value))  # \(origin.rawValue)\n"
        }
        return text
    }

    private static func yamlValue(_ value: String) -> String {
        let isPlain =
            !value.isEmpty
            && value.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 46
                    || byte == 95
            }
        return isPlain ? value : JSONText.quoted(value)
    }

    /// All keys of a YAML text with dots between the levels, and their values as text.
    private static func yaml(_ text: String, path: String) throws(SettingsError) -> [(key: String, value: String)] {
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            throw SettingsError("\(path) is not valid YAML: \(error)")
        }
        guard let root else { return [] }
        guard case .mapping(let mapping) = root else {
            if case .scalar(let scalar) = root, scalar.string.isEmpty { return [] }
            throw SettingsError("\(path) must hold settings as 'key: value' lines")
        }
        return try flattened(mapping, prefix: "", path: path, depth: 0)
    }

    private static func flattened(
        _ mapping: Node.Mapping, prefix: String, path: String, depth: Int
    ) throws(SettingsError) -> [(key: String, value: String)] {
        guard depth < 8 else { throw SettingsError("\(path): settings are nested too deeply") }
        var result: [(key: String, value: String)] = []
        for (name, node) in mapping {
            guard let name = name.string else { throw SettingsError("\(path): a setting's name must be a text") }
            let key = prefix.isEmpty ? name : prefix + "." + name
            switch node {
            case .scalar(let scalar): result.append((key, scalar.string))
            case .sequence(let sequence): result.append((key, sequence.map { $0.string ?? "" }.joined(separator: ",")))
            case .mapping(let inner):
                result += try flattened(inner, prefix: key, path: path, depth: depth + 1)
            case .alias: throw SettingsError("\(path): \(key): aliases are not supported")
            }
        }
        return result
    }
}

/// `; did you mean 'x'?` for the nearest of `names`, if one is near.
func suggestion(for text: String, among names: [String]) -> String {
    let nearest = names.map { (name: $0, distance: editDistance($0, text)) }.min { $0.distance < $1.distance }
    guard let nearest, nearest.distance <= max(3, text.count / 3) else { return "" }
    return "; did you mean '\(nearest.name)'?"
}

/// Fewest insertions, deletions and replacements that turn `a` into `b` (Levenshtein), in bytes.
func editDistance(_ a: String, _ b: String) -> Int {
    let (from, to) = (Array(a.utf8.prefix(200)), Array(b.utf8.prefix(200)))
    var row = Array(0...to.count)
    for (i, byte) in from.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for (j, other) in to.enumerated() {
            let above = row[j + 1]
            row[j + 1] = byte == other ? diagonal : 1 + min(diagonal, above, row[j])
            diagonal = above
        }
    }
    return row[to.count]
}
