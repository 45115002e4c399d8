// Errors: groups of alike errors, derived from log lines as they come. It parses messages and stack traces of five
// languages, gives each error a fingerprint that ignores what differs from one occurrence to the next, and counts
// occurrences by group exactly, within bounds. It knows lines and the state store; no HTTP, no queries.

/// A call in a stack trace.
public struct StackFrame: Hashable, Sendable {
    public var file: String
    public var function: String
    /// Module or class, where the language names one.
    public var module: String
    /// 0 if unknown.
    public var line: Int
    /// Whether it is the application's own code, not a library's or the runtime's.
    public var isInApp: Bool
    /// The source line, where the trace shows it.
    public var source: String

    init(file: String, function: String, module: String = "", line: Int = 0, isInApp: Bool, source: String = "") {
        self.file = file
        self.function = function
        self.module = module
        self.line = line
        self.isInApp = isInApp
        self.source = source
    }
}

/// One exception of a chain.
public struct ParsedException: Hashable, Sendable {
    public var type: String
    public var value: String
    /// Oldest call first, newest last.
    public var frames: [StackFrame]

    init(type: String, value: String, frames: [StackFrame] = []) {
        self.type = type
        self.value = value
        self.frames = frames
    }
}

/// An error as one line tells it.
public struct ErrorEvent: Hashable, Sendable {
    /// Nanoseconds since 1970.
    public var time: Int64
    /// Normalised: error, critical, fatal, or what the line has if it only carries an exception.
    public var level = "error"
    public var message = ""
    public var logger = ""
    /// Oldest cause first, the one that was raised last.
    public var exceptions: [ParsedException] = []
    /// The trace as it was written.
    public var traceback = ""
    public var app = "unknown"
    public var release = ""
    public var environment = ""
    public var trace = ""
    public var user = ""
    public var method = ""
    public var path = ""
    public var clientFingerprint: [String] = []

    init(time: Int64) {
        self.time = time
    }

    /// The name of the raised exception, or of the level.
    public var type: String { exceptions.last.map(\.type).flatMap { $0.isEmpty ? nil : $0 } ?? "LogError" }

    /// What people read first.
    public var title: String {
        if let last = exceptions.last, !last.value.isEmpty { return last.value }
        return message
    }

    /// Where it happened: the newest frame of the application, else the newest of all, else the logger.
    public var culprit: String {
        let frames = exceptions.last?.frames ?? []
        guard let frame = frames.last(where: \.isInApp) ?? frames.last else { return logger }
        return frame.module.isEmpty ? "\(frame.file) in \(frame.function)" : "\(frame.module) in \(frame.function)"
    }
}
