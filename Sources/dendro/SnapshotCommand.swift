import ArgumentParser
import Glibc
import NIOHTTP1
import Receive
import Store

/// `dendro snapshot`
struct SnapshotCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshot", abstract: "Write a snapshot of a running server's data to a new folder.",
        discussion: """
            The server goes on working. Every line that it acknowledged before the command is in the snapshot. Parts \
            are linked, not copied, where the folder lies on the same disk as the data: put the snapshot elsewhere to \
            keep it, with cp or rsync. The snapshot is checked when it is written; 'dendro restore' makes a data \
            folder of it.
            """)

    @Argument(help: ArgumentHelp("The folder to make, beside the data folder.", valueName: "folder"))
    var folder: String

    @OptionGroup var server: ServerArguments

    func run() async throws {
        let path = SnapshotCommand.absolute(folder)
        do {
            let reply = try await server.client().send(
                .POST, "/api/v1/admin/snapshot" + HTTPClient.query([("folder", path)]),
                headers: [("X-Dendro-Admin", "snapshot")])
            guard reply.status == 200 else {
                let text = reply.document?["detail"]?.plain ?? reply.text
                throw Exit.failed("the server answered \(reply.status): \(text)", code: Exit.rejected)
            }
            let lock = try DataFolder(existing: path)
            let report = try VerifyRun.check(path, isDeep: false)
            VerifyRun.show(report, isDeep: false)
            _ = consume lock
            if !report.isSound { throw ExitCode(Exit.rejected) }
            Output.write("snapshot \(path) is complete\n")
        } catch let failure as HTTPClient.Failure {
            throw Exit.failed(failure.description, code: Exit.unreachable)
        } catch let error as StartError {
            throw Exit.failed(error.text, code: error.code)
        }
    }

    /// `path` from the root, as another process needs it.
    static func absolute(_ path: String) -> String {
        var parts = path.hasPrefix("/") ? [] : SnapshotCommand.workingFolder.split(separator: "/")
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }

    private static var workingFolder: String {
        guard let path = unsafe getcwd(nil, 0) else { return "/" }
        defer { unsafe free(path) }
        return unsafe String(cString: path)
    }
}

/// `dendro restore`
struct RestoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Make a data folder of a snapshot.",
        discussion: "The snapshot is checked first and stays as it is.")

    @Argument(help: ArgumentHelp("The snapshot.", valueName: "snapshot"))
    var snapshot: String

    @Argument(help: ArgumentHelp("The data folder to make; it must not exist or be empty.", valueName: "folder"))
    var folder: String

    func run() throws {
        let source = SnapshotCommand.absolute(snapshot)
        let target = SnapshotCommand.absolute(folder)
        do {
            let lock = try DataFolder(existing: source)
            let report = try VerifyRun.check(source, isDeep: false)
            guard report.isSound else {
                VerifyRun.show(report, isDeep: false)
                throw Exit.failed("the snapshot is damaged; nothing was restored", code: Exit.rejected)
            }
            let made = try ArchiveRestore.run(from: source, to: target)
            _ = consume lock
            Output.write("\(target): \(made.parts) parts, \(made.rows) lines restored\n")
        } catch let error as StartError {
            throw Exit.failed(error.text, code: error.code)
        } catch let error as StoreError {
            throw Exit.failed(error.description, code: Exit.cannotStart)
        }
    }
}
