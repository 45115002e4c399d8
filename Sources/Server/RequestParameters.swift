import Bytes
import Model

/// Why a request's parameters cannot be used: the text of a 400.
struct ParameterError: Error, Hashable, Sendable {
    let message: String

    init(_ message: String) {
        self.message = message
    }
}

/// The parameters of a read request: the form body's before the URL's, each as often as it was sent.
struct RequestParameters: Sendable {
    /// All, in the order in which they count.
    let pairs: [(name: String, value: String)]

    /// Takes a URL's query text and a form body apart.
    /// - Throws: `ParameterError` for a broken percent escape.
    init(query: String, form: String = "") throws(ParameterError) {
        pairs = try RequestParameters.pairs(form) + RequestParameters.pairs(query)
    }

    /// All but those called `name`.
    init(_ other: RequestParameters, without name: String) {
        pairs = other.pairs.filter { $0.name != name }
    }

    /// The first value of `name`, or nil; an empty value counts as sent.
    func first(_ name: String) -> String? { pairs.first { $0.name == name }?.value }

    /// The first value of `name` that is not empty.
    func value(_ name: String) -> String? { first(name).flatMap { $0.isEmpty ? nil : $0 } }

    /// All values of a parameter that is a list, under any of its names.
    func all(_ names: String...) -> [String] { pairs.filter { names.contains($0.name) }.map(\.value) }

    private static func pairs(_ text: String) throws(ParameterError) -> [(name: String, value: String)] {
        var result: [(name: String, value: String)] = []
        for field in text.utf8.split(separator: 0x26) where !field.isEmpty {
            let equals = field.firstIndex(of: 0x3d)
            let name = try decoded(field[..<(equals ?? field.endIndex)], plusIsSpace: true)
            let value = try equals.map { at throws(ParameterError) in
                try decoded(field[field.index(after: at)...], plusIsSpace: true)
            }
            result.append((name, value ?? ""))
        }
        return result
    }

    /// Percent-decoding; in forms and queries `+` is a space, in paths it is itself.
    static func decoded(
        _ text: some Collection<UInt8>, plusIsSpace: Bool
    ) throws(ParameterError) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var iterator = text.makeIterator()
        while let byte = iterator.next() {
            switch byte {
            case 0x25:
                guard let high = iterator.next(), let low = iterator.next(), let h = hexDigit(high),
                    let l = hexDigit(low)
                else {
                    throw ParameterError("a percent sign in the request's parameters is not followed by two hex digits")
                }
                bytes.append(h << 4 | l)
            case 0x2b where plusIsSpace: bytes.append(0x20)
            default: bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        case 97...102: byte - 87
        default: nil
        }
    }
}

/// What range queries take: http-api section 1, in the reference's order of checks.
struct RangeParameters: Sendable {
    var query: String
    /// Nanoseconds since 1970.
    var start: Int64
    var end: Int64
    var limit: Int
    var isForward: Bool
    var stepNanoseconds: Int64
    var intervalNanoseconds: Int64

    init(_ parameters: RequestParameters, now: Int64, pointsLimit: Int) throws(ParameterError) {
        query = parameters.first("query") ?? ""
        let bounds = try TimeParameters.bounds(parameters, now: now)
        (start, end) = (bounds.start, bounds.end)
        if end < start { throw ParameterError("end timestamp must not be before or equal to start time") }
        limit = try TimeParameters.limit(parameters)
        isForward = try RangeParameters.direction(parameters)
        let span = end.subtractingReportingOverflow(start)
        let spanNanoseconds = span.overflow ? Int64.max : span.partialValue
        if let text = parameters.value("step") {
            stepNanoseconds = try TimeParameters.duration(text)
        } else {
            stepNanoseconds = max(spanNanoseconds / Nanoseconds.perSecond / 250, 1) * Nanoseconds.perSecond
        }
        if stepNanoseconds <= 0 {
            throw ParameterError(
                "zero or negative query resolution step widths are not accepted. Try a positive integer")
        }
        if pointsLimit > 0, spanNanoseconds / stepNanoseconds > Int64(pointsLimit) {
            throw ParameterError(
                "exceeded maximum resolution of \(RangeParameters.grouped(pointsLimit)) points per time series. "
                    + "Try increasing the value of the step parameter")
        }
        intervalNanoseconds =
            try parameters.value("interval").map { text throws(ParameterError) in
                try TimeParameters.duration(text)
            } ?? 0
        if intervalNanoseconds < 0 { throw ParameterError("interval must be >= 0") }
    }

    static func direction(_ parameters: RequestParameters) throws(ParameterError) -> Bool {
        guard let text = parameters.value("direction") else { return false }
        switch text.lowercased() {
        case "forward": return true
        case "backward": return false
        default: throw ParameterError("invalid direction '\(text)'")
        }
    }

    /// `11,000`
    private static func grouped(_ number: Int) -> String {
        var digits = Array(String(number))
        var at = digits.count - 3
        while at > 0 {
            digits.insert(",", at: at)
            at -= 3
        }
        return String(digits)
    }
}
