import Foundation

/// A request that no honest client sends, and what may be answered to it.
struct HostileRequest: Sendable {
    /// A line that must be found where the request was taken.
    struct Line: Sendable, Hashable {
        let labels: [String: String]
        let text: String
    }

    enum Verdict: Sendable {
        /// A 4xx, or the connection's end.
        case refused
        /// One of these.
        case status(Set<Int>)
        /// A 4xx; or a 2xx, and then these lines are found as they are. Nil: nothing sensible can be in there, and a
        /// 2xx is wrong.
        case refusedOrKept([Line]?)
        /// Anything but a 5xx.
        case harmless
    }

    let name: String
    let bytes: [UInt8]
    let verdict: Verdict
    /// The client sends no more: what it announced and did not send never comes.
    var endsEarly = false
    /// What must not be in the answer.
    var forbidden: String?

    init(_ name: String, _ bytes: [UInt8], _ verdict: Verdict, endsEarly: Bool = false, forbidden: String? = nil) {
        self.name = name
        self.bytes = bytes
        self.verdict = verdict
        self.endsEarly = endsEarly
        self.forbidden = forbidden
    }

    /// A push of `body` whose head is in order.
    static func push(
        _ name: String, to path: String = "/loki/api/v1/push", _ body: [UInt8], type: String = "application/json",
        encoding: String? = nil, _ verdict: Verdict
    ) -> HostileRequest {
        var head = "POST \(path) HTTP/1.1\r\nHost: x\r\nContent-Type: \(type)\r\nContent-Length: \(body.count)\r\n"
        if let encoding { head += "Content-Encoding: \(encoding)\r\n" }
        return HostileRequest(name, Array((head + "\r\n").utf8) + body, verdict)
    }

    static func raw(_ name: String, _ text: String, _ verdict: Verdict = .refused) -> HostileRequest {
        HostileRequest(name, Array(text.utf8), verdict)
    }

    static func get(_ name: String, _ target: String, _ verdict: Verdict, forbidden: String? = nil) -> HostileRequest {
        HostileRequest(
            name, Array("GET \(target) HTTP/1.1\r\nHost: x\r\n\r\n".utf8), verdict, forbidden: forbidden)
    }

    /// A LogQL question over the last hour.
    static func query(_ name: String, _ text: String, _ more: String, _ verdict: Verdict) -> HostileRequest {
        let body = Array("query=\(ServerProcess.escaped(text))\(more)".utf8)
        return push(name, to: "/loki/api/v1/query_range", body, type: "application/x-www-form-urlencoded", verdict)
    }

    static let nowSeconds = Int(Date().timeIntervalSince1970)
    static let now = String(nowSeconds) + "000000000"

    /// A push in Loki's form of one line.
    static func loki(_ line: String, time: String = now, labels: String = "\"app\":\"hostile\"") -> String {
        "{\"streams\":[{\"stream\":{\(labels)},\"values\":[[\"\(time)\",\"\(line)\"]]}]}"
    }

    /// The lines of a push in Loki's form, as another reader of JSON sees them; nil where it refuses it.
    static func lines(ofLoki body: [UInt8]) -> [Line]? {
        // Names that are no UTF-8 are names nobody knows.
        let text = Data(String(decoding: body, as: UTF8.self).utf8)
        guard let root = try? JSONSerialization.jsonObject(with: text) as? [String: Any],
            let streams = root["streams"] as? [[String: Any]]
        else { return nil }
        var lines: [Line] = []
        for stream in streams {
            // What is null or not there is empty.
            let known = stream.filter { !($0.value is NSNull) }
            guard let labels = (known["stream"] ?? [String: String]()) as? [String: String],
                let values = (known["values"] ?? [[Any]]()) as? [[Any]]
            else { return nil }
            for value in values {
                guard value.count >= 2, value[0] is String, let text = value[1] as? String else { return nil }
                lines.append(Line(labels: labels, text: text))
            }
        }
        return lines
    }
}

/// Compressed bodies, made by the tools of the system.
enum Packing {
    static func pack(_ bytes: [UInt8], _ command: [String]) throws -> [UInt8] {
        let folder = NSTemporaryDirectory() + "dendro-pack-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data(bytes).write(to: URL(fileURLWithPath: folder + "/in"))
        return try shell(command.joined(separator: " ") + " < in", in: folder)
    }

    /// What a shell command writes.
    static func shell(_ command: String, in folder: String = NSTemporaryDirectory()) throws -> [UInt8] {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", command]
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return [UInt8](bytes)
    }

    static func gzip(_ bytes: [UInt8]) throws -> [UInt8] { try pack(bytes, ["gzip", "-9"]) }

    static func varint(_ value: UInt64) -> [UInt8] {
        var rest = value
        var out: [UInt8] = []
        while rest > 0x7f {
            out.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        return out + [UInt8(rest)]
    }

    /// A field of a protobuf message that holds bytes.
    static func field(_ number: UInt64, _ bytes: [UInt8]) -> [UInt8] {
        varint(number << 3 | 2) + varint(UInt64(bytes.count)) + bytes
    }

    /// A snappy block that holds `bytes` as they are.
    static func snappy(_ bytes: [UInt8], claimed: UInt64? = nil) -> [UInt8] {
        var out = varint(claimed ?? UInt64(bytes.count))
        for start in stride(from: 0, to: bytes.count, by: 60) {
            let piece = bytes[start..<min(start + 60, bytes.count)]
            out.append(UInt8(piece.count - 1) << 2)
            out += piece
        }
        return out
    }

    /// A push in Loki's protobuf form of one line.
    static func protobufPush(_ line: String, labels: String = "{app=\"hostile\"}") -> [UInt8] {
        let time: [UInt8] = varint(1 << 3) + varint(UInt64(HostileRequest.nowSeconds))
        let entry: [UInt8] = field(1, time) + field(2, Array(line.utf8))
        return field(1, field(1, Array(labels.utf8)) + field(2, entry))
    }

    /// An OpenTelemetry export of one record.
    static func otlp(_ line: String) -> [UInt8] {
        let service: [UInt8] = field(1, Array("service.name".utf8)) + field(2, field(1, Array("hostile".utf8)))
        let nanoseconds = UInt64(HostileRequest.nowSeconds) * 1_000_000_000
        var record: [UInt8] = [1 << 3 | 1]
        for shift in 0..<8 { record.append(UInt8(truncatingIfNeeded: nanoseconds >> UInt64(shift * 8))) }
        record += field(5, field(1, Array(line.utf8)))
        return field(1, field(1, field(1, service)) + field(2, field(2, record)))
    }
}
