import Bytes
public import Health
import Model
import Push
import Receive
import Store

extension Backend {
    /// Writes a change of an alert into the log of its tenant, as a line of {app="dendro", kind="alert"}. One that
    /// cannot be stored at the moment is dropped: the alert itself is kept elsewhere.
    public func record(_ alert: Alert, _ event: Alert.Event) {
        let line: JSONValue = [
            "message": .text("alert \(alert.rule) \(event.from) -> \(event.to): \(alert.message)"),
            // Not an error, whatever it is about: an alert about errors would count as one.
            "level": .text(event.to == "firing" ? "warning" : "info"),
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
        let tenant = TenantID(alert.tenant)
        let decoded = try? LokiPush.decode(
            body: body.span, contentType: "application/json", contentEncoding: nil,
            options: receiveOptions(tenant), now: clock.nowNanoseconds())
        guard var batch = decoded?.batch, !batch.isEmpty else { return }
        batch.tenant = tenant
        sink.append(batch) { _ in }
    }

    /// An alert as webhooks get it.
    public static func webhookBody(_ alert: Alert, now: Int64, base: String) -> [UInt8] {
        var out: [UInt8] = []
        HealthShapes.alert(alert, now: now, base: base).append(to: &out)
        return out
    }

    /// Alerts as Alertmanager takes them at `/api/v2/alerts`. It takes one that is not repeated for over, so each says
    /// how long to wait; one that is over ended then.
    public static func alertmanagerBody(_ alerts: [Alert], now: Int64, base: String) -> [UInt8] {
        let entries = alerts.map { alert -> JSONValue in
            var annotations = alert.annotations.merging(["summary": alert.message]) { own, _ in own }
            annotations["url"] = base + HealthShapes.url(alert, now: now)
            for (index, sample) in alert.samples.enumerated() {
                let trace = sample.trace.isEmpty ? "" : " trace_id=" + sample.trace
                annotations["sample_\(index + 1)"] = RFC3339.format(sample.time) + " " + sample.message + trace
            }
            let traces = HealthShapes.traces(alert)
            if !traces.isEmpty { annotations["trace_ids"] = traces.joined(separator: ",") }
            var entry: JSONValue = [
                "labels": HealthShapes.labels(alert), "annotations": HealthShapes.texts(annotations),
                "startsAt": .time(alert.startedAt), "endsAt": .time(alert.resolvedAt ?? now &+ remindNanoseconds &* 4),
            ]
            if !base.isEmpty { entry = entry.adding("generatorURL", .text(base + HealthShapes.url(alert, now: now))) }
            return entry
        }
        var out: [UInt8] = []
        JSONValue.array(entries).append(to: &out)
        return out
    }

    /// How often Alertmanager is told of an alert that goes on.
    private static let remindNanoseconds = Nanoseconds.perMinute
}
