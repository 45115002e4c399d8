import Health
import Logging
import Model
import NIOCore
import NIOHTTP1
import Server

/// Tells webhooks and Alertmanager of alerts, trying again with pauses that double.
struct AlertDelivery: Sendable {
    private static let attempts = 5
    /// How long an attempt may take, and how large its answer may be.
    private static let patience = TimeAmount.seconds(10)
    private static let answerLimitBytes = 1 << 20

    let webhooks: [String]
    /// `http://host:9093`, or empty.
    let alertmanager: String
    /// What links begin with.
    let base: String
    /// Whom `https://` addresses have to be signed by.
    let trust: TLSTrust
    let logger: Logger

    var isIdle: Bool { webhooks.isEmpty && alertmanager.isEmpty }

    /// Sends `alert` everywhere; `note` hears how each went.
    func deliver(_ alert: Alert, now: Int64, _ note: @escaping @Sendable (_ channel: String, _ isSent: Bool) -> Void) {
        for address in webhooks {
            send(address, "", Backend.webhookBody(alert, now: now, base: base)) { note("webhook", $0) }
        }
        guard !alertmanager.isEmpty else { return }
        send(alertmanager, "/api/v2/alerts", Backend.alertmanagerBody([alert], now: now, base: base)) {
            note("alertmanager", $0)
        }
    }

    /// Tells Alertmanager that alerts go on, or are over: it forgets them otherwise.
    func remind(_ alerts: [Alert], now: Int64) {
        guard !alertmanager.isEmpty else { return }
        let body = Backend.alertmanagerBody(alerts, now: now, base: base)
        Task {
            do throws(HTTPClient.Failure) {
                _ = try await client(alertmanager).send(
                    .POST, "/api/v2/alerts", headers: [("Content-Type", "application/json")], body: body)
            } catch {
                logger.debug("Alertmanager was not reminded", metadata: ["error": "\(error)"])
            }
        }
    }

    private func send(
        _ address: String, _ path: String, _ body: [UInt8], _ done: @escaping @Sendable (Bool) -> Void
    ) {
        Task {
            var pause = 1
            for attempt in 1...AlertDelivery.attempts {
                do throws(HTTPClient.Failure) {
                    let reply = try await client(address).send(
                        .POST, path, headers: [("Content-Type", "application/json")], body: body)
                    if (200..<300).contains(reply.status) { return done(true) }
                    // Asking again does not help against a refusal.
                    if (400..<500).contains(reply.status), reply.status != 429 { break }
                } catch {
                    logger.debug("alert not delivered", metadata: ["attempt": "\(attempt)", "error": "\(error)"])
                }
                do { try await Task.sleep(for: .seconds(pause)) } catch { return }
                pause *= 2
            }
            // Not the whole address: its path is often a secret.
            let place = (try? HTTPClient(address)).map { "\($0.host):\($0.port)" } ?? "an unusable address"
            logger.warning("an alert could not be delivered to \(place)")
            done(false)
        }
    }

    private func client(_ address: String) throws(HTTPClient.Failure) -> HTTPClient {
        var client = try HTTPClient(address, trust: trust)
        (client.patience, client.answerLimitBytes) = (AlertDelivery.patience, AlertDelivery.answerLimitBytes)
        return client
    }
}
