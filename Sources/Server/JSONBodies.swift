import Receive

/// JSON documents as bodies of requests and answers.
extension JSONValue {
    /// - Throws: `ParameterError` saying where the body is not JSON.
    init(body bytes: [UInt8]) throws(ParameterError) {
        do {
            self = try JSONValue(parsing: bytes)
        } catch {
            throw ParameterError("the body is not JSON: \(error.description)")
        }
    }

    /// The document as an answer, with a line feed at its end.
    func answer(_ status: Int = 200) -> Answer {
        var out: [UInt8] = []
        append(to: &out)
        out.append(0x0a)
        return .json(status, out)
    }
}
