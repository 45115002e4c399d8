public import Files

/// What is wrong with a part file, and where.
public enum PartError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The system could not read the file, or it ends early.
    case unreadable(file: String, FileError)
    /// Bytes that are not what was written; `offset` counts from the start of the file.
    case damaged(file: String, region: String, offset: Int, reason: String)
    /// Sound, but of a newer version or of a codec that this build lacks.
    case unsupported(file: String, reason: String)
    /// The part cannot be made of what was handed in.
    case notWritable(reason: String)

    /// The file that it is about, if it is about one.
    public var file: String? {
        switch self {
        case .unreadable(let file, _), .damaged(let file, _, _, _), .unsupported(let file, _): file
        case .notWritable: nil
        }
    }

    public var description: String {
        switch self {
        case .unreadable(let file, let error): "\(file) cannot be read: \(error.reason)"
        case .damaged(let file, let region, let offset, let reason):
            "\(file) is damaged: \(region) at byte \(offset): \(reason)"
        case .unsupported(let file, let reason): "\(file) cannot be used by this version: \(reason)"
        case .notWritable(let reason): "part cannot be written: \(reason)"
        }
    }
}

/// The same below the level of files: `offset` counts from the start of the bytes at hand.
struct RegionError: Error {
    var region: String
    var offset: Int
    var reason: String
    var isUnsupported = false

    init(_ region: String, at offset: Int, _ reason: String, isUnsupported: Bool = false) {
        self.region = region
        self.offset = offset
        self.reason = reason
        self.isUnsupported = isUnsupported
    }

    /// The error for people, of bytes that begin at `base` of `file`.
    func inFile(_ file: String, base: Int) -> PartError {
        isUnsupported
            ? .unsupported(file: file, reason: "\(region): \(reason)")
            : .damaged(file: file, region: region, offset: base &+ offset, reason: reason)
    }
}
