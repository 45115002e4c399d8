import Bytes
import Model
import Testing

@testable import Columns

/// Bytes on disk as they are in version 1. Where this fails the format has changed, and old blocks must still be
/// readable.
struct GoldenTests {
    private static func rows() -> RowSet {
        var set = RowSet()
        let base: Int64 = 1_764_000_000_000_000_000
        let ids = ["00ff00ff00ff00ff00ff00ff00ff00ff", "0123456789abcdef0123456789abcdef"]
        for index in 0..<70 {
            let time = base + Int64(index) * 1_000_003
            let metadata = LabelSet([("trace_id", ids[index / 40])]).encoded
            let line: String
            switch index % 3 {
            case 0:
                line =
                    "{\"ts\":\"\(RFC3339.format(time))\",\"path\":\"/items/\(index)\",\"n\":\(index * 7),"
                    + "\"msg\":\"GET /items/\(index) took \(index).5 s\",\"f\":\(index).25}"
            case 1:
                line =
                    "{\"id\":\"abcd00\(10 + index)\",\"ip\":\"10.0.0.\(index)\",\"level\":\"\(["a", "b"][index % 2])\"}"
            default: line = "plain text \(index)"
            }
            set.append(line, time: time, stream: UInt32(index % 2), metadata: metadata)
        }
        return set
    }

    @Test func bytesOfVersionOne() throws {
        let block = try GoldenTests.rows().encoded(codec: .none)
        #expect(hex(block.head) == GoldenTests.head)
        #expect(hex(block.streams) == GoldenTests.streams)
    }

    @Test func versionOneStaysReadable() throws {
        var reader = try ColumnBlockReader(
            head: bytes(GoldenTests.head), streams: bytes(GoldenTests.streams), limitBytes: 1 << 20)
        #expect(GoldenTests.rows().difference(try reader.rows()) == nil)
    }

    private func hex(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for byte in bytes {
            text.append(TypedValue.hexDigits[Int(byte >> 4)])
            text.append(TypedValue.hexDigits[Int(byte & 15)])
        }
        return text.text
    }

    private func bytes(_ hex: String) -> [UInt8] {
        let digits = hex.utf8.map { TypedValue.nibble($0) }
        return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    private static let head = [
        "4443423101000000460000006c0200006c020000400200000d7176cb03158080d0fceca9fefa308fb8f3208080d0fceca9fe",
        "fa3000b801bff4cd3f010100018009aaaaaaaaaaaaaaaa2a010101000180090000000000ffffff3f02000003087472616365",
        "5f6964010101000200460b020420802000ff00ff00ff00ff00ff00ff00ff00ff0123456789abcdef0123456789abcdef0900",
        "000102747301047061746802016e01036d7367020166010269640102697001056c6576656c0205077b227473223a220a222c",
        "2270617468223a2206222c226e223a082c226d7367223a2206222c2266223a017d010203040503077b226964223a2208222c",
        "226970223a220b222c226c6576656c223a2202227d0607080102000280124992244992244992244992244992244992041741",
        "0b706c61696e2074657874200003030442048009b06ddbb66ddbb66d1b180c010300013a013a0000000000020018000d3230",
        "32352d31312d32345431361800023030180d0104060a800ca0aaaaaaaaa9aaaaaaaaa9aa01000000000040ff030000000400",
        "0000000000000000000000000000000000000000ac0297f818a91841072f6974656d732f0003030045008009b06ddbb66ddb",
        "b66ddb1801030600e30300801280aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa180c01020b474554202f6974656d732f062074",
        "6f6f6b200220730000000200180103030045008009b06ddbb66ddbb66ddb180303060ab2050a801200cff33ccff33ccff33c",
        "cff33ccff33ccff300021803030a32f43532801e006089259658628925965862892596586289259658628925965862892596",
        "0004170408005cc54501a517060303828080a00142828080a0018009b06ddbb66ddbb66d1b170a020d00020080026261",
    ].joined()

    private static let streams = [
        "0000c090d01b127a43426f48e80d09bd21a13724f48684de90d01b127a43426f48e80d09bd21a13724f48684de90d01b127a",
        "43426f48e80d09bd21a13724f48684de90d01b127a43426f48e80d09bd21a13724f48684de90d01b127a43426f48e80d09bd",
        "21a13724f48684de90d01b127a43426f48e80d09bd21a13724f48684de90d01b127a43426f48e80d09bd21a13724f48684de",
        "90d01b127a43426f48e80d09bd21a13724f48684de90d01b127a43426f48e80d093d30305a30302e3030333030303030395a",
        "30302e3030363030303031385a30302e3030393030303032375a30302e3031323030303033365a30302e3031353030303034",
        "355a30302e3031383030303035345a30302e3032313030303036335a30302e3032343030303037325a30302e303237303030",
        "3038315a30302e30333030303030395a30302e3033333030303039395a30302e3033363030303130385a30302e3033393030",
        "303131375a30302e3034323030303132365a30302e3034353030303133355a30302e3034383030303134345a30302e303531",
        "3030303135335a30302e3035343030303136325a30302e3035373030303137315a30302e30363030303031385a30302e3036",
        "333030303138395a30302e3036363030303139385a30302e3036393030303230375aabcd0011abcd0014abcd0017abcd0020",
        "abcd0023abcd0026abcd0029abcd0032abcd0035abcd0038abcd0041abcd0044abcd0047abcd0050abcd0053abcd0056abcd",
        "0059abcd0062abcd0065abcd0068abcd0071abcd0074abcd0077",
    ].joined()
}
