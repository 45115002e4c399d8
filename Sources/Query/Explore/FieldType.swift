internal import Bytes

/// What kind of values a detected field has.
public enum FieldType: String, Hashable, Sendable, CaseIterable {
    case int
    case float
    case boolean
    case duration
    case bytes
    case string

    /// The first type that reads `value` (contract: http-api 9).
    init(of value: borrowing ByteSpan) {
        if FieldType.isInteger(value) {
            self = .int
        } else if ValueText.number(value) != nil {
            self = .float
        } else if FieldType.isBoolean(value) {
            self = .boolean
        } else if ValueText.duration(value) != nil {
            self = .duration
        } else if ValueText.size(value) != nil {
            self = .bytes
        } else {
            self = .string
        }
    }

    /// A decimal integer of 64 bits, perhaps with a sign.
    private static func isInteger(_ text: borrowing ByteSpan) -> Bool {
        guard text.count > 0, text.count <= 20 else { return false }
        return Int64(text.text) != nil
    }

    private static func isBoolean(_ text: borrowing ByteSpan) -> Bool {
        guard text.count > 0, text.count <= 5 else { return false }
        return ["1", "t", "T", "true", "TRUE", "True", "0", "f", "F", "false", "FALSE", "False"].contains(text.text)
    }
}
