import Bytes
import CPostgres

/// PostgreSQL through libpq, where that is installed: a login, with a password by whatever the server asks for, and
/// `SELECT 1`. Without libpq it is only seen whether somebody takes connections, and the check says so.
struct PostgresProbe {
    private static let messageBytes = 1024

    private let configuration: ProbeConfiguration

    init(_ configuration: ProbeConfiguration) {
        self.configuration = configuration
    }

    func look(_ deadline: Int64) throws(ProbeFailure) -> HealthCheck {
        let user = configuration.user.isEmpty ? "postgres" : configuration.user
        let database = configuration.path.count > 1 ? String(configuration.path.dropFirst()) : ""
        let left = max(1, (deadline - Machine.monotonicNanoseconds()) / 1_000_000)
        var text = [UInt8](repeating: 0, count: PostgresProbe.messageBytes)
        let (host, port, password) = (configuration.host, String(configuration.port), configuration.password)
        let outcome = unsafe text.withUnsafeMutableBytes { bytes in
            unsafe dendro_postgres_select_one(
                host, port, user, password, database, Int32(clamping: left),
                bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count)
        }
        switch Int(outcome) {
        case DENDRO_POSTGRES_OK: return HealthCheck(.healthy, "SELECT 1")
        case DENDRO_POSTGRES_NO_LIBRARY:
            _ = try ProbeSocket(host: host, port: configuration.port, deadline: deadline)
            return HealthCheck(
                .healthy, "accepts connections; SELECT 1 was not tried: libpq (libpq.so.5) is not installed")
        case DENDRO_POSTGRES_SILENT: throw ProbeFailure(message: "no answer in time")
        default:
            let complaint = String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
            throw ProbeFailure(message: PostgresProbe.plain(complaint), isSilence: !complaint.contains("FATAL"))
        }
    }

    /// What libpq says, without the address that the check names anyway.
    static func plain(_ complaint: String) -> String {
        var line = complaint.split(separator: "\n").first.map(String.init) ?? "the connection failed"
        for mark in [" failed: ", "FATAL:  ", "ERROR:  "] {
            if let found = line.firstRange(of: mark) { line = String(line[found.upperBound...]) }
        }
        if line.hasPrefix("Connection refused") { return "connection refused" }
        if line.hasPrefix("server closed the connection") { return "connection closed by the service" }
        return String(line.prefix(200))
    }
}
