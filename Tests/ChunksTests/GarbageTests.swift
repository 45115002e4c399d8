import Bytes
import Files
import Model
import Testing

@testable import Chunks

/// Bytes whose checksums are right but whose content is not: nothing may trap, whatever comes out.
@Suite("Decoders survive garbage")
struct GarbageTests {
    /// Some bytes of `bytes` changed, cut out or put in.
    private static func mutated(_ bytes: [UInt8], _ dice: inout Dice) -> [UInt8] {
        var copy = bytes
        for _ in 0..<Int.random(in: 1...4, using: &dice) {
            let at = copy.isEmpty ? 0 : Int.random(in: 0..<copy.count, using: &dice)
            switch Int.random(in: 0..<6, using: &dice) {
            case 0 where !copy.isEmpty: copy.remove(at: at)
            case 1: copy.insert(UInt8.random(in: 0...255, using: &dice), at: at)
            case 2 where !copy.isEmpty: copy[at] = 0xff
            case 3: copy.insert(contentsOf: [UInt8](repeating: 0xff, count: 9) + [1], at: at)
            case _ where !copy.isEmpty: copy[at] = UInt8.random(in: 0...255, using: &dice)
            default: break
            }
        }
        return copy
    }

    @Test("Random bytes as a file, with and without the right marks")
    func randomFiles() throws {
        var dice = Dice(state: 1)
        for size in 0..<2_000 {
            var bytes = (0..<(size % 300)).map { _ in UInt8.random(in: 0...255, using: &dice) }
            if size % 2 == 0 { bytes = PartFormat.header(id: Sample.id(1), hasColumns: false) + bytes }
            if size % 3 == 0 {
                let tail = PartTail(
                    footerBytes: min(bytes.count / 2, max(bytes.count - 40, 0)), footerChecksum: 0,
                    fileBytes: UInt64(bytes.count + 32))
                bytes += tail.encoded(hasColumns: false)
            }
            #expect(!Part.verify(file: ByteFile(bytes), name: "garbage", deep: true).isEmpty)
        }
    }

    @Test("Footers that were changed before their checksum")
    func footers() throws {
        var dice = Dice(state: 2)
        let bytes = try Sample.bytes(try Sample.image(Sample.generated(80), PartConfiguration(blockRawBytes: 1_500)))
        let footerBytes = Int(PartFormat.word(bytes, bytes.count - 32))
        let start = bytes.count - 32 - footerBytes
        var opened = 0
        for _ in 0..<5_000 {
            let footer = GarbageTests.mutated(Array(bytes[start..<(start + footerBytes)]), &dice)
            let file = Array(bytes[..<start]) + footer
            let tail = PartTail(
                footerBytes: footer.count, footerChecksum: Checksum.crc32c(footer), fileBytes: UInt64(file.count + 32))
            guard let part = try? Sample.open(file + tail.encoded(hasColumns: false)) else { continue }
            opened += 1
            _ = part.verify(deep: true)
            _ = try? part.blocks(mayHold: [[1], [UInt8](text: Sample.traceID(1, 3))])
            _ = try? part.maximumTime(of: Sample.labels(1).hash)
        }
        #expect(opened > 25)
    }

    @Test("Directories, streams and exceptions that were changed before their checksum")
    func regions() throws {
        var dice = Dice(state: 3)
        let part = try Sample.part(Sample.generated(80), PartConfiguration(codec: .none, blockRawBytes: 1_500))
        let directory = try part.directory().encoded(codec: .none)
        let streams = try StreamsRegion.encode(try part.streams(), codec: .none)
        var sound = 0
        for _ in 0..<5_000 {
            var frame: [UInt8] = []
            try Frame.append(GarbageTests.mutated(Array(directory[16...]), &dice), codec: .none, to: &frame)
            if let read = try? PartDirectory(frame, footer: part.footer) {
                sound += 1
                for index in read.blocks.indices { _ = read.streams(of: index).count }
            }
            frame = []
            try Frame.append(GarbageTests.mutated(Array(streams[16...]), &dice), codec: .none, to: &frame)
            if let read = try? StreamsRegion.decode(frame, count: part.footer.streamCount) {
                sound += 1
                for stream in read { _ = stream.labels.pairs }
            }
            let raw = (0..<Int.random(in: 0..<40, using: &dice)).map { _ in UInt8.random(in: 0...255, using: &dice) }
            _ = try? MapletExceptions.blocks(of: UInt32.random(in: 0...9, using: &dice), in: raw)
            _ = try? MapletExceptions.frame(for: UInt32.random(in: 0 ... .max, using: &dice), index: raw)
            _ = try? Frame.read(raw, at: 0, region: "frame")
        }
        #expect(sound > 25)
    }

    @Test("Blocks whose sections were changed before their checksums", arguments: [Codec.none, .lz4, .zlib, .zstd])
    func blocks(codec: Codec) throws {
        guard codec.isAvailable else { return }
        var dice = Dice(state: 4)
        let part = try Sample.part(Sample.generated(40), PartConfiguration(codec: codec))
        let entry = try part.directory().blocks[0]
        let streams = try part.directory().streams(of: 0)
        let bytes = try part.source.read(at: entry.offset, count: entry.storedBytes)
        let header = try RowBlockHeader(bytes)
        var decoded = 0
        for round in 0..<1_500 {
            var out = Array(bytes[0..<12])
            var body: [UInt8] = []
            var lead = 0
            for section in header.sections {
                var stored = Array(bytes[section.offset..<(section.offset + section.storedBytes)])
                var raw = section.rawBytes
                if Int.random(in: 0..<3, using: &dice) == 0 {
                    stored = GarbageTests.mutated(stored, &dice)
                    if section.codec == .none { raw = stored.count }
                }
                if round % 50 == 0 { raw = Int.random(in: 0..<(1 << 20), using: &dice) }
                out.append(contentsOf: [section.section.rawValue, section.codec.rawValue, 0, 0])
                out.appendLittleEndian(UInt32(stored.count))
                out.appendLittleEndian(UInt32(raw))
                out.appendLittleEndian(Checksum.crc32c(stored))
                body += stored
                if section.section == .streams { lead = RowBlockHeader.sizeBytes + body.count }
            }
            out.appendLittleEndian(Checksum.crc32c(out))
            var forged = entry
            forged.headerChecksum = PartFormat.word(out, out.count - 4)
            forged.storedBytes = out.count + body.count
            forged.leadBytes = lead
            guard let forgedHeader = try? RowBlockHeader(out + body) else { continue }
            forged.rawBytes = UInt64(forgedHeader[.lines].rawBytes + forgedHeader[.metadata].rawBytes)
            guard let decoder = try? RowBlockDecoder(out + body, entry: forged) else { continue }
            var hashes: [UInt64] = []
            _ = try? decoder.collectTraces(TraceNames(["trace_id"], seed: 0), into: &hashes)
            _ = try? decoder.rows(.times, streams: streams)
            guard let rows = try? decoder.rows(.rows, streams: streams) else { continue }
            decoded += 1
            rows.read { entries, arena in
                for row in 0..<entries.count {
                    #expect(entries[row].line.upperBound <= arena.count)
                    #expect(entries[row].metadata.upperBound <= arena.count)
                    _ = LabelSet.range(of: [1].span, in: arena, entries[row].metadata)
                }
            }
        }
        #expect(decoded > 15)
    }
}
