import Foundation
import Testing

/// Hundreds of requests that no honest client sends. Each gets a 4xx or what it asks for, what is taken is found, the
/// server goes on, and no request makes it grow by 64 MiB.
@Suite(.serialized) struct HostileTableTests {
    enum Group: String, CaseIterable, Sendable {
        case brokenJSON, brokenOTLP, wrongTypes, doubleKeys, junk, times, names, bombs, framing, heads, targets, queries

        func requests() throws -> [HostileRequest] {
            switch self {
            case .brokenJSON: HostileRequest.brokenJSON()
            case .brokenOTLP: HostileRequest.brokenOTLP()
            case .wrongTypes: HostileRequest.wrongTypes()
            case .doubleKeys: HostileRequest.doubleKeys()
            case .junk: try HostileRequest.junk()
            case .times: HostileRequest.times()
            case .names: HostileRequest.names()
            case .bombs: try HostileRequest.bombs()
            case .framing: HostileRequest.framing()
            case .heads: HostileRequest.heads()
            case .targets: HostileRequest.targets()
            case .queries: HostileRequest.queries()
            }
        }
    }

    private let server: ServerProcess

    init() throws {
        server = try ServerProcess()
        try server.start()
        // Something for questions to run over.
        let lines = (0..<300).map { "{\"app\":\"hostile\",\"a\":\"\($0)\",\"message\":\"xxxxxxxxxxxxxxxxxxxx\"}" }
        #expect(try server.push(lines.joined(separator: "\n")).status == 200)
    }

    @Test(arguments: Group.allCases) func hostileRequestsCostTheirSenderOnly(group: Group) throws {
        let requests = try group.requests()
        for round in 1...2 {
            for request in requests {
                resetPeak()
                let before = memory("VmRSS")
                try judge(request, round)
                // Where the kernel does not let the peak be set back, growth over all is bounded.
                let growth = memory("VmHWM") - before
                #expect(growth < 64 << 20, "\(request.name) made the server grow by \(growth >> 20) MiB")
            }
            #expect(try server.get("/ready").status == 200)
        }
        #expect(try server.push("{\"app\":\"after\"}").status == 200)
        for line in server.log.split(separator: "\n") {
            #expect((try? JSONSerialization.jsonObject(with: Data(line.utf8))) is [String: Any], "\(line)")
        }
    }

    @Test func thereAreManyRequests() throws {
        let count = try Group.allCases.map { try $0.requests().count }.reduce(0, +)
        #expect(count >= 1500, "\(count)")
    }

    private func judge(_ request: HostileRequest, _ round: Int) throws {
        let connection = try HTTPConnection(port: server.port)
        connection.write(request.bytes)
        if request.endsEarly { connection.endSending() }
        let reply = try? connection.read()
        let status = reply?.status ?? 0
        let told = Comment(
            rawValue: "\(request.name), round \(round): \(status) \(reply?.text.prefix(200) ?? "closed")")
        if let forbidden = request.forbidden { #expect(reply?.text.contains(forbidden) != true, told) }
        #expect(reply?.head.lowercased().contains("text/html") != true, told)
        switch request.verdict {
        case .refused: #expect(status == 0 || (400..<500).contains(status), told)
        case .status(let wanted): #expect(wanted.contains(status), told)
        case .harmless: #expect((200..<500).contains(status), told)
        case .refusedOrKept(let lines):
            guard (200..<300).contains(status) else { return #expect((400..<500).contains(status), told) }
            guard let lines else {
                Issue.record(told)
                return
            }
            for line in lines { #expect(try found(line), told) }
        }
        connection.endSending()
        // Nothing that hides behind a refused request is answered.
        if case .refused = request.verdict, status >= 400, let second = try? connection.read() {
            #expect(second.status >= 400, told)
        }
    }

    private func found(_ line: HostileRequest.Line) throws -> Bool {
        let named = line.labels.isEmpty ? ["service_name": "unknown_service"] : line.labels
        let labels = named.map { "\($0.key)=\(quoted($0.value))" }.sorted().joined(separator: ",")
        return try server.lines("{\(labels)}").contains(line.text)
    }

    /// `text` as LogQL writes it, byte for byte.
    private func quoted(_ text: String) -> String {
        "\""
            + text.unicodeScalars.map { scalar in
                switch scalar {
                case "\"", "\\": "\\\(scalar)"
                case _ where scalar.value < 0x20:
                    "\\x" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
                default: String(scalar)
                }
            }.joined() + "\""
    }

    private func resetPeak() {
        try? "5".write(toFile: "/proc/\(server.processIdentifier)/clear_refs", atomically: false, encoding: .utf8)
    }

    private func memory(_ name: String) -> Int {
        let status = try? String(contentsOfFile: "/proc/\(server.processIdentifier)/status", encoding: .utf8)
        let line = status?.split(separator: "\n").first { $0.hasPrefix(name + ":") }
        return line.flatMap { Int($0.filter(\.isNumber)) }.map { $0 << 10 } ?? 0
    }
}
