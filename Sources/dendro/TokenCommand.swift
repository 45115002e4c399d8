import Access
import ArgumentParser
import Bytes
import Model
import NIOHTTP1
import Receive
import Store

/// `dendro token`
struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Make, list and revoke tokens.",
        discussion: """
            Works on the data folder, whether a server has it open or not: changes count at once. Once a token was \
            made, the server asks for one on every route but /ready and /health.
            """,
        subcommands: [Create.self, List.self, Revoke.self])

    struct Folder: ParsableArguments {
        @Option(help: ArgumentHelp("The server's data folder.", valueName: "folder"))
        var dataDir: String?

        var path: String { dataDir ?? ProcessEnvironment.variables()["DENDRO_DATA_DIR"] ?? Settings().dataFolder }
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a token and show it, this once.",
            discussion: """
                Scopes: push sends lines and sees none; read sees lines and sends none; admin does both, deletes, and \
                reads settings and figures.
                """)

        @Option(help: ArgumentHelp("push, read or admin.", valueName: "scope"))
        var scope: String

        @Option(help: ArgumentHelp("Only for lines with this value of the label app.", valueName: "name"))
        var app: String?

        @Option(help: ArgumentHelp("Only for this tenant; needs access.tenants.", valueName: "name"))
        var tenant: String?

        @Option(
            help: ArgumentHelp("Good for this long, such as 90d or 12h; without it, until revoked.", valueName: "time"))
        var expires: String?

        @Option(help: ArgumentHelp("What it is for, to tell tokens apart.", valueName: "text"))
        var name = ""

        @Option(help: ArgumentHelp("Most lines that it may push in a second.", valueName: "number"))
        var linesPerSecond = 0

        @Option(help: ArgumentHelp("Most bytes of lines that it may push in a second.", valueName: "bytes"))
        var bytesPerSecond: String?

        @OptionGroup var folder: Folder

        func run() async throws {
            let order = try order()
            let text = try await TokenPlace.run { () throws(StartError) in
                try TokenPlace.create(order, folder.path)
            } online: {
                try await TokenPlace.create(order, LocalKey.client(folder: folder.path))
            }
            Output.write(text + "\n")
            Output.error("Keep it: it is not shown again. 'dendro token list' shows what there is.\n")
        }

        private func order() throws -> TokenOrder {
            guard let scope = Scope(name: scope) else {
                throw Exit.failed("--scope is push, read or admin, not '\(scope)'", code: Exit.badSettings)
            }
            var order = TokenOrder(scope: scope)
            order.app = app
            if let tenant { order.tenant = TenantID(tenant) }
            order.name = name
            order.linesPerSecond = linesPerSecond
            if let bytesPerSecond {
                guard let bytes = ValueForm<Int>.bytes.read(bytesPerSecond) else {
                    throw Exit.failed("--bytes-per-second is a number such as 1MiB", code: Exit.badSettings)
                }
                order.bytesPerSecond = bytes
            }
            if let expires {
                guard let seconds = ValueForm<Int>.seconds.read(expires) else {
                    throw Exit.failed("--expires is a time such as 90d, not '\(expires)'", code: Exit.badSettings)
                }
                order.lifeSeconds = seconds
            }
            if let fault = order.fault { throw Exit.failed(fault, code: Exit.badSettings) }
            return order
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show all tokens, without their secrets.")

        @OptionGroup var folder: Folder

        func run() async throws {
            let rows = try await TokenPlace.run { () throws(StartError) in
                try TokenPlace.list(folder.path)
            } online: {
                try await TokenPlace.list(LocalKey.client(folder: folder.path))
            }
            Output.write(TokenRow.table(rows))
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End a token at once.")

        @Argument(help: ArgumentHelp("Its id, as listed.", valueName: "id"))
        var id: String

        @OptionGroup var folder: Folder

        func run() async throws {
            try await TokenPlace.run { () throws(StartError) in
                try TokenPlace.revoke(id, folder.path)
            } online: {
                try await TokenPlace.revoke(id, LocalKey.client(folder: folder.path))
            }
            Output.write("\(id) opens nothing any more\n")
        }
    }
}

/// A token in a list.
struct TokenRow {
    var cells: [String]

    static let header = ["id", "scope", "app", "tenant", "created", "expires", "state", "name"]

    init(_ token: Token, now: Int64) {
        let state = token.revokedAt != nil ? "revoked" : token.isExpired(at: now) ? "expired" : "active"
        cells = [
            token.id, token.scope.name, token.app ?? "", token.tenant.name, RFC3339.format(token.createdAt),
            token.expiresAt.map { RFC3339.format($0) } ?? "", state, token.name,
        ]
    }

    init(_ item: JSONValue) {
        cells = ["id", "scope", "app", "tenant", "created_at", "expires_at", "state", "name"].map {
            item[$0]?.plain ?? ""
        }
    }

    static func table(_ rows: [TokenRow]) -> String {
        let lines = [header] + rows.map { row in row.cells.map { $0.isEmpty ? "-" : $0 } }
        let widths = header.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        return lines.map { line in
            zip(line, widths).map { cell, width in cell + String(repeating: " ", count: width - cell.count) }
                .joined(separator: "  ").trimmedEnd + "\n"
        }.joined()
    }
}

extension String {
    fileprivate var trimmedEnd: String {
        var text = Substring(self)
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
