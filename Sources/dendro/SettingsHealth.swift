import Health
import NIOSSL

extension Settings {
    /// What is looked at, and who is told.
    static var healthOptions: [Setting] {
        [
            Setting(
                "health.probes", \.probes, .probes,
                "Services to look at, such as database=postgres://db1:5432; also redis, http, tcp, file, sqlite."),
            Setting(
                "health.cpu_percent", \.thresholds.cpuPercent, .amount(1...100), "CPU above which to complain."),
            Setting(
                "health.memory_percent", \.thresholds.memoryPercent, .amount(1...100),
                "Memory above which to complain."),
            Setting(
                "health.disk_percent", \.thresholds.diskPercent, .amount(1...100), "Disk above which to complain."),
            Setting(
                "health.api_latency_ms", \.thresholds.apiLatencyMilliseconds, .amount(1...3_600_000),
                "Average latency of requests above which to complain."),
            Setting(
                "health.db_latency_ms", \.thresholds.databaseLatencyMilliseconds, .amount(1...3_600_000),
                "Latency of the probe database above which to complain."),
            Setting(
                "health.redis_latency_ms", \.thresholds.redisLatencyMilliseconds, .amount(1...3_600_000),
                "Latency of the probe redis above which to complain."),
            Setting(
                "health.error_rate_percent", \.thresholds.errorRatePercent, .amount(0...100),
                "Share of requests answered with 5xx above which to complain."),
            Setting(
                "alerts.webhooks", \.alertWebhooks, .names, "Addresses, http:// or https://, that get alerts as JSON.",
                isSecret: true),
            Setting(
                "alerts.alertmanager", \.alertmanager, .text, "Alertmanager to tell of alerts, http://host:9093."),
            Setting(
                "alerts.ca", \.alertCAFile, .text,
                "PEM file of authorities that may sign the https:// addresses of alerts, beside the system's."),
            Setting(
                "alerts.rules", \.ruleFiles, .names,
                "Files of alerting rules on LogQL, in the YAML of Prometheus and Loki."),
            Setting(
                "alerts.external_url", \.externalURL, .text,
                "Address under which people reach this server; put in front of links in alerts."),
        ]
    }

    /// Whom the addresses that alerts go to have to be signed by.
    var alertTrust: TLSTrust { alertCAFile.isEmpty ? .roots : .authorities(alertCAFile) }

    /// Whether probes and addresses can be used.
    func checkHealth() throws(SettingsError) {
        guard probes.count <= ProbeConfiguration.countLimit else {
            throw SettingsError("health.probes names more than \(ProbeConfiguration.countLimit) services")
        }
        var names: Set<String> = []
        for text in probes {
            let name: String
            do throws(ProbeConfiguration.Failure) {
                name = try ProbeConfiguration(text).name
            } catch {
                throw SettingsError("health.probes: \(error.description)")
            }
            if !names.insert(name).inserted { throw SettingsError("health.probes names '\(name)' twice") }
        }
        if !alertCAFile.isEmpty {
            do {
                guard try !NIOSSLCertificate.fromPEMFile(alertCAFile).isEmpty else {
                    throw SettingsError("alerts.ca: no certificate is in \(alertCAFile)")
                }
            } catch let error as SettingsError {
                throw error
            } catch {
                throw SettingsError("alerts.ca: \(alertCAFile) cannot be read as PEM: \(error)")
            }
        }
        for address in alertWebhooks + (alertmanager.isEmpty ? [] : [alertmanager]) {
            do throws(HTTPClient.Failure) {
                _ = try HTTPClient(address)
            } catch {
                throw SettingsError("alerts: \(error.description)")
            }
        }
    }
}

extension ValueForm where Value == [String] {
    /// Probes between commas, shown without their passwords.
    static let probes = ValueForm(
        name: names.name, expectation: names.expectation, read: names.read,
        show: { names.show($0.map(ProbeConfiguration.shown)) })
}

extension ValueForm where Value == Double {
    /// A number, with decimals or without.
    static func amount(_ range: ClosedRange<Double>) -> ValueForm {
        ValueForm(
            name: "number", expectation: "a number from \(Int(range.lowerBound)) to \(Int(range.upperBound))",
            read: { Double($0).flatMap { range.contains($0) ? $0 : nil } },
            show: { Int(exactly: $0).map { String($0) } ?? String($0) })
    }
}
