import Model

/// What was changed to keep within a limit whose action is `adjust`; told in the entry's metadata.
struct Adjustments: OptionSet, BitwiseCopyable, Sendable {
    let rawValue: UInt8

    static let labels = Adjustments(rawValue: 1)
    static let labelName = Adjustments(rawValue: 2)
    static let labelValue = Adjustments(rawValue: 4)
    static let metadata = Adjustments(rawValue: 8)
    static let time = Adjustments(rawValue: 16)

    /// Name of the metadata that lists them.
    static let metadataName = "dendro_adjusted"

    /// The list's text.
    var text: String {
        var names: [String] = []
        if contains(.labels) { names.append("labels") }
        if contains(.labelName) { names.append("label_name") }
        if contains(.labelValue) { names.append("label_value") }
        if contains(.metadata) { names.append("metadata") }
        if contains(.time) { names.append("time") }
        return names.joined(separator: ",")
    }
}

/// What is decided once for all entries of a stream of the request. Ranges lie in the builder's `streamBytes`.
struct StreamFacts: Sendable {
    /// Ordinal in the batch; set when the first entry is accepted.
    var ordinal = UInt32.max
    /// Labels in canonical encoding.
    var labels = 0..<0
    /// Metadata of every entry from demoted labels, in canonical encoding.
    var fixed = 0..<0
    /// `fixed` with the level, if the labels say the level or none is wanted: ready for entries without metadata.
    var ready = 0..<0
    var isReady = false
    /// Value for `detected_level` from the labels; empty when they say none.
    var level = 0..<0
    /// Whether its lines are stored as they are, whatever they hold.
    var isExempt = false
    /// Flags of every entry.
    var flags: RowFlags = []
    var adjustments: Adjustments = []
    /// Why all its entries are refused, what was counted, and the name or message concerned.
    var refusal: RejectReason?
    var refusalCount = 0
    var refusalDetail = 0..<0
    /// Whether the refusal is among the error texts already.
    var isRefusalTold = false
}

/// Tells equal errors apart without their texts.
struct RejectionKey: Hashable, Sendable {
    let reason: RejectReason
    let stream: Int
    let number: Int64
}
