import ArgumentParser
import Bytes
import Model
import NIOHTTP1
import Receive

/// `dendro query`
struct QueryCommand: AsyncParsableCommand {
    enum Form: String, ExpressibleByArgument, CaseIterable {
        case standard = "default"
        case raw, jsonl
    }

    static let configuration = CommandConfiguration(
        commandName: "query", abstract: "Run a LogQL query on a running server.")

    @Argument(help: ArgumentHelp("The query, such as '{app=\"shop\"} |= \"failed\"'.", valueName: "logql"))
    var logql: String

    @Option(help: ArgumentHelp("How far back, such as 15m or 24h.", valueName: "duration"))
    var since = "1h"

    @Option(help: ArgumentHelp("From when, RFC 3339 or Unix time; goes before --since.", valueName: "time"))
    var from: String?

    @Option(help: ArgumentHelp("Until when.", valueName: "time"))
    var to: String?

    @Option(help: "Most lines to show.")
    var limit = 100

    @Option(help: "default: time, labels and line. raw: lines only. jsonl: a JSON object each.")
    var output = Form.standard

    @OptionGroup var server: ServerArguments

    func run() async throws {
        var parameters = [("query", logql), ("limit", String(limit)), ("direction", "backward")]
        if let from { parameters.append(("start", from)) } else { parameters.append(("since", since)) }
        if let to { parameters.append(("end", to)) }
        let reply = try await fetch("/loki/api/v1/query_range" + HTTPClient.query(parameters), server)
        guard let data = reply.document?["data"], let result = data["result"] else {
            throw Exit.failed("the answer cannot be read", code: Exit.unreachable)
        }
        if data["resultType"]?.plain == "streams" { writeLines(result) } else { writeSeries(result) }
    }

    /// Lines of all streams, oldest first, as in a file.
    private func writeLines(_ result: JSONValue) {
        var lines: [(time: Int64, labels: JSONValue, line: String)] = []
        for stream in result.items {
            for value in stream["values"]?.items ?? [] where value.items.count >= 2 {
                lines.append((Int64(value.items[0].plain) ?? 0, stream["stream"] ?? .null, value.items[1].plain))
            }
        }
        lines.sort { $0.time < $1.time }
        var out: [UInt8] = []
        for line in lines {
            switch output {
            case .raw: out.append(contentsOf: line.line.utf8)
            case .standard:
                out.append(contentsOf: "\(RFC3339.format(line.time)) \(LabelSet(line.labels.texts)) \(line.line)".utf8)
            case .jsonl:
                out.append(contentsOf: "{\"timestamp\":\"\(RFC3339.format(line.time))\",\"labels\":".utf8)
                line.labels.append(to: &out)
                out.append(contentsOf: ",\"line\":".utf8)
                JSONText.append(line.line, to: &out)
                out.append(0x7d)
            }
            out.append(0x0a)
        }
        Output.write(out)
    }

    private func writeSeries(_ result: JSONValue) {
        var out: [UInt8] = []
        for series in result.items {
            if output == .jsonl {
                series.append(to: &out)
                out.append(0x0a)
                continue
            }
            for sample in series["values"]?.items ?? [series["value"] ?? .null] where sample.items.count == 2 {
                if output == .standard {
                    out.append(contentsOf: "\(sample.items[0].plain) \(LabelSet(series["metric"]?.texts ?? [])) ".utf8)
                }
                out.append(contentsOf: sample.items[1].plain.utf8)
                out.append(0x0a)
            }
        }
        Output.write(out)
    }
}

/// `dendro labels`
struct LabelsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "labels", abstract: "List label names, or the values of one label.")

    @Argument(help: ArgumentHelp("Label whose values to list.", valueName: "name"))
    var name: String?

    @Option(help: ArgumentHelp("How far back.", valueName: "duration"))
    var since = "24h"

    @OptionGroup var server: ServerArguments

    func run() async throws {
        let path = name.map { "/loki/api/v1/label/\(HTTPClient.escaped($0))/values" } ?? "/loki/api/v1/labels"
        let reply = try await fetch(path + HTTPClient.query([("since", since)]), server)
        for item in reply.document?["data"]?.items ?? [] { Output.write(item.plain + "\n") }
    }
}

/// The answer to a GET, or the command's end with what the server said.
private func fetch(_ path: String, _ server: ServerArguments) async throws -> HTTPClient.Reply {
    do {
        let reply = try await server.client().send(.GET, path)
        guard reply.status == 200 else {
            throw Exit.failed("the server answered \(reply.status): \(reply.text)", code: Exit.rejected)
        }
        return reply
    } catch let failure as HTTPClient.Failure {
        throw Exit.failed(failure.description, code: Exit.unreachable)
    }
}
