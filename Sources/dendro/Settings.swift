import Access
import Bytes
import Health
import Logging
import Model
import Receive

/// All settings in force. Every one is named once, in `Settings.options`; times in seconds, sizes in bytes.
struct Settings {
    var listen = "127.0.0.1:3100"
    var dataFolder = "./data"
    var prefix = ""
    var accessMode = AccessControl.Mode.automatic.rawValue
    var hasTenants = false
    var tokenLinesPerSecond = 0
    var tokenBytesPerSecond = 0
    var tailsLimit = 10
    var corsOrigins: [String] = []
    var logLevel = "info"
    var slowMilliseconds = 500
    var storesOwnLines = true
    var retentionDays = 30
    /// 0: no limit.
    var retentionMaximumBytes = 0
    var retentionFreeBytes = 0
    var deletionDelaySeconds = 86_400
    var codec = Codec.best == .zstd ? "zstd" : "lz4"
    var headBudgetBytes = 32 << 20
    var walBudgetBytes = 256 << 20
    var headRows = 65_536
    var headBytes = 16 << 20
    var headAgeSeconds = 300
    var minimumFreeBytes = 128 << 20
    var labelFields = ReceiveOptions().labelFields
    var serviceNameFields = ServiceName.standardFields
    var resourceLabels = ReceiveOptions.standardResourceLabels
    var highCardinality = FieldName.highCardinality
    var indexed = FieldName.indexed
    var duplicates = "drop"
    var scrubRules = ScrubRule.allCases.map(\.name)
    var scrubExemptApps: [String] = []
    var labelValues = 10_000
    var streams = 50_000
    var limits = Limits()
    /// 0 stands for "as long as the retention keeps entries".
    var maxAgeSeconds = 0
    var bodyBudgetBytes = 64 << 20
    var idleSeconds = 120
    var headSeconds = 10
    var bodyPauseSeconds = 30
    var bodySeconds = 300
    /// Empty: none.
    var certificateFile = ""
    var keyFile = ""
    var clientCAFile = ""
    var connections = 10_000
    var loops = 2
    var workers = 2
    var probes: [String] = []
    var thresholds = HealthThresholds()
    var alertWebhooks: [String] = []
    var alertmanager = ""
    var alertCAFile = ""
    var ruleFiles: [String] = []
    var externalURL = ""
    /// Where each value comes from, by key; what is not here is the default.
    var origins: [String: Origin] = [:]

    /// The limits with what follows from other settings.
    var effectiveLimits: Limits {
        var limits = limits
        limits.maxAgeSeconds = maxAgeSeconds > 0 ? maxAgeSeconds : nil
        return limits
    }

    /// Host and port of `listen`, or nil when it is neither `host:port` nor `[address]:port`.
    var address: (host: String, port: Int)? {
        guard let colon = listen.lastIndex(of: ":"), let port = Int(listen[listen.index(after: colon)...]),
            (0...65535).contains(port)
        else { return nil }
        var host = String(listen[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        return host.isEmpty ? nil : (host, port)
    }

    /// Whether only programs on this machine can reach the address.
    static func isLoopback(_ host: String) -> Bool {
        host == "localhost" || host == "::1" || (host.hasPrefix("127.") && host.split(separator: ".").count == 4)
    }

    /// What makes the settings unusable as a whole.
    func check() throws(SettingsError) {
        guard let address else { throw SettingsError("listen is host:port such as 127.0.0.1:3100, not '\(listen)'") }
        if accessMode == AccessControl.Mode.open.rawValue, !Settings.isLoopback(address.host) {
            throw SettingsError(
                "listen \(listen) with access.mode open would let anybody on the network read, write and delete logs. "
                    + "Leave access.mode as it is and make tokens with 'dendro token create', or listen on 127.0.0.1.")
        }
        if certificateFile.isEmpty != keyFile.isEmpty {
            throw SettingsError("tls.certificate and tls.key go together: one of them is missing")
        }
        if certificateFile.isEmpty, !clientCAFile.isEmpty {
            throw SettingsError("tls.client_ca needs tls.certificate and tls.key")
        }
        for (key, value) in [
            ("http.idle", idleSeconds), ("http.head_timeout", headSeconds), ("http.body_pause", bodyPauseSeconds),
            ("http.body_timeout", bodySeconds),
        ] where value < 1 || value > 86_400 {
            throw SettingsError("\(key) is from 1s to 1d")
        }
        if hasTenants, accessMode == AccessControl.Mode.open.rawValue {
            throw SettingsError("access.tenants needs tokens, which say whose tenant a request is: access.mode is open")
        }
        if !prefix.isEmpty, !prefix.hasPrefix("/") || prefix.hasSuffix("/") {
            throw SettingsError("http.prefix begins with a slash and does not end with one, as in /logs")
        }
        for name in scrubRules where ScrubRule(name: name) == nil && name != "none" {
            let names = ScrubRule.allCases.map(\.name).joined(separator: ", ")
            throw SettingsError("scrub.rules is a list of \(names), or none; not '\(name)'")
        }
        try checkHealth()
        if headBytes > headBudgetBytes {
            throw SettingsError("storage.head_bytes is larger than storage.head_budget, the memory of all heads")
        }
    }
}
