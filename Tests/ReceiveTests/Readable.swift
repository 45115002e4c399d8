import Bytes
import Model
import Receive

/// 2026-11-23T20:00:00Z, the hour of the captured requests.
let now: Int64 = 1_795_464_000_000_000_000

/// A row as a test reads it.
struct ReadableRow: Equatable {
    var time: Int64
    var line: String
    var labels: String
    var metadata: [String: String]
    var isTraced: Bool
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

/// Names of each row's metadata in their stored order.
func metadataNames(_ batch: Batch) -> [[String]] {
    batch.rows.map { LabelSet(canonical: [UInt8](batch.arena[$0.metadata])).pairs.map(\.name) }
}

func plain(
    _ body: [UInt8], query: [(name: String, value: String)] = [], encoding: String? = nil,
    options: ReceiveOptions = ReceiveOptions(), arrival: ArrivalClock = ArrivalClock()
) throws -> ReceiveResult {
    try PlainPush.decode(
        body: body.span, queryLabels: query, contentEncoding: encoding, options: options, now: now, arrival: arrival)
}

func plain(
    _ body: String, query: [(name: String, value: String)] = [], options: ReceiveOptions = ReceiveOptions()
) throws -> ReceiveResult {
    try plain([UInt8](body.utf8), query: query, options: options)
}

/// The status of what `body` throws; nil when it does not.
func status(_ body: () throws -> ReceiveResult) -> Int? {
    do {
        _ = try body()
        return nil
    } catch {
        return (error as? ReceiveError)?.status
    }
}

/// `bytes` as a zlib stream, a raw deflate stream and a gzip member.
enum Compressed {
    static func zlib(_ bytes: [UInt8]) throws -> [UInt8] { try Codec.zlib.compress(bytes.span) }

    static func deflate(_ bytes: [UInt8]) throws -> [UInt8] { [UInt8](try zlib(bytes).dropFirst(2).dropLast(4)) }

    static func gzip(_ bytes: [UInt8]) throws -> [UInt8] {
        var crc: UInt32 = 0xffff_ffff
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xedb8_8320 : crc >> 1 }
        }
        var out: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]
        out += try deflate(bytes)
        out.appendLittleEndian(~crc)
        out.appendLittleEndian(UInt32(truncatingIfNeeded: bytes.count))
        return out
    }
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
