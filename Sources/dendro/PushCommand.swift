import ArgumentParser
import Bytes
import Model
import NIOHTTP1
import Receive

/// Options of the commands that talk to a running server.
struct ServerArguments: ParsableArguments {
    @Option(help: ArgumentHelp("Address of the server.", valueName: "url"))
    var addr: String?

    @Option(
        help: ArgumentHelp(
            "Token of the server; better in DENDRO_TOKEN, where others on this machine do not see it.",
            valueName: "token"))
    var token: String?

    func client() throws -> HTTPClient {
        let address = addr ?? ProcessEnvironment.variables()["DENDRO_ADDR"] ?? "http://127.0.0.1:3100"
        do {
            return try HTTPClient(address, token: token ?? ProcessEnvironment.variables()["DENDRO_TOKEN"])
        } catch {
            throw Exit.failed(error.description, code: Exit.badSettings)
        }
    }
}

/// `dendro push`
struct PushCommand: AsyncParsableCommand {
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case json, text
    }

    static let configuration = CommandConfiguration(
        commandName: "push", abstract: "Push the lines of a file to a running server.")

    @Argument(help: ArgumentHelp("File to push, or - for standard input.", valueName: "file"))
    var file = "-"

    @Option(
        help: ArgumentHelp("A label for every line that does not carry it; may be repeated.", valueName: "name=value"))
    var label: [String] = []

    @Option(help: "json: each line is a JSON object. text: lines are taken as they are, at the time that they tell.")
    var format = Format.json

    @Option(
        help: ArgumentHelp(
            "Zone of times that name none, such as Europe/Berlin or +08:00; that of this machine unless given.",
            valueName: "zone"))
    var timeZone: String?

    @Flag(help: "Of text: a line that begins with no time is an entry of its own, not more of the one before it.")
    var singleLines = false

    @OptionGroup var server: ServerArguments

    func run() async throws {
        let labels = try label.map { text in
            let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else {
                throw Exit.failed("--label is name=value, not '\(text)'", code: Exit.badSettings)
            }
            return (parts[0], parts[1])
        }
        do {
            let zone = try LocalZone(timeZone)
            let text = TextEntries(
                zone: zone.table, now: SystemClock().nowNanoseconds(), joinsLines: !singleLines)
            var push = PushRun(
                client: try server.client(), labels: labels, format: format, zoneName: zone.name, text: text)
            try await push.run(try InputFile(file))
            guard push.rejected == 0 else { throw ExitCode(Exit.rejected) }
        } catch let error as InputError {
            throw Exit.failed(error.description, code: Exit.badSettings)
        } catch let error as HTTPClient.Failure {
            throw Exit.failed(error.description, code: Exit.unreachable)
        }
    }
}

/// One file on its way: cut into bodies at line ends, sent one after the other.
struct PushRun {
    static let bodyBytes = 1 << 20
    private static let attempts = 30

    let client: HTTPClient
    let labels: [(String, String)]
    let format: PushCommand.Format
    let zoneName: String
    private var text: TextEntries
    private(set) var accepted = 0
    private(set) var duplicates = 0
    private(set) var rejected = 0
    private var reasons: [String] = []
    private var sentBytes = 0
    private var progress = ProgressBar()

    init(
        client: HTTPClient, labels: [(String, String)], format: PushCommand.Format, zoneName: String, text: TextEntries
    ) {
        self.client = client
        self.labels = labels
        self.format = format
        self.zoneName = zoneName
        self.text = text
    }

    mutating func run(_ file: consuming InputFile) async throws {
        var pending: [UInt8] = []
        var isOpen = true
        while isOpen {
            isOpen = try file.read(256 << 10, into: &pending)
            while pending.count >= PushRun.bodyBytes, let end = lastLineEnd(pending, within: PushRun.bodyBytes) {
                try await send(Array(pending[..<end]))
                pending.removeFirst(end)
                progress.show(done: sentBytes, of: file.sizeBytes)
            }
        }
        if !pending.isEmpty { try await send(pending) }
        if format == .text, let last = text.finish() { try await send(entries: [last]) }
        progress.finish()
        report()
    }

    /// Behind the last newline in the first `limit` bytes, or behind the first one at all.
    private func lastLineEnd(_ bytes: [UInt8], within limit: Int) -> Int? {
        if let last = bytes[..<min(limit, bytes.count)].lastIndex(of: 0x0a) { return last + 1 }
        return bytes.firstIndex(of: 0x0a).map { $0 + 1 }
    }

    private mutating func send(_ lines: [UInt8]) async throws {
        switch format {
        case .json:
            let path = "/api/v1/push" + HTTPClient.query(labels)
            take(receipt: try await deliver(path, "application/x-ndjson", lines))
        case .text: try await send(entries: text.take(lines))
        }
        sentBytes += lines.count
    }

    private mutating func send(entries: [TextEntries.Entry]) async throws {
        guard !entries.isEmpty else { return }
        let reply = try await deliver("/loki/api/v1/push", "application/json", lokiBody(entries))
        if reply.status == 204 {
            accepted += entries.count
        } else {
            rejected += entries.count
            note(reply.text)
        }
    }

    /// Sends until the server takes or refuses it; asked to wait, it waits.
    private func deliver(_ path: String, _ type: String, _ body: [UInt8]) async throws -> HTTPClient.Reply {
        var attempt = 0
        while true {
            attempt += 1
            let reply = try await client.send(
                .POST, path, headers: [("Content-Type", type), ("X-Dendro-Time-Zone", zoneName)], body: body)
            guard [429, 503, 507].contains(reply.status), attempt < PushRun.attempts else { return reply }
            let seconds = min(60, max(1, reply.headers.first(name: "Retry-After").flatMap { Int($0) } ?? 1))
            try await Task.sleep(for: .seconds(seconds))
        }
    }

    private mutating func take(receipt reply: HTTPClient.Reply) {
        guard let receipt = reply.document, let count = receipt["accepted"]?.integer else {
            rejected += 1
            return note("the server answered \(reply.status): \(reply.text)")
        }
        accepted += count
        duplicates += receipt["duplicates"]?.integer ?? 0
        rejected += receipt["rejected"]?.integer ?? 0
        for error in receipt["errors"]?.items ?? [] { note(error["reason"]?.plain ?? "") }
    }

    private mutating func note(_ reason: String) {
        if reasons.count < 10 { reasons.append(reason) }
    }

    private func lokiBody(_ entries: [TextEntries.Entry]) -> [UInt8] {
        var out = [UInt8]("{\"streams\":[{\"stream\":{".utf8)
        for (index, label) in labels.enumerated() {
            if index > 0 { out.append(0x2c) }
            JSONText.append(label.0, to: &out)
            out.append(0x3a)
            JSONText.append(label.1, to: &out)
        }
        out.append(contentsOf: "},\"values\":[".utf8)
        for (index, entry) in entries.enumerated() {
            if index > 0 { out.append(0x2c) }
            out.append(contentsOf: "[\"\(entry.time)\",".utf8)
            JSONText.append(entry.line.span, to: &out)
            out.append(0x5d)
        }
        out.append(contentsOf: "]}]}".utf8)
        return out
    }

    private func report() {
        Output.write("{\"accepted\":\(accepted),\"duplicates\":\(duplicates),\"rejected\":\(rejected)}\n")
        for reason in reasons { Output.error("rejected: \(reason)\n") }
    }
}

/// A bar on a terminal; nothing elsewhere.
struct ProgressBar {
    private static let width = 40
    private let isShown = Output.isTerminal
    private var lastPercent = -1

    mutating func show(done: Int, of total: Int) {
        guard isShown else { return }
        guard total > 0 else {
            Output.error("\r\(done >> 20) MiB sent")
            return
        }
        let percent = min(100, done * 100 / total)
        guard percent != lastPercent else { return }
        lastPercent = percent
        let filled = percent * ProgressBar.width / 100
        let bar = String(repeating: "#", count: filled) + String(repeating: "-", count: ProgressBar.width - filled)
        Output.error("\r[\(bar)] \(percent) %")
    }

    func finish() {
        if isShown { Output.error("\r\u{1b}[K") }
    }
}
