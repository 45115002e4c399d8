import Bytes
import Model
import Synchronization
import Testing

@testable import Columns

/// Streams are read from their source when a question needs them, and only then.
struct SourceTests {
    /// A region in memory that counts what is read of it.
    private final class CountingSource: StreamSource {
        enum Fault { case none, short, failing }
        private let bytes: [UInt8]
        private let fault: Fault
        private let ranges = Mutex<[Range<Int>]>([])

        init(_ bytes: [UInt8], _ fault: Fault = .none) {
            self.bytes = bytes
            self.fault = fault
        }

        var readRanges: [Range<Int>] { ranges.withLock { $0 } }
        var readBytes: Int { readRanges.reduce(0) { $0 + $1.count } }

        func read(_ range: Range<Int>) throws(ColumnError) -> [UInt8] {
            ranges.withLock { $0.append(range) }
            switch fault {
            case .none: return Array(bytes[range])
            case .short: return Array(bytes[range].dropLast())
            case .failing: throw ColumnError("no such file")
            }
        }
    }

    private func open(_ fault: CountingSource.Fault = .none) throws -> (RowSet, CountingSource, ColumnBlockReader) {
        var generator = LogGenerator(700)
        let set = generator.rows(1500)
        let block = try set.encoded()
        let source = CountingSource(block.streams, fault)
        let reader = try ColumnBlockReader(
            head: try ColumnHead(block.head), source: source, limitBytes: set.arena.count + 1024)
        return (set, source, reader)
    }

    @Test func openingReadsNothing() throws {
        let (set, source, opened) = try open()
        var reader = opened
        let shapes = reader.lineShapes()
        #expect(reader.rowCount == set.rows.count)
        #expect(!shapes.isEmpty && !reader.metadataNames.isEmpty)
        #expect(source.readRanges.isEmpty)
    }

    @Test func timesAndStreamsReadTheirOwnStreamsOnly() throws {
        var (set, source, reader) = try open()
        #expect(try reader.times() == set.rows.map(\.time))
        #expect(try reader.streams() == set.rows.map(\.stream))
        #expect(source.readRanges.count == 2)
        let before = source.readBytes
        _ = try reader.times()
        _ = try reader.streams()
        #expect(source.readBytes == before)
        #expect(reader.storedBytesRead == before)
    }

    @Test func aColumnReadsLessThanAllRowsDo() throws {
        var (set, source, reader) = try open()
        _ = try reader.metadataColumn([UInt8]("level".utf8))
        let few = source.readBytes
        #expect(set.difference(try reader.rows()) == nil)
        #expect(few * 4 < source.readBytes)
    }

    @Test func absentBytesAreRuledOutWithoutTheirColumns() throws {
        var (_, source, reader) = try open()
        let streams = reader.sizes().reduce(0) { $0 + $1.storedBytes }
        #expect(try reader.lineMarks(containing: [0x01, 0x02]) == nil)
        #expect(source.readBytes * 4 < streams)
    }

    @Test func shortAndFailingSourcesAreErrors() throws {
        for fault in [CountingSource.Fault.short, .failing] {
            var (_, _, reader) = try open(fault)
            #expect(throws: ColumnError.self) { try reader.times() }
            #expect(throws: ColumnError.self) { try reader.rows(at: [3]) }
            #expect(throws: ColumnError.self) { try reader.lineShapeNumbers() }
        }
    }
}
