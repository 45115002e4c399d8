public import Model

/// Why an entry was refused; the raw values are stable names for metrics.
public enum RejectReason: String, CaseIterable, Hashable, Sendable {
    case tooOld = "greater_than_max_sample_age"
    case tooNew = "too_far_in_future"
    case lineTooLong = "line_too_long"
    case tooManyLabels = "max_label_names_per_series"
    case labelNameTooLong = "label_name_too_long"
    case labelValueTooLong = "label_value_too_long"
    case duplicateLabel = "duplicate_label_names"
    case invalidLabels = "invalid_labels"
    case missingLabels = "missing_labels"
    case metadataTooMany = "structured_metadata_too_many"
    case metadataTooLarge = "structured_metadata_too_large"
    case invalidMetadataName = "invalid_structured_metadata_name"
    case malformed = "malformed_entry"
}

/// One refused entry.
public struct Rejection: Hashable, Sendable {
    /// Position of the entry in the request, from 0.
    public let index: Int
    public let reason: RejectReason
    /// What was wrong, for people.
    public let message: String

    public init(index: Int, reason: RejectReason, message: String) {
        self.index = index
        self.reason = reason
        self.message = message
    }
}

/// What a request came to: the entries to store and those refused.
public struct ReceiveResult: Sendable {
    /// Valid entries; possibly none. Set its `tenant` and `key` before storing it.
    public var batch: Batch
    /// Entries refused.
    public var rejected = 0
    /// The first refused entries (at most `ReceiveResult.keptRejections`).
    public var rejections: [Rejection] = []
    /// Refused entries by reason, for metrics.
    public var rejectedByReason: [RejectReason: Int] = [:]
    /// Error texts of refused entries or streams in the order of their first appearance, each with its count; at most
    /// `keptRejections` unlike ones, the rest only counted.
    public var errorGroups: [(message: String, count: Int)] = []
    /// Errors whose text was not kept.
    public var otherErrors = 0
    /// Timestamps that were there but could not be read; their entries count as without one.
    public var unreadableTimestamps = 0
    /// Secrets that were taken out, by rule.
    public var scrubbed = ScrubCounts()
    /// Whether no entry had to be stamped on arrival (only then may the body serve as the key of a repeat).
    public var everyEntryHadTimestamp = true

    public static let keptRejections = 10

    public init(batch: Batch) {
        self.batch = batch
    }

    /// Text of the 400 that follows after the valid entries of a Loki push are stored; nil when all were valid.
    /// Several errors are grouped: `2 errors like: …; 1 errors like: …`.
    public var lokiErrorText: String? {
        guard let first = errorGroups.first else { return nil }
        if errorGroups.count == 1 && first.count == 1 && otherErrors == 0 { return first.message }
        var texts = errorGroups.map { "\($0.count) errors like: \($0.message)" }
        if otherErrors > 0 { texts.append("\(otherErrors) other errors") }
        return texts.joined(separator: "; ")
    }
}
