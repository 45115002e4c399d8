import Bytes
import Files
import Glibc
import Model
import Push
import Receive
import Wire

@testable import Chunks
@testable import Parameters
@testable import Query
@testable import WAL

/// What the bytes are taken for. `WIRE` in the environment names one; otherwise the first byte of an input chooses.
enum Form: String, CaseIterable {
    case lokiJSON = "loki-json"
    case lokiProtobuf = "loki-protobuf"
    case otlpJSON = "otlp-json"
    case otlpProtobuf = "otlp-protobuf"
    case plain, snappy, gzip, deflate, zstd, lz4, json, regex, target, record, segment, part

    static let chosen: Form? = unsafe getenv("WIRE").flatMap { Form(rawValue: unsafe String(cString: $0)) }
}

private let limitBytes = 1 << 20
private let now: Int64 = 1_795_633_200_000_000_000
private let arrival = ArrivalClock()
private let options: ReceiveOptions = {
    var options = ReceiveOptions()
    options.limits.inflatedBytes.value = limitBytes
    return options
}()

/// Reads the input as what it is taken for. What is wrong must be refused; what is taken must fit together.
@_cdecl("LLVMFuzzerTestOneInput")
public func readWire(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 1 else { return 0 }
    let input = [UInt8](UnsafeBufferPointer(start: start, count: count))
    let form = Form.chosen ?? Form.allCases[Int(input[0]) % Form.allCases.count]
    read(Form.chosen == nil ? Array(input.dropFirst()) : input, as: form)
    return 0
}

private func read(_ bytes: [UInt8], as form: Form) {
    switch form {
    case .lokiJSON, .lokiProtobuf, .otlpJSON, .otlpProtobuf, .plain: readPush(bytes, as: form)
    case .snappy:
        if let output = try? Snappy.decompress(bytes.span, limitBytes: limitBytes) {
            precondition(output.count <= limitBytes)
            let again = try? Snappy.decompress(Snappy.compress(output.span).span, limitBytes: limitBytes)
            precondition(again == output, "snappy differs")
        }
    case .gzip: inflate(bytes, .gzip)
    case .deflate: inflate(bytes, .deflate)
    case .zstd: inflate(bytes, .zstd)
    case .lz4: inflate(bytes, .lz4)
    case .json: readJSON(bytes)
    case .regex: _ = try? Regex(bytes)
    case .target:
        let text = String(decoding: bytes, as: UTF8.self)
        let path = RoutePath(target: text, prefix: "/logs")
        if let parameters = try? RequestParameters(query: path.query, form: text) {
            for pair in parameters.pairs.prefix(16) { _ = parameters.value(pair.name) }
        }
        _ = TraceID.of(traceparent: text, traceID: text)
    case .record:
        guard let record = try? ReplayedRecord.decode(bytes, 0..<bytes.count, sequence: 1) else { return }
        let streams = record.batch.streams.count
        precondition(record.batch.rows.allSatisfy { Int($0.stream) < streams }, "a row without stream")
    case .segment: replay(bytes)
    case .part: readPart(bytes)
    }
}

private func readPush(_ bytes: [UInt8], as form: Form) {
    let body = bytes.span
    let result: ReceiveResult?
    switch form {
    case .lokiJSON:
        result = try? LokiPush.decode(
            body: body, contentType: "application/json", contentEncoding: nil, options: options, now: now)
    case .lokiProtobuf:
        let packed = Snappy.compress(body)
        result = try? LokiPush.decode(
            body: packed.span, contentType: nil, contentEncoding: nil, options: options, now: now)
    case .otlpJSON, .otlpProtobuf:
        let type = form == .otlpJSON ? "application/json" : "application/x-protobuf"
        result = try? OTLPPush.decode(
            body: body, contentType: type, contentEncoding: nil, options: options, now: now, arrival: arrival)
    default:
        result = try? PlainPush.decode(
            body: body, queryLabels: [], contentEncoding: nil, options: options, now: now, arrival: arrival)
    }
    guard let batch = result?.batch, !batch.isEmpty else { return }
    // What the log is given it must give back.
    let record = EncodedRecord(batch)
    var stored: [UInt8] = []
    record.append(to: &stored, sequence: 7, seed: 1)
    guard let frame = RecordFrame.read(stored, at: 0, end: stored.count, seed: 1),
        let again = try? ReplayedRecord.decode(stored, frame.payload, sequence: 7)
    else { preconditionFailure("a record that cannot be read back") }
    precondition(again.batch.rows.map(\.time) == batch.rows.map(\.time), "times differ")
    precondition(again.batch.rows.map(\.lineCount) == batch.rows.map(\.lineCount), "lines differ")
}

private func inflate(_ bytes: [UInt8], _ format: Inflate.Format) {
    guard let output = try? Inflate.inflate(bytes.span, format: format, limitBytes: limitBytes) else { return }
    precondition(output.count <= limitBytes, "more than the limit")
}

private func readJSON(_ bytes: [UInt8]) {
    var scanner = JSONScanner(0..<bytes.count, maxDepth: 64)
    let isSkipped: Bool
    do throws(JSONError) {
        try scanner.skipValue(in: bytes.span, depth: 0)
        try scanner.finish(in: bytes.span)
        isSkipped = true
    } catch {
        isSkipped = false
    }
    let value = try? JSONValue(parsing: bytes)
    if value != nil { precondition(isSkipped, "one reader takes what the other refuses") }
}

/// The input is the content of a segment; headers and checksums are as they are.
private func replay(_ bytes: [UInt8]) {
    let files = MemoryFileSystem()
    let folder = "/wal"
    do {
        try files.createFolder(folder)
        let file = try files.open(folder + "/" + WALFormat.name(1), .create)
        try file.write(bytes, at: 0)
        let report = try WALReplay.replay(
            folder: folder, quarantine: "/quarantine", files: files, storeID: Hash128(high: 1, low: 2)
        ) { _ in }
        _ = report.messages
    } catch {}
}

/// Regions of a part behind their checksums.
private func readPart(_ bytes: [UInt8]) {
    _ = try? PartTail(bytes, fileBytes: bytes.count)
    _ = try? RowBlockHeader(bytes)
    _ = try? Frame.read(bytes, at: 0, region: "fuzz")
    _ = try? MapletExceptions.blocks(of: 7, in: bytes)
    let half = bytes.count / 2
    var region: [UInt8] = []
    guard (try? Frame.append(Array(bytes[half...]), codec: .none, to: &region)) != nil else { return }
    _ = try? StreamsRegion.decode(region, count: Int(bytes[0]))
    if let footer = try? PartFooter(Array(bytes[..<half]), fileBytes: 1 << 20) {
        _ = try? PartDirectory(region, footer: footer)
    }
}
