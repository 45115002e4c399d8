import ArgumentParser
import Glibc

/// Options that name settings, shared by the commands that read them.
struct SettingsArguments: ParsableArguments {
    @Option(help: ArgumentHelp("Address and port to listen on.", valueName: "host:port"))
    var listen: String?

    @Option(help: ArgumentHelp("Folder of all data.", valueName: "folder"))
    var dataDir: String?

    @Option(help: ArgumentHelp("YAML file with settings.", valueName: "file"))
    var config: String?

    @Argument(parsing: .allUnrecognized, help: .hidden)
    var others: [String] = []

    /// The settings in force.
    func settings() throws -> Settings {
        do {
            let environment = ProcessEnvironment.variables()
            let path = config ?? environment["DENDRO_CONFIG"]
            var file: (path: String, text: String)?
            if let path { file = (path, try InputFile.text(path, limitBytes: 1 << 20)) }
            var flags = try Settings.flags(others)
            if let listen { flags.append(("listen", listen)) }
            if let dataDir { flags.append(("data_dir", dataDir)) }
            return try Settings.load(file: file, environment: environment, flags: flags)
        } catch let error as SettingsError {
            throw Exit.failed(error.description, code: Exit.badSettings)
        } catch let error as InputError {
            throw Exit.failed(error.description, code: Exit.badSettings)
        }
    }

    /// Every setting with its names, for the help text.
    static var listing: String {
        var text = "Every setting has an option, an environment variable and a YAML key:\n"
        for setting in Settings.options {
            text += "\n  \(setting.flag) <\(setting.form)>\n      \(setting.help)\n"
            text += "      \(setting.environmentName), \(setting.key); default \(setting.show(Settings()))\n"
        }
        return text
    }
}

/// `dendro serve`
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Run the server (the default).", discussion: SettingsArguments.listing)

    @OptionGroup var arguments: SettingsArguments

    func run() async throws {
        try await Wiring(settings: try arguments.settings()).run()
    }
}

/// `dendro check-config`
struct CheckConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-config", abstract: "Check the settings and show them with their origins.")

    @OptionGroup var arguments: SettingsArguments

    func run() throws {
        Output.write(try arguments.settings().text)
    }
}

/// How commands end.
enum Exit {
    static let badSettings: Int32 = 78
    static let unreachable: Int32 = 69
    static let cannotStart: Int32 = 71
    static let locked: Int32 = 75
    static let rejected: Int32 = 1

    /// Tells what went wrong on standard error.
    static func failed(_ text: String, code: Int32) -> ExitCode {
        Output.error("dendro: " + text + "\n")
        return ExitCode(code)
    }
}
