import ArgumentParser
import Store

/// `dendro verify`
struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Check the data of a stopped server, or a snapshot.",
        discussion: """
            Compares every part file with its checksums, the catalog with the parts, and reads the write-ahead log. \
            Nothing is changed. Ends with 0 if all is sound, with 1 if something is damaged or missing, and with 75 if \
            a server has the folder open: take a snapshot then, and check that.
            """)

    @Flag(help: "Also decode every line and compare it with what the part says of it.")
    var deep = false

    @Argument(help: ArgumentHelp("The data folder or snapshot.", valueName: "folder"))
    var folder = "./data"

    func run() throws {
        do {
            let lock = try DataFolder(existing: folder)
            let report = try VerifyRun.check(folder, isDeep: deep)
            VerifyRun.show(report, isDeep: deep)
            _ = consume lock
            if !report.isSound { throw ExitCode(Exit.rejected) }
        } catch let error as StartError {
            throw Exit.failed(error.text, code: error.code)
        }
    }
}

/// A check with its progress bar and its summary.
enum VerifyRun {
    static func check(_ folder: String, isDeep: Bool) throws(StartError) -> VerificationReport {
        var bar = ProgressBar()
        defer { bar.finish() }
        do throws(StoreError) {
            return try StoreVerification.run(folder: folder, isDeep: isDeep) { done, total in
                bar.show(done: done, of: max(total, 1))
            }
        } catch {
            throw StartError(error.description, code: Exit.cannotStart)
        }
    }

    static func show(_ report: VerificationReport, isDeep: Bool) {
        for problem in report.problems { Output.write("problem: \(problem)\n") }
        for note in report.notes { Output.write("note: \(note)\n") }
        let depth = isDeep ? "every line decoded" : "checksums compared"
        Output.write("parts: \(report.parts) files, \(report.rows) lines, \(report.bytes) bytes; \(depth)\n")
        Output.write("write-ahead log: \(report.walRecords) records, \(report.walRows) lines\n")
        Output.write(
            report.isSound
                ? "all is sound\n" : "\(report.problems.count) problems, \(report.damagedParts) damaged parts\n")
    }
}
