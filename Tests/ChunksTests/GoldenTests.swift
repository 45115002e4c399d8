import Bytes
import Columns
import Files
import Model
import Testing

@testable import Chunks

/// Bytes on disk as they are in format 1. Where one of these fails the format has changed, and old files must still be
/// readable.
@Suite("The bytes of a part")
struct GoldenTests {
    @Test("Header and tail")
    func fixedPieces() {
        let header = "444c50310100010000000000a7a6a5a4a3a2a1a00100000000000000000000000000000004aa8fd3"
        #expect(PartFormat.header(id: Sample.id(1), hasColumns: false).hex == header)
        let tail = PartTail(footerBytes: 0x1234, footerChecksum: 0xdead_beef, fileBytes: 0x1_0000_0002)
        #expect(
            tail.encoded(hasColumns: false).hex == "34120000efbeadde010001000000000002000000010000009bf56555444c5045")
    }

    static let rows = [
        SampleRow(
            1_728_000_000_000_000_001, LabelSet([("app", "a")]), [UInt8](text: "one"), sequence: 3,
            metadata: Sample.metadata([("trace_id", "t1")])),
        SampleRow(1_728_000_000_000_000_001, LabelSet([("app", "b")]), [0xff, 0x00], sequence: 4),
        SampleRow(1_728_000_000_000_000_999, LabelSet([("app", "a")]), [], sequence: 4),
    ]

    @Test("A part of three rows without compression")
    func tinyPart() throws {
        let image = try Sample.image(GoldenTests.rows, PartConfiguration(codec: .none))
        let bytes = try Sample.bytes(image)
        #expect(bytes.hex == GoldenTests.tiny)
    }

    @Test("Format 1 stays readable")
    func readable() throws {
        let part = try Sample.open(bytes(GoldenTests.tiny))
        #expect(part.verify(deep: true).isEmpty)
        #expect(try Sample.rows(part) == GoldenTests.rows.map(\.withoutSequence))
        #expect(try part.blocks(mayHold: [[UInt8](text: "t1")]).blocks == [0])
        #expect(try part.directory().blocks[0].highestSequence == 4)
    }

    @Test("A part of three rows in columns without compression")
    func columns() throws {
        let image = try Sample.image(GoldenTests.rows, PartConfiguration(codec: .none, kind: .columns))
        let written = try Sample.bytes(image).hex
        #expect(written == GoldenTests.tinyVolume, "\(written)")
    }

    @Test(
        "Formats 2, 3 and 4 stay readable",
        arguments: [GoldenTests.tinyColumns, GoldenTests.tinyCounted, GoldenTests.tinyVolume])
    func readableColumns(hex: String) throws {
        let part = try Sample.open(bytes(hex))
        #expect(part.verify(deep: true).isEmpty)
        #expect(try Sample.rows(part) == GoldenTests.rows.map(\.withoutSequence))
        #expect(try part.blocks(mayHold: [[UInt8](text: "t1")]).blocks == [0])
        let counts = try part.rowCounts(0)
        #expect((counts == nil) == (hex == GoldenTests.tinyColumns))
        #expect(counts?.groups.map(\.rows) ?? [2, 1] == [2, 1])
        #expect(try part.volume(0)?.rows == (hex == GoldenTests.tinyVolume ? [2, 1] : nil))
    }

    @Test(
        "A merge copies column blocks of older formats as they are",
        arguments: [GoldenTests.tinyColumns, GoldenTests.tinyCounted])
    func mergedColumns(hex: String) throws {
        let old = try Sample.open(bytes(hex))
        let image = try PartMerger.merge(
            [old, old], configuration: PartConfiguration(codec: .none, kind: .columns), id: Sample.id(5),
            storeID: Sample.storeID)
        let merged = try Sample.open(try Sample.bytes(image))
        #expect(merged.verify(deep: true).isEmpty)
        #expect((try merged.rowCounts(1) == nil) == (hex == GoldenTests.tinyColumns))
        #expect(try merged.volume(1) == nil)
        #expect(try Sample.rows(merged, block: 1) == GoldenTests.rows.map(\.withoutSequence))
    }

    private func bytes(_ hex: String) -> [UInt8] {
        var bytes: [UInt8] = []
        var digits = hex.utf8.makeIterator()
        while let high = digits.next(), let low = digits.next() {
            bytes.append(UInt8(nibble(high) << 4 | nibble(low)))
        }
        return bytes
    }

    private func nibble(_ digit: UInt8) -> Int { digit < 0x3a ? Int(digit) - 0x30 : Int(digit) - 0x57 }

    /// Header, block, streams, directory, maplet, footer, tail.
    static let tiny = [
        "444c50310100010000000000a7a6a5a4a3a2a1a00100000000000000000000000000000004aa8fd344424b31010105000300",
        "0000010000000c0000000c000000b04aa1f90200000003000000030000000d3bc673030000000600000006000000d7f23bb5",
        "040000000c0000000c00000067c38250050000000500000005000000cbff45f42fb7d878828080be87b68bfb2f00cc0f0001",
        "000302000c00000874726163655f69640274316f6e65ff00000000002e0000002e00000000fe2a2383f3bedc37987a5b1f4c",
        "76099a164bd6060361707001613548d1e83be03aecc3d480ff90630e8a06036170700162000000002600000026000000ba45",
        "8d2b012886016f2fb7d878030111828080be87b68bfb2fe60703010200020f00e60702010200000000000000000000000000",
        "0000000000000000700000000000000000002e7ef459a7a6a5a4a3a2a1a00100000000000000080706050403020118171615",
        "141312110764656661756c74c0b80200010700000000000000000a00030111010100e03bd816fb17e703e03bd816fb170002",
        "ae013eec0136a20220c20200010100000000000000e7830665202abf3a01040100030874726163655f696407747261636549",
        "44077472616365496400008b000000f598ade50100010000000000ed01000000000000c2e6a9fa444c5045",
    ].joined()

    /// The same rows in format 2.
    static let tinyColumns = [
        "444c50310200020000000000a7a6a5a4a3a2a1a0010000000000000000000000000000004218a9ab44424b31020103000300",
        "0000010000006f000000000000001d59bb4202000000000000000000000000000000030000000900000000000000c74b6748",
        "50c3077e4443423101000000030000005300000053000000000000007729e00b010a828080be87b68bfb2fe6078004000060",
        "3e010100018001020101010001800106020000030874726163655f6964020101000101020180010600010002743101000000",
        "0000030e0080086f6e650aff000a0a010185e7034817fc02000000002e0000002e00000000fe2a2383f3bedc37987a5b1f4c",
        "76099a164bd6060361707001613548d1e83be03aecc3d480ff90630e8a0603617070016200000000270000002700000028c6",
        "59220228b801af0150c3077e030111828080be87b68bfb2fe60703010200020f00e607020102000000000000000000000000",
        "000000000000000000700000000000000000002e7ef459a7a6a5a4a3a2a1a001000000000000000807060504030201181716",
        "15141312110764656661756c74c0b80200010700000000000000000a00030111010100e03bd816fb17e703e03bd816fb1700",
        "02e0013e9e0237d50220f50200010100000000000000e7830665202abf3a01040100030874726163655f6964077472616365",
        "4944077472616365496400008b0000001ea3efcf0200020000000000200200000000000088ed7d13444c5045",
    ].joined()

    /// The same rows in format 3, with counts.
    static let tinyCounted = [
        "444c50310300030000000000a7a6a5a4a3a2a1a0010000000000000000000000000000008089b48344424b31020204000300",
        "0000010000006f000000000000001d59bb4202000000000000000000000000000000030000000900000000000000c74b6748",
        "040000002100000000000000c74b67484097969e4443423101000000030000005300000053000000000000007729e00b010a",
        "828080be87b68bfb2fe60780040000603e010100018001020101010001800106020000030874726163655f69640201010001",
        "010201800106000100027431010000000000030e0080086f6e650aff000a0a010185e7034817fc0201001a02000002010001",
        "01010874726163655f69640102743103030101b0fe1a01000000002e0000002e00000000fe2a2383f3bedc37987a5b1f4c76",
        "099a164bd6060361707001613548d1e83be03aecc3d480ff90630e8a0603617070016200000000270000002700000036bbc9",
        "900228e901bf014097969e030111828080be87b68bfb2fe60703010200020f00e60702010200000000000000000000000000",
        "0000000000000000700000000000000000002e7ef459a7a6a5a4a3a2a1a00100000000000000080706050403020118171615",
        "141312110764656661756c74c0b80200010700000000000000000a00030111010100e03bd816fb17e703e03bd816fb170002",
        "91023ecf0237860320a60300010100000000000000e7830665202abf3a01040100030874726163655f696407747261636549",
        "44077472616365496400008b0000007766d20c030003000000000051020000000000008a79c49d444c5045",
    ].joined()

    /// The same rows in format 4, with their volume.
    static let tinyVolume = [
        "444c50310400040000000000a7a6a5a4a3a2a1a001000000000000000000000000000000ce7ce45b44424b31020305000300",
        "0000010000006f000000000000001d59bb4202000000000000000000000000000000030000000900000000000000c74b6748",
        "040000002100000000000000c74b6748050000001500000000000000c74b6748f3d90d0a4443423101000000030000005300",
        "000053000000000000007729e00b010a828080be87b68bfb2fe60780040000603e0101000180010201010100018001060200",
        "00030874726163655f69640201010001010201800106000100027431010000000000030e0080086f6e650aff000a0a010185",
        "e7034817fc0201001a0200000201000101010874726163655f69640102743103030101b0fe1a0101000e8094ebdc0380c0f9",
        "ef0c010202016672e91b000000002e0000002e00000000fe2a2383f3bedc37987a5b1f4c76099a164bd60603617070016135",
        "48d1e83be03aecc3d480ff90630e8a06036170700162000000002700000027000000461d0bea02288e02cf01f3d90d0a0301",
        "11828080be87b68bfb2fe60703010200020f00e6070201020000000000000000000000000000000000000000007000000000",
        "00000000002e7ef459a7a6a5a4a3a2a1a00100000000000000080706050403020118171615141312110764656661756c74c0",
        "b80200010700000000000000000a00030111010100e03bd816fb17e703e03bd816fb170002b6023ef40237ab0320cb030001",
        "0100000000000000e7830665202abf3a01040100030874726163655f69640774726163654944077472616365496400008b00",
        "000037c0c7f90400040000000000760200000000000079c6f591444c5045",
    ].joined()
}
