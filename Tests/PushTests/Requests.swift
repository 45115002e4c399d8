import Bytes
import Foundation
import Model
import Push
import Receive
import Wire

/// 2026-11-23T20:00:00Z, the hour of the captured requests.
let now: Int64 = 1_795_464_000_000_000_000

struct ReadableRow: Equatable {
    var time: Int64
    var line: String
    var labels: String
    var metadata: [String: String]
    var isTraced = false
}

func readable(_ batch: Batch) -> [ReadableRow] {
    batch.rows.map { row in
        let pairs = LabelSet(canonical: [UInt8](batch.arena[row.metadata])).pairs
        return ReadableRow(
            time: row.time, line: [UInt8](batch.arena[row.line]).text,
            labels: batch.streams[Int(row.stream)].description,
            metadata: Dictionary(pairs.map { ($0.name, $0.value) }, uniquingKeysWith: { _, last in last }),
            isTraced: row.flags.contains(.traced))
    }
}

func push(
    _ body: [UInt8], type: String? = "application/json", encoding: String? = nil,
    options: ReceiveOptions = ReceiveOptions()
) throws -> ReceiveResult {
    try LokiPush.decode(body: body.span, contentType: type, contentEncoding: encoding, options: options, now: now)
}

func push(_ body: String, options: ReceiveOptions = ReceiveOptions()) throws -> ReceiveResult {
    try push([UInt8](body.utf8), options: options)
}

/// What the server would answer: status and text.
func answer(
    _ body: [UInt8], type: String? = "application/json", encoding: String? = nil,
    options: ReceiveOptions = ReceiveOptions()
) -> (status: Int, text: String) {
    do {
        let result = try push(body, type: type, encoding: encoding, options: options)
        if let text = result.lokiErrorText { return (400, text) }
        return (204, "")
    } catch {
        guard let error = error as? ReceiveError else { return (500, "\(error)") }
        return (error.status, error.message)
    }
}

func answer(_ body: String, options: ReceiveOptions = ReceiveOptions()) -> (status: Int, text: String) {
    answer([UInt8](body.utf8), options: options)
}

/// A body of one stream with one entry.
func body(labels: String = #"{"app":"x"}"#, time: Int64 = now, line: String = "line", metadata: String? = nil) -> String
{
    let third = metadata.map { "," + $0 } ?? ""
    return "{\"streams\":[{\"stream\":\(labels),\"values\":[[\"\(time)\",\"\(line)\"\(third)]]}]}"
}

/// The same in protobuf, before compression.
func message(
    labels: String, entries: [(time: (seconds: Int64, nanos: Int), line: String, metadata: [(String, String)])]
) -> [UInt8] {
    var stream: [UInt8] = []
    ProtobufWriter.append(1, bytes: Array(labels.utf8), to: &stream)
    for entry in entries {
        var time: [UInt8] = []
        ProtobufWriter.append(1, varint: UInt64(bitPattern: entry.time.seconds), to: &time)
        ProtobufWriter.append(2, varint: UInt64(entry.time.nanos), to: &time)
        var fields: [UInt8] = []
        ProtobufWriter.append(1, bytes: time, to: &fields)
        ProtobufWriter.append(2, bytes: Array(entry.line.utf8), to: &fields)
        for (name, value) in entry.metadata {
            var pair: [UInt8] = []
            ProtobufWriter.append(1, bytes: Array(name.utf8), to: &pair)
            ProtobufWriter.append(2, bytes: Array(value.utf8), to: &pair)
            ProtobufWriter.append(3, bytes: pair, to: &fields)
        }
        ProtobufWriter.append(2, bytes: fields, to: &stream)
    }
    ProtobufWriter.append(3, varint: 12345, to: &stream)
    var request: [UInt8] = []
    ProtobufWriter.append(1, bytes: stream, to: &request)
    ProtobufWriter.append(2, bytes: Array("loki".utf8), to: &request)
    return request
}

func snappy(_ bytes: [UInt8]) -> [UInt8] { Snappy.compress(bytes.span) }

/// A captured body of a real client.
func fixture(_ name: String) throws -> [UInt8] {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    return [UInt8](try Data(contentsOf: folder.appending(path: "Fixtures/" + name)))
}

/// A small repeatable generator (SplitMix64).
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }
}
