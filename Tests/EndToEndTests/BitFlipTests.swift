import Foundation
import Testing

/// One flipped bit in a file of each kind below the real binary: it starts, serves what is sound, gives no wrong line,
/// and names what is missing.
@Suite(.serialized) struct BitFlipTests {
    private static let places = 8
    private let server: ServerProcess
    private let kept: String

    init() throws {
        server = try ServerProcess()
        kept = server.folder + "/kept"
    }

    private func lines(_ names: ClosedRange<Int>) -> String {
        names.map { #"{"app":"flip","n":\#($0),"message":"line \#($0) of the test"}"# }.joined(separator: "\n")
    }

    /// A folder with parts, a log, both databases and the reserve. The server is stopped, not killed: a last group that
    /// nothing vouches for yet cannot be told from one that a crash cut off.
    private func prepare() throws {
        try server.start()
        #expect(try server.push(lines(0...299)).status == 200)
        #expect(try server.request("POST", "/flush").status == 204)
        #expect(try server.push(lines(300...499)).status == 200)
        #expect(server.stop() == 0)
        try FileManager.default.copyItem(atPath: server.dataFolder, toPath: kept)
    }

    /// Files by kind.
    private func files() throws -> [(kind: String, path: String)] {
        let all = try FileManager.default.subpathsOfDirectory(atPath: kept)
        func first(_ isWanted: (String) -> Bool) -> String? { all.sorted().first(where: isWanted) }
        let found = [
            ("part", first { $0.hasSuffix(".dlp") }),
            ("log", first { $0.hasPrefix("wal/") && !$0.hasSuffix("spare") && !$0.hasSuffix("/") }),
            ("catalog", first { $0 == "catalog.sqlite" }), ("catalog's log", first { $0 == "catalog.sqlite-wal" }),
            ("state", first { $0 == "state.sqlite" }), ("state's log", first { $0 == "state.sqlite-wal" }),
            ("reserve", first { $0 == "reserve" }),
        ]
        return found.compactMap { kind, path in path.map { (kind, $0) } }
    }

    @Test func wrongLinesAreNeverGivenAndMissingOnesAreNamed() throws {
        try prepare()
        let files = try files()
        #expect(Set(files.map(\.kind)).isSuperset(of: ["part", "log", "catalog", "state"]), "\(files)")
        let sent = Set((0...499).map { "line \($0) of the test" })
        for (kind, path) in files {
            let original = try Data(contentsOf: URL(fileURLWithPath: kept + "/" + path))
            // The log is preallocated: what is behind its records is of no interest.
            let used = (original.lastIndex { $0 != 0 } ?? 0) + 1
            for place in 0..<Self.places {
                var bytes = original
                bytes[used * (2 * place + 1) / (2 * Self.places)] ^= UInt8(1 << (place % 8))
                try FileManager.default.removeItem(atPath: server.dataFolder)
                try FileManager.default.copyItem(atPath: kept, toPath: server.dataFolder)
                try bytes.write(to: URL(fileURLWithPath: server.dataFolder + "/" + path))
                try server.start(isReady: false)
                try check(sent, "\(kind), place \(place)")
                server.kill()
            }
        }
    }

    private func check(_ sent: Set<String>, _ what: Comment) throws {
        _ = try server.poll("answering") { try? server.get("/health/live").status == 200 ? true : nil }
        let query = [("query", #"{app="flip"}"#), ("limit", "1000")]
        let reply = try server.get("/loki/api/v1/query_range", query)
        #expect(reply.status == 200, what)
        let found = reply.text.matches(of: #/line \d+ of the test/#).map { String($0.0) }
        #expect(Set(found).isSubset(of: sent), what)
        #expect(Set(found).count == found.count, what)
        guard Set(found) != sent else { return }
        let log = server.log
        let isNamed = log.contains("\"level\":\"error\"") || log.contains("\"level\":\"warning\"")
        #expect(isNamed || reply.text.contains("\"warnings\""), what)
        #expect(reply.text.contains("\"warnings\"") || log.contains("damage") || log.contains("lost"), "\(log)")
    }
}
