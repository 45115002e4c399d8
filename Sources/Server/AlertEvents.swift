import Bytes
public import Health
import Model
import Push
import Receive
import Store

extension Backend {
    /// Writes a change of an alert into the log, as a line of {app="dendro", kind="alert"}. One that cannot be stored
    /// at the moment is dropped: the alert itself is kept elsewhere.
    public func record(_ alert: Alert, _ event: Alert.Event) {
        let line: JSONValue = [
            "message": .text("alert \(alert.rule) \(event.from) -> \(event.to): \(alert.message)"),
            "level": .text(event.to == "firing" ? alert.level == .critical ? "error" : "warning" : "info"),
            "alert_id": .text(alert.id), "rule": .text(alert.rule), "source": .text(alert.source),
            "from": .text(event.from), "to": .text(event.to), "value": .optional(alert.value), "by": .text(event.by),
            "comment": .text(event.comment),
        ]
        var text: [UInt8] = []
        line.append(to: &text)
        let push: JSONValue = [
            "streams": [
                [
                    "stream": ["app": "dendro", "kind": "alert"],
                    "values": [[.text("\(event.at)"), .text(String(decoding: text, as: UTF8.self))]],
                ]
            ]
        ]
        var body: [UInt8] = []
        push.append(to: &body)
        let decoded = try? LokiPush.decode(
            body: body.span, contentType: "application/json", contentEncoding: nil,
            options: receiveOptions(.standard), now: clock.nowNanoseconds())
        guard let batch = decoded?.batch, !batch.isEmpty else { return }
        sink.append(batch) { _ in }
    }

    /// An alert as webhooks get it.
    public static func webhookBody(_ alert: Alert, now: Int64) -> [UInt8] {
        var out: [UInt8] = []
        HealthShapes.alert(alert, now: now).append(to: &out)
        return out
    }

    /// An alert as Alertmanager takes it at `/api/v2/alerts`; one that is over ends now.
    public static func alertmanagerBody(_ alert: Alert) -> [UInt8] {
        var entry: JSONValue = [
            "labels": HealthShapes.labels(alert), "annotations": ["summary": .text(alert.message)],
            "startsAt": .time(alert.startedAt),
        ]
        if let resolved = alert.resolvedAt { entry = entry.adding("endsAt", .time(resolved)) }
        var out: [UInt8] = []
        JSONValue.array([entry]).append(to: &out)
        return out
    }
}
