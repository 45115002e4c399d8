// dendro: the executable. It reads commands and settings, puts the parts together in the order in which they start and
// stop, and is a client of its own server for the commands that push and query. It knows every other target's public
// face and decides nothing about formats, language or storage.

import ArgumentParser

/// The version of this build.
enum Version {
    static let text = "0.1.0"
}

@main
struct Dendro: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dendro",
        abstract: "A log database: push lines, find them by LogQL or by trace id.",
        version: "dendro " + Version.text,
        subcommands: [
            ServeCommand.self, PushCommand.self, QueryCommand.self, LabelsCommand.self, CheckConfigCommand.self,
            VerifyCommand.self, SnapshotCommand.self, RestoreCommand.self,
            TokenCommand.self,
        ],
        defaultSubcommand: ServeCommand.self)
}
