import Access
import Model

/// Lines of dendro's own log on what changes rights or removes entries: always written, whatever the level.
public enum AuditLog {
    /// - Parameters:
    ///   - action: `token created`, `deletion requested`, …
    ///   - actor: `token <id>`, `anybody` or `command line`.
    public static func write(_ action: String, actor: String, _ fields: [(name: String, value: String)]) {
        LogLine.write(
            level: "info", message: "audit",
            fields: [("action", .text(action)), ("actor", .text(actor))]
                + fields.map { ($0.name, LogLine.Value.text($0.value)) })
    }

    static func write(_ action: String, _ call: Call, _ fields: [(name: String, value: String)]) {
        write(action, actor: call.identity.description, fields + [("trace_id", call.traceID)])
    }
}
