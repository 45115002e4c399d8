/// PostgreSQL by its wire protocol, version 3 (the manual's "Frontend/Backend Protocol"): a startup packet, and
/// `SELECT 1` where the server lets the user in without a password or with one in clear text. A server that asks for
/// a hashed password is up; the check says that it got no further.
struct PostgresProbe {
    private let configuration: ProbeConfiguration

    init(_ configuration: ProbeConfiguration) {
        self.configuration = configuration
    }

    func look(_ deadline: Int64) throws(ProbeFailure) -> HealthCheck {
        let socket = try ProbeSocket(host: configuration.host, port: configuration.port, deadline: deadline)
        let user = configuration.user.isEmpty ? "postgres" : configuration.user
        let database = configuration.path.count > 1 ? String(configuration.path.dropFirst()) : user
        var startup = PostgresProbe.number(196_608)
        for text in ["user", user, "database", database, "application_name", "dendro"] {
            startup += [UInt8](text.utf8) + [0]
        }
        startup.append(0)
        try socket.send(PostgresProbe.number(startup.count + 4) + startup)
        var answer = try read(socket, until: ["R", "E"])
        if let ask = answer["R"], ask.count >= 4, ask[3] != 0 {
            guard ask[3] == 3, !configuration.password.isEmpty else {
                return HealthCheck(.healthy, "accepts connections; SELECT 1 was not tried: it asks for a password")
            }
            try socket.send(PostgresProbe.message(0x70, [UInt8](configuration.password.utf8) + [0]))
            answer = try read(socket, until: ["R", "E"])
        }
        try check(answer)
        if answer["Z"] == nil { try check(try read(socket, until: ["Z", "E"])) }
        try socket.send(PostgresProbe.message(0x51, [UInt8]("SELECT 1".utf8) + [0]))
        let row = try read(socket, until: ["Z", "E"])
        try check(row)
        guard row["D"] != nil else { throw ProbeFailure(message: "SELECT 1 gave no row", isSilence: false) }
        try socket.send(PostgresProbe.message(0x58, []))
        return HealthCheck(.healthy, "SELECT 1")
    }

    /// Bodies of whole messages by type, read until one of `types` is there.
    private func read(
        _ socket: borrowing ProbeSocket, until types: Set<String>
    ) throws(ProbeFailure) -> [String: [UInt8]] {
        let bytes = try socket.receive { !types.isDisjoint(with: PostgresProbe.messages($0).keys) }
        let found = PostgresProbe.messages(bytes)
        guard !types.isDisjoint(with: found.keys) else {
            throw ProbeFailure(
                message: bytes.isEmpty ? "connection closed by the service" : "the answer is not PostgreSQL's",
                isSilence: bytes.isEmpty)
        }
        return found
    }

    static func messages(_ bytes: [UInt8]) -> [String: [UInt8]] {
        var found: [String: [UInt8]] = [:]
        var at = 0
        while at + 5 <= bytes.count {
            let length = bytes[(at + 1)..<(at + 5)].reduce(0) { $0 << 8 | Int($1) }
            guard length >= 4, length <= bytes.count - at - 1 else { break }
            found[String(UnicodeScalar(bytes[at]))] = Array(bytes[(at + 5)..<(at + 1 + length)])
            at += 1 + length
        }
        return found
    }

    /// - Throws: what the server complains of.
    private func check(_ answer: [String: [UInt8]]) throws(ProbeFailure) {
        guard let fields = answer["E"] else { return }
        let message = fields.split(separator: 0).first { $0.first == 0x4d }?.dropFirst()
        throw ProbeFailure(
            message: message.map { String(decoding: $0.prefix(200), as: UTF8.self) } ?? "the server refused",
            isSilence: false)
    }

    private static func message(_ type: UInt8, _ body: [UInt8]) -> [UInt8] {
        [type] + number(body.count + 4) + body
    }

    private static func number(_ value: Int) -> [UInt8] {
        let bits = UInt32(clamping: value)
        return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: bits >> $0) }
    }
}
