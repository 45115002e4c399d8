import Access
import Bytes
import Logging
import Model
import Server
import Store

extension Wiring {
    /// The tokens of the store and the rules for them.
    /// - Throws: `StartError` where the server would be open to a network.
    func accessControl(
        _ store: Store, _ key: LocalKey, _ address: (host: String, port: Int), _ logger: Logger
    ) async throws -> AccessControl {
        let stored = try await store.tokenRecords()
        let tokens = stored.records.compactMap { record in
            record.version == Token.version ? Token(id: record.id, encoded: record.bytes) : nil
        }
        let damagedCount = stored.damagedCount + stored.records.count - tokens.count
        if damagedCount > 0 {
            logger.error("\(damagedCount) tokens cannot be read and open nothing: revoke and make them again")
        }
        var options = AccessControl.Options()
        options.mode = AccessControl.Mode(rawValue: settings.accessMode) ?? .required
        options.hasTenants = settings.hasTenants
        options.linesPerSecond = settings.tokenLinesPerSecond
        options.bytesPerSecond = settings.tokenBytesPerSecond
        if !Settings.isLoopback(address.host) {
            options.mode = .required
            let now = SystemClock().nowNanoseconds()
            guard tokens.contains(where: { $0.isUsable(at: now) }) else {
                throw StartError(Wiring.refusal(settings), code: Exit.badSettings)
            }
        }
        let changed = Settings.options.filter { settings.origins[$0.key] != nil }
            .map { (name: $0.key, value: $0.isSecret ? "(hidden)" : $0.show(settings)) }
        AuditLog.write("started", actor: "command line", changed)
        let isLost = tokens.isEmpty && TokenMark(folder: settings.dataFolder).isSet
        return AccessControl(
            options, tokens: tokens, hasDamagedRecords: damagedCount > 0 || isLost, localToken: key.token)
    }

    static func refusal(_ settings: Settings) -> String {
        "listen \(settings.listen) lets a network reach this server, and no token would keep strangers out. "
            + "Make one with 'dendro token create --scope admin --data-dir \(settings.dataFolder)' and start again, or "
            + "listen on 127.0.0.1."
    }
}
