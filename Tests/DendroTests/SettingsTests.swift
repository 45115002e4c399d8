import Health
import Model
import Testing

@testable import dendro

@Suite struct SettingsTests {
    private func load(
        file: String? = nil, environment: [String: String] = [:], arguments: [String] = []
    ) throws -> Settings {
        try Settings.load(
            file: file.map { (path: "dendro.yaml", text: $0) }, environment: environment,
            flags: try Settings.flags(arguments))
    }

    @Test func defaultsNeedNothing() throws {
        let settings = try load()
        #expect(settings.listen == "127.0.0.1:3100")
        #expect(settings.dataFolder == "./data")
        #expect(settings.effectiveLimits == Limits())
        #expect(settings.origins.isEmpty)
    }

    @Test func laterSourcesWin() throws {
        let file = "log:\n  level: debug\nlimits:\n  line_bytes: 1KiB\n  line_action: reject\n"
        #expect(try load(file: file).limits.lineBytes == Limit(1024, .reject))
        let environment = ["DENDRO_LIMITS_LINE_BYTES": "2KiB", "PATH": "/bin"]
        #expect(try load(file: file, environment: environment).limits.lineBytes.value == 2048)
        let settings = try load(
            file: file, environment: environment, arguments: ["--limits-line-bytes", "3KiB", "--log-level=error"])
        #expect(settings.limits.lineBytes.value == 3072)
        #expect(settings.logLevel == "error")
        #expect(settings.origins["limits.line_bytes"] == .commandLine)
        #expect(settings.origins["limits.line_action"] == .file)
        #expect(settings.origins["listen"] == nil)
    }

    @Test func everySettingReadsWhatItShows() throws {
        for setting in Settings.options {
            let shown = setting.show(Settings())
            var settings = Settings()
            try setting.read(shown, &settings)
            #expect(setting.show(settings) == shown, "\(setting.key)")
        }
    }

    @Test func namesAreUnlike() {
        let options = Settings.options
        #expect(Set(options.map(\.key)).count == options.count)
        #expect(Set(options.map(\.flag)).count == options.count)
        #expect(Set(options.map(\.environmentName)).count == options.count)
    }

    @Test func theShownTextIsASettingsFile() throws {
        let settings = try load(arguments: ["--retention-days", "7", "--ingest-label-fields", "app,team"])
        #expect(settings.text.contains("days: 7  # command line"))
        let again = try load(file: settings.text)
        #expect(again.retentionDays == 7)
        #expect(again.labelFields == ["app", "team"])
    }

    @Test func whatIsLookedAtIsShownWithoutPasswordsAndReadBack() throws {
        let probes = ["db=postgres://ada:secret@db1/shop?interval_s=5", "api=http://h:8080/health?deep=1"]
        let settings = try load(
            arguments: [
                "--health-probes", probes.joined(separator: ","), "--health-cpu-percent", "72.5", "--alerts-rules",
                "a.yaml,b.yaml", "--log-own-lines", "false",
            ])
        #expect(!settings.text.contains("secret"))
        let again = try load(file: settings.text)
        #expect(again.probes == [probes[0].replacing("secret", with: "hidden"), probes[1]])
        #expect(again.thresholds == settings.thresholds && again.thresholds.cpuPercent == 72.5)
        #expect(again.ruleFiles == ["a.yaml", "b.yaml"] && !again.storesOwnLines)
    }

    @Test func listsMayBeYAMLLists() throws {
        #expect(try load(file: "ingest:\n  label_fields: [app, team]\n").labelFields == ["app", "team"])
        #expect(try load(file: "ingest.label_fields: app, team\n").labelFields == ["app", "team"])
    }

    @Test(arguments: [
        ("limits:\n  line_byte: 5\n", "did you mean 'limits.line_bytes'?"),
        ("retention_days: 5\n", "did you mean 'retention.days'?"), ("zzzzzzzzzzzzzzzzzzzzz: 1\n", "unknown setting"),
        ("log:\n  level: loud\n", "one of trace, debug"), ("- a\n", "must hold settings"), ("a: [\n", "not valid YAML"),
        ("retention:\n  days: 0\n", "a whole number from 1"), ("limits:\n  line_bytes: -1\n", "a number of bytes"),
        ("limits:\n  line_bytes: 99999999999GiB\n", "a number of bytes"), ("listen: nowhere\n", "host:port"),
        ("http:\n  prefix: logs/\n", "begins with a slash"),
    ])
    func badFilesAreExplained(file: String, text: String) {
        #expect {
            try load(file: file)
        } throws: { error in
            "\(error)".contains(text)
                || {
                    Issue.record("\(error)"); return false
                }()
        }
    }

    @Test(arguments: [
        ("DENDRO_LOG_LEVL", "did you mean 'DENDRO_LOG_LEVEL'?"), ("DENDRO_LISTN", "did you mean 'DENDRO_LISTEN'?"),
    ])
    func unknownVariablesAreExplained(name: String, text: String) {
        #expect {
            try load(environment: [name: "x"])
        } throws: { "\($0)".contains(text) }
    }

    @Test(arguments: [
        (["--log-levl", "x"], "did you mean '--log-level'?"), (["--log-level"], "needs a value"),
        (["stray"], "unexpected"),
    ])
    func unknownOptionsAreExplained(arguments: [String], text: String) {
        #expect {
            try load(arguments: arguments)
        } throws: { "\($0)".contains(text) }
    }

    @Test(arguments: ["0.0.0.0:3100", "192.168.1.5:3100", "[::]:3100", "example.org:80"])
    func otherAddressesThanLoopbackNeedTokens(listen: String) throws {
        #expect(try load(environment: ["DENDRO_LISTEN": listen]).address != nil)
        #expect {
            try load(environment: ["DENDRO_LISTEN": listen, "DENDRO_ACCESS_MODE": "open"])
        } throws: { "\($0)".contains("token create") }
    }

    @Test(arguments: ["127.0.0.1:0", "localhost:3100", "[::1]:3100", "127.0.0.53:1"])
    func loopbackAddressesAreTaken(listen: String) throws {
        #expect(try load(environment: ["DENDRO_LISTEN": listen]).address != nil)
    }

    @Test(arguments: [("", "", 0), ("a", "", 1), ("kitten", "sitting", 3), ("limits.lin", "limits.line", 1)])
    func distancesCountEdits(a: String, b: String, distance: Int) {
        #expect(editDistance(a, b) == distance)
        #expect(editDistance(b, a) == distance)
    }
}
