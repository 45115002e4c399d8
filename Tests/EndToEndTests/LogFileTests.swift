import Foundation
import Testing

/// The files of a service that writes its log with loguru, pushed as they are: every figure is compared with a count
/// over the same lines.
@Suite(.serialized) struct LogFileTests {
    private static let root = ObservabilityTests.root

    /// What was written, for the comparison.
    private struct Written {
        var levels: [String: Int] = [:]
        var errorDates: [String: Int] = [:]
        var durations: [Double] = []
        var serverErrors = 0
        var captured: [String: Int] = [:]
        var textErrors = 0
    }

    /// Local times of this zone, which no file names.
    private static let zone = TimeZone(secondsFromGMT: 5 * 3600 + 45 * 60)
    private static let zoneName = "+05:45"

    private static func format(_ time: Double, _ pattern: String, _ zone: TimeZone? = TimeZone(identifier: "UTC"))
        -> String
    {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = zone
        formatter.dateFormat = pattern
        return formatter.string(from: Date(timeIntervalSince1970: time))
    }

    private static func json(_ object: [String: Any]) throws -> String {
        let data = try JSONSerialization.data(withJSONObject: object, options: .withoutEscapingSlashes)
        return String(decoding: data, as: UTF8.self)
    }

    private static func loguru(_ time: Double, _ level: String, _ message: String) throws -> String {
        try json([
            "text": "\(format(time, "yyyy-MM-dd HH:mm:ss.SSS", zone)) | \(level) | app:f:1 - \(message)\n",
            "record": [
                "elapsed": ["repr": "0:00:01", "seconds": 1], "exception": NSNull(), "extra": [String: Any](),
                "file": ["name": "app.py", "path": "/srv/app.py"], "function": "f",
                "level": ["icon": "x", "name": level, "no": 20], "line": 1, "message": message, "module": "app",
                "name": "app", "process": ["id": 1, "name": "MainProcess"],
                "thread": ["id": 2, "name": "MainThread"],
                "time": ["repr": format(time, "yyyy-MM-dd HH:mm:ss.SSSxxx", zone), "timestamp": time],
            ] as [String: Any],
        ])
    }

    /// Writes the files and says what is in them.
    private static func write(_ folder: String) throws -> Written {
        var written = Written()
        var files: [String: [String]] = [:]
        let now = Date().timeIntervalSince1970.rounded(.down)
        // Six days of the application's own lines, an error every 15th; the error file holds those once more.
        for index in 0..<600 {
            let time = now - 6 * 86400 + Double(index) * 860 + 0.125
            let level = index % 15 == 0 ? "ERROR" : index % 7 == 0 ? "WARNING" : "INFO"
            let line = try loguru(time, level, "order \(index) \(level == "ERROR" ? "failed" : "taken")")
            files["app.log", default: []].append(line)
            written.levels[level, default: 0] += 1
            if level == "ERROR" {
                files["error.log", default: []].append(line)
                written.errorDates[format(time, "yyyy-MM-dd"), default: 0] += 1
            }
        }
        for index in 0..<500 {
            let time = now - 3000 + Double(index) * 5
            let (milliseconds, status) = (
                Double(index * 37 % 1000) + 0.5, index % 20 == 3 ? 500 : index % 9 == 1 ? 404 : 200
            )
            let access = try json([
                "timestamp": format(time, "yyyy-MM-dd'T'HH:mm:ss.SSSSSS", zone),
                "trace_id": String(format: "%08x", index), "method": "GET", "path": "/orders/\(index)",
                "status_code": status, "duration_ms": milliseconds, "client_ip": "203.0.113.9",
            ])
            files["access.log", default: []].append(try loguru(time, "INFO", access))
            written.levels["INFO", default: 0] += 1
            written.durations.append(milliseconds)
            written.serverErrors += status == 500 ? 1 : 0
        }
        for index in 0..<90 {
            let type = index % 3 == 0 ? "KeyError" : "TimeoutError"
            files["errors.jsonl", default: []].append(
                try json([
                    "error_id": String(format: "%08x", index), "error_type": type, "message": "no order \(index)",
                    "traceback": "Traceback (most recent call last):\n  File \"/srv/\(type).py\", line 3, in get\n"
                        + "    d[k]\n\(type): no order \(index)\n",
                    "context": [
                        "method": "GET", "path": "/x", "client_ip": "203.0.113.9", "query_params": [String: Any](),
                    ] as [String: Any],
                    "trace_id": String(format: "e%07x", index), "level": "ERROR",
                    "timestamp": format(now - 7200 + Double(index) * 60, "yyyy-MM-dd'T'HH:mm:ss.SSSSSS", zone),
                ]))
            written.captured[type, default: 0] += 1
        }
        for index in 0..<50 {
            let stamp = format(now - 1800 + Double(index), "yyyy-MM-dd HH:mm:ss.SSS", zone)
            if index % 10 == 0 {
                files["old.log", default: []].append(
                    "\(stamp) | ERROR    | app:f:1 - cannot pay\nTraceback (most recent call last):\n"
                        + "  File \"/srv/pay.py\", line 3, in pay\n    raise ValueError(n)\nValueError: \(index)")
                written.textErrors += 1
            } else {
                files["old.log", default: []].append("\(stamp) | INFO     | app:f:1 - paid \(index)")
            }
        }
        for (name, lines) in files {
            try (lines.joined(separator: "\n") + "\n").write(
                toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
        }
        return written
    }

    private func push(_ server: ServerProcess, _ file: String, _ labels: String..., format: String = "json") throws
        -> String
    {
        let (status, output) = try server.command(
            ["push", "\(server.folder)/\(file)", "--addr", "http://127.0.0.1:\(server.port)", "--format", format]
                + ["--time-zone", Self.zoneName] + labels.flatMap { ["--label", $0] })
        #expect(status == 0, "\(output)")
        return output
    }

    private func total(_ server: ServerProcess, _ query: [(String, String)]) throws -> Int {
        let answer = try ObservabilityTests.json(server, "logs", query + [("total", "1"), ("limit", "5")])
        return ObservabilityTests.count(answer["total"])
    }

    @Test func figuresAreThoseOfTheLines() throws {
        let server = try ServerProcess()
        try server.start()
        let written = try Self.write(server.folder)
        for file in ["app.log", "error.log", "access.log", "errors.jsonl"] { _ = try push(server, file, "app=shop") }
        _ = try push(server, "old.log", "app=old", format: "text")
        let errors = written.levels["ERROR", default: 0]
        let captured = written.captured.values.reduce(0, +)
        _ = try server.poll("counting all errors") {
            let summary = try ObservabilityTests.json(server, "errors/summary", [("hours", "168")])
            let count = ObservabilityTests.count(summary["total_errors"])
            return count == errors + captured + written.textErrors ? true : nil
        }
        for level in ["INFO", "WARNING"] {
            #expect(try total(server, [("app", "shop"), ("level", level), ("since", "7d")]) == written.levels[level])
        }
        // The error file holds lines that the application's file has too: they are one.
        #expect(try total(server, [("app", "shop"), ("level", "ERROR"), ("since", "7d")]) == errors + captured)
        #expect(try total(server, [("app", "old"), ("level", "ERROR")]) == written.textErrors)
        #expect(try total(server, [("app", "shop"), ("status", "5xx"), ("since", "1h")]) == written.serverErrors)
        #expect(try total(server, [("app", "shop"), ("path", "/orders/17"), ("since", "1h")]) == 1)
        #expect(try total(server, [("trace_id", "00000011"), ("since", "1h")]) == 1)

        let byDate = try ObservabilityTests.json(server, "logs/errors", [("days", "7"), ("app", "shop")])
        var dates = try #require(byDate["by_date"] as? [String: Int])
        let capturedDates = try ObservabilityTests.json(
            server, "logs/errors", [("since", "3h"), ("app", "shop"), ("q", "no order")])
        for (date, count) in try #require(capturedDates["by_date"] as? [String: Int]) {
            dates[date, default: 0] -= count
        }
        #expect(dates.filter { $0.value != 0 } == written.errorDates)

        let slow = written.durations.filter { $0 > 500 }
        let requests = try ObservabilityTests.json(
            server, "logs/slow-requests", [("limit", "200"), ("sort", "duration")])
        #expect(ObservabilityTests.count(requests["total"]) == slow.count)
        let rows = try #require(requests["requests"] as? [[String: Any]])
        #expect(
            rows.compactMap { ($0["duration_ms"] as? NSNumber)?.doubleValue }
                == slow.sorted(by: >).prefix(200).map { $0 })
        #expect(rows.allSatisfy { ($0["path"] as? String)?.hasPrefix("/orders/") == true && $0["trace_id"] is String })
        let route = try #require((requests["by_route"] as? [[String: Any]])?.first)
        #expect(route["route"] as? String == "GET /orders/{id}")
        #expect(ObservabilityTests.count(route["calls"]) == written.durations.count)

        let summary = try ObservabilityTests.json(server, "errors/summary", [("hours", "168")])
        let types = try #require(summary["by_type"] as? [String: Int])
        for (type, count) in written.captured { #expect(types[type] == count, "\(type)") }
        #expect(types["ValueError"] == written.textErrors)
        let top = try ObservabilityTests.json(server, "errors/top", [("since", "7d"), ("limit", "1")])
        let first = try #require((top["errors"] as? [[String: Any]])?.first)
        #expect(ObservabilityTests.count(first["count"]) == max(errors, written.captured.values.max() ?? 0))
        let dashboard = try ObservabilityTests.json(server, "dashboard")
        for key in ["timestamp", "health", "metrics", "alerts", "error_summary", "recent_errors", "slow_requests"] {
            #expect(dashboard[key] != nil, "\(key)")
        }
        #expect((dashboard["slow_requests"] as? [Any])?.count == 10)
        // The same files again change nothing.
        _ = try push(server, "app.log", "app=shop")
        #expect(try total(server, [("app", "shop"), ("level", "INFO"), ("since", "7d")]) == written.levels["INFO"])
    }
}
