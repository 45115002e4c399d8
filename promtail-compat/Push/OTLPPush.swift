public import Bytes
import Model
public import Receive
import Wire

/// OpenTelemetry logs over HTTP: bodies of `POST /otlp/v1/logs` and `/v1/logs`.
public enum OTLPPush {
    /// How a body and the answers to it are written.
    public enum Form: Hashable, Sendable {
        case protobuf
        case json
    }

    /// The form that a Content-Type names, parameters left aside; nil when it names neither.
    public static func form(contentType header: String?) -> Form? {
        let type = (header ?? "").utf8.prefix { $0 != 0x3b }.filter { $0 != 0x20 && $0 != 0x09 }
        let lower = type.map { $0 &- 0x41 < 26 ? $0 | 0x20 : $0 }
        if lower.elementsEqual("application/x-protobuf".utf8) || lower.elementsEqual("application/protobuf".utf8) {
            return .protobuf
        }
        return lower.elementsEqual("application/json".utf8) ? .json : nil
    }

    /// Reads an export request.
    /// - Parameters:
    ///   - body: as received, perhaps compressed with gzip, deflate, zstd or lz4.
    ///   - contentType: the header's value; nil when absent.
    ///   - contentEncoding: the header's value; nil when absent.
    ///   - now: nanoseconds since 1970, what ages are measured from.
    ///   - arrival: stamps records without any time; one for the whole server.
    /// - Returns: the valid records; those refused are counted with their reasons.
    /// - Throws: `ReceiveError` for a request of which nothing is stored.
    public static func decode(
        body: borrowing ByteSpan, contentType: String?, contentEncoding: String?, options: ReceiveOptions, now: Int64,
        arrival: ArrivalClock
    ) throws(ReceiveError) -> ReceiveResult {
        guard let form = form(contentType: contentType) else {
            throw ReceiveError.malformed(
                "unsupported content type \(JSONText.quoted(contentType ?? "")): "
                    + "send application/x-protobuf or application/json")
        }
        let content = try BodyDecoder.decode(
            body, encoding: contentEncoding, limits: options.limits, takesFrames: true)
        let reading = OTLPLogs.Reading(options: options, now: now, arrival: arrival)
        guard let content else { return try read(body, form, reading) }
        return try read(content.span, form, reading)
    }

    private static func read(
        _ body: borrowing ByteSpan, _ form: Form, _ reading: OTLPLogs.Reading
    ) throws(ReceiveError) -> ReceiveResult {
        switch form {
        case .protobuf: return try OTLPLogs.read(body, reading)
        case .json:
            let message = try protobuf(json: body, maxDepth: reading.options.limits.nestingDepth.value)
            return try OTLPLogs.read(message.span, reading)
        }
    }

    /// An export request in JSON as the same request in protobuf.
    public static func protobuf(json body: borrowing ByteSpan, maxDepth: Int) throws(ReceiveError) -> [UInt8] {
        do throws(JSONError) {
            return try OTLPJSON.transcode(body, maxDepth: maxDepth)
        } catch {
            throw ReceiveError.malformed("\(error)")
        }
    }

    // MARK: - Answers

    /// An `ExportLogsServiceResponse`: empty when every record was stored, else a partial success that says how many
    /// were refused, and why.
    public static func answer(_ result: ReceiveResult, _ form: Form) -> [UInt8] {
        let text = result.lokiErrorText ?? ""
        switch form {
        case .protobuf:
            guard result.rejected > 0 else { return [] }
            var partial: [UInt8] = []
            ProtobufWriter.append(1, varint: UInt64(result.rejected), to: &partial)
            ProtobufWriter.append(2, bytes: [UInt8](text.utf8), to: &partial)
            var out: [UInt8] = []
            ProtobufWriter.append(1, bytes: partial, to: &out)
            return out
        case .json:
            var out = [UInt8]("{\"partialSuccess\":{".utf8)
            if result.rejected > 0 {
                out.append(contentsOf: "\"rejectedLogRecords\":\"\(result.rejected)\",\"errorMessage\":".utf8)
                JSONText.append(text, to: &out)
            }
            out.append(contentsOf: "}}".utf8)
            return out
        }
    }

    /// A `google.rpc.Status` in protobuf with nothing but its message: the body of every error.
    public static func status(_ message: String) -> [UInt8] {
        var out: [UInt8] = []
        ProtobufWriter.append(2, bytes: [UInt8](message.utf8), to: &out)
        return out
    }
}
