import Bytes
import Files
import Model
import Testing

@testable import Chunks

@Suite("Damage is found, named and contained")
struct DamageTests {
    /// A part of three blocks with every region in use.
    private static func sample(_ codec: Codec = .lz4) throws -> [UInt8] {
        var rows = Sample.generated(24, streams: 4)
        for index in [0, 12, 23] { rows[index].metadata = Sample.metadata([("trace_id", "everywhere")]) }
        let raw = rows.reduce(0) { $0 + $1.line.count + $1.metadata.count }
        let bytes = try Sample.bytes(
            try Sample.image(rows, PartConfiguration(codec: codec, blockRawBytes: raw * 2 / 5)))
        // The second block of a merge with itself makes the trace an exception.
        let part = try Sample.open(bytes)
        let image = try PartMerger.merge(
            [part, part], configuration: PartConfiguration(codec: codec), id: Sample.id(8), storeID: Sample.storeID)
        return try Sample.bytes(image)
    }

    @Test("Any single flipped byte", arguments: [UInt8(0x01), 0xfe])
    func flips(mask: UInt8) throws {
        let bytes = try DamageTests.sample()
        let sound = try Sample.open(bytes)
        let blocks = try sound.directory().blocks
        #expect(blocks.count >= 3 && sound.footer.exceptions.count > 0 && sound.footer.pages.count > 0)
        #expect(sound.verify(deep: true).isEmpty)
        let rows = try (0..<blocks.count).map { try Sample.rows(sound, block: $0) }
        for offset in bytes.indices {
            var damaged = bytes
            damaged[offset] ^= mask
            let hit = blocks.firstIndex { offset >= $0.offset && offset < $0.offset + $0.storedBytes }
            let problems = Part.verify(file: ByteFile(damaged), name: "sample.dlp", deep: false)
            guard !problems.isEmpty else {
                Issue.record("byte \(offset) is not noticed")
                continue
            }
            guard let hit else { continue }
            #expect(problems.count == 1 && DamageTests.region(problems[0]).hasPrefix("block \(hit) "))
            let part = try Sample.open(damaged)
            #expect(throws: PartError.self) { try part.readBlock(hit, need: .rows) }
            for index in blocks.indices where index != hit {
                #expect(try Sample.rows(part, block: index) == rows[index])
            }
        }
    }

    private static func region(_ error: PartError) -> String {
        guard case .damaged(_, let region, _, _) = error else { return "\(error)" }
        return region
    }

    @Test("Any single flipped byte of a part with blocks of both kinds", arguments: [UInt8(0x01), 0xfe])
    func flipsInColumns(mask: UInt8) throws {
        let rows = Sample.generated(60, streams: 3)
        let columns = try Sample.part(Array(rows[..<40]), PartConfiguration(codec: .lz4, kind: .columns, blockRows: 20))
        let plain = try Sample.part(Array(rows[40...]), PartConfiguration(codec: .lz4))
        let bytes = try Sample.bytes(
            try PartMerger.merge(
                [columns, plain], configuration: PartConfiguration(codec: .lz4), id: Sample.id(8),
                storeID: Sample.storeID))
        let sound = try Sample.open(bytes)
        let blocks = try sound.directory().blocks
        #expect(blocks.map(\.kind) == [.columns, .columns, .rows])
        let wanted = try blocks.indices.map { try Sample.rows(sound, block: $0) }
        for offset in bytes.indices {
            var damaged = bytes
            damaged[offset] ^= mask
            let hit = blocks.firstIndex { offset >= $0.offset && offset < $0.offset + $0.storedBytes }
            let problems = Part.verify(file: ByteFile(damaged), name: "sample.dlp", deep: false)
            guard let first = problems.first else {
                Issue.record("byte \(offset) is not noticed")
                continue
            }
            guard let hit else { continue }
            #expect(problems.count == 1 && DamageTests.region(first).hasPrefix("block \(hit) "))
            let part = try Sample.open(damaged)
            // The trigrams of a block are not read with its rows; what is read is never wrong.
            if let found = try? Sample.rows(part, block: hit) { #expect(found == wanted[hit]) }
            for index in blocks.indices where index != hit {
                #expect(try Sample.rows(part, block: index) == wanted[index])
            }
        }
    }

    @Test("Regions outside of blocks: rows stay readable while footer, streams and directory are sound")
    func mapletDamage() throws {
        let bytes = try DamageTests.sample()
        let sound = try Sample.open(bytes)
        for offset in sound.footer.pages.offset..<sound.footer.exceptions.end {
            var damaged = bytes
            damaged[offset] ^= 4
            let part = try Sample.open(damaged)
            #expect(try part.readBlock(0, need: .rows).rows.count == sound.readBlock(0, need: .rows).rows.count)
            let problems = part.verify(deep: false)
            #expect(problems.count == 1)
            #expect(["maplet page 0", "exceptions"].contains(DamageTests.region(problems[0])))
        }
    }

    @Test("A file cut off at any length, or with bytes behind its end, does not open")
    func truncated() throws {
        let bytes = try DamageTests.sample()
        for length in 0..<bytes.count {
            #expect(throws: PartError.self) { try Sample.open(Array(bytes[..<length])) }
        }
        #expect(throws: PartError.self) { try Sample.open(bytes + [0]) }
        #expect(throws: PartError.self) { try Sample.open(bytes + bytes) }
    }

    @Test("A file that a newer version wrote says so", arguments: [(6, "header"), (10, "tail")])
    func newer(offset: Int, region: String) throws {
        var bytes = try DamageTests.sample()
        if region == "header" {
            bytes[offset] = UInt8(PartFormat.readable + 1)
            bytes.putLittleEndian(Checksum.crc32c(bytes, 0..<36), at: 36)
        } else {
            let tail = bytes.count - 32
            bytes[tail + offset] = UInt8(PartFormat.readable + 1)
            bytes.putLittleEndian(Checksum.crc32c(bytes, tail..<(tail + 24)), at: tail + 24)
        }
        do throws(PartError) {
            _ = try Part(file: ByteFile(bytes), name: "sample.dlp")
            Issue.record("opened")
        } catch {
            guard case .unsupported(let file, let reason) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(file == "sample.dlp" && reason.hasPrefix(region))
        }
    }

    @Test("Swapped blocks are noticed although their checksums are right")
    func swapped() throws {
        let rows = (0..<2).map { SampleRow(Int64($0), Sample.labels(1), [UInt8](text: "line \($0)")) }
        var bytes = try Sample.bytes(try Sample.image(rows, PartConfiguration(codec: .none, blockRawBytes: 1)))
        let blocks = try Sample.open(bytes).directory().blocks
        #expect(blocks[0].storedBytes == blocks[1].storedBytes)
        for index in 0..<blocks[0].storedBytes { bytes.swapAt(blocks[0].offset + index, blocks[1].offset + index) }
        #expect(try Sample.open(bytes).verify(deep: false).count == 2)
    }

    @Test("Errors name file, region and place")
    func message() throws {
        var bytes = try DamageTests.sample()
        let block = try Sample.open(bytes).directory().blocks[1]
        bytes[block.offset + block.storedBytes - 1] ^= 1
        let part = try Sample.open(bytes)
        #expect {
            try part.readBlock(1, need: .rows)
        } throws: { error in
            "\(error)".hasPrefix("sample.dlp is damaged: block 1 lines at byte ")
        }
        #expect(try part.readBlock(1, need: .times).rows.count == block.rows)
    }

    @Test("Read errors are told apart from damage")
    func unreadable() throws {
        let disk = MemoryFileSystem()
        let file = try disk.open("part", .create)
        try file.write(try DamageTests.sample(), at: 0)
        let part = try Part(file: file, name: "part")
        disk.inject(MemoryFileSystem.Fault([.read], errno: 5))
        #expect {
            try part.readBlock(0, need: .rows)
        } throws: { error in
            if case PartError.unreadable(file: "part", _) = error { true } else { false }
        }
        #expect(try part.readBlock(0, need: .rows).rows.count > 0)
    }
}
