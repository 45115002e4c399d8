import Bytes
import Glibc
public import Logging
import Model
import Synchronization

/// dendro's own log: one JSON object a line on standard error. Whatever a message holds is escaped, so nobody can
/// forge a line.
public struct JSONLogHandler: LogHandler {
    public var logLevel: Logger.Level
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?
    private let label: String

    public init(label: String, level: Logger.Level) {
        self.label = label
        logLevel = level
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var fields = metadata
        if let provided = metadataProvider?.get() { fields.merge(provided) { $1 } }
        if let own = event.metadata { fields.merge(own) { $1 } }
        let (level, message) = (event.level.rawValue, event.message.description)
        let shown = fields.sorted { $0.key < $1.key }.map { ($0.key, LogLine.Value.text($0.value.description)) }
        LogLine.write(level: level, message: message, fields: shown)
        guard event.level >= .warning, let own = OwnLines.ofLog.withLock({ $0 }) else { return }
        own.add(
            LogLine.line(
                timeNanoseconds: SystemClock().nowNanoseconds(), level: level, message: message, fields: shown),
            isRequest: false)
    }
}

/// One line of our own log.
enum LogLine {
    enum Value {
        case text(String)
        case number(Int)
        case milliseconds(nanoseconds: Int)
    }

    private static let turn = Mutex<Void>(())

    /// Writes a line; lines of several threads never mix.
    static func write(level: String, message: String, fields: [(name: String, value: Value)]) {
        let bytes = line(
            timeNanoseconds: SystemClock().nowNanoseconds(), level: level, message: message, fields: fields)
        turn.withLock { _ in
            var sent = 0
            while sent < bytes.count {
                let count = unsafe bytes.withUnsafeBytes {
                    unsafe Glibc.write(2, $0.baseAddress?.advanced(by: sent), $0.count - sent)
                }
                if count <= 0 { return }
                sent += count
            }
        }
    }

    /// The line's bytes with its newline.
    static func line(
        timeNanoseconds: Int64, level: String, message: String, fields: [(name: String, value: Value)]
    ) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(256)
        out.append(contentsOf: "{\"timestamp\":\"".utf8)
        out.append(contentsOf: RFC3339.format(timeNanoseconds / 1000 * 1000).utf8)
        out.append(contentsOf: "\",\"level\":".utf8)
        JSONText.append(level, to: &out)
        out.append(contentsOf: ",\"message\":".utf8)
        JSONText.append(message, to: &out)
        for field in fields {
            out.append(0x2c)
            JSONText.append(field.name, to: &out)
            out.append(0x3a)
            switch field.value {
            case .text(let text): JSONText.append(text, to: &out)
            case .number(let number): out.append(contentsOf: String(number).utf8)
            case .milliseconds(let nanoseconds):
                out.append(contentsOf: String(Double(nanoseconds / 1000) / 1000).utf8)
            }
        }
        out.append(contentsOf: "}\n".utf8)
        return out
    }
}
