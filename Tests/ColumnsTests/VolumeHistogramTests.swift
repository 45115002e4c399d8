import Bytes
import Model
import Testing

@testable import Columns

/// Rows by stream and span of time are what the rows say.
struct VolumeHistogramTests {
    /// Ascending times over `seconds`, and streams below `streams`, all of them used.
    private func rows(
        _ count: Int, from start: Int64, seconds: Int64, streams: Int, seed: UInt64
    ) -> (times: [Int64], streams: [UInt32]) {
        var random = SeededGenerator(seed)
        let times = (0..<count).map { _ in
            start &+ Int64(random.below(Int(seconds))) &* Nanoseconds.perSecond &+ Int64(random.below(3)) &- 1
        }
        let numbers = (0..<count).map { UInt32($0 < streams ? $0 : random.below(streams)) }
        return (times.sorted(), numbers)
    }

    private func expectIsOfRows(_ volume: VolumeHistogram, _ times: [Int64], _ streams: [UInt32]) {
        var found = 0
        for bucket in 0..<volume.bucketCount {
            let span = volume.times(of: bucket)
            var expected = [UInt32](repeating: 0, count: volume.streamCount)
            for row in times.indices where span.contains(times[row]) { expected[Int(streams[row])] += 1 }
            let start = bucket * volume.streamCount
            #expect(Array(volume.rows[start..<(start + volume.streamCount)]) == expected)
            found += expected.reduce(0) { $0 + Int($1) }
        }
        #expect(found == times.count)
    }

    @Test(arguments: [
        (Int64(0), Int64(60), 3, Int64(1)), (1_795_400_000_000_000_000, 700, 241, 30),
        (1_795_400_000_000_000_000, 700, 7_000, 3_600), (-700_000_000_000, 1_400, 20, 5),
        (1_795_400_000_000_000_000, 86_400, 20, 300), (1_728_000_000_000_000_000, 1, 1, 1),
    ])
    func countsAreThoseOfTheRows(start: Int64, seconds: Int64, streams: Int, width: Int64) throws {
        for seed in 1...3 as ClosedRange<UInt64> {
            let (times, numbers) = rows(
                max(2_000, streams), from: start, seconds: seconds, streams: streams, seed: seed)
            let made = VolumeHistogram(times: times, streams: numbers)
            #expect(made.buckets?.width == width * Nanoseconds.perSecond)
            #expect(made.rows.count <= VolumeHistogram.counts)
            expectIsOfRows(made, times, numbers)
            for codec in [Codec.none, .best] {
                let read = try VolumeHistogram(made.encoded(codec: codec))
                expectIsOfRows(read, times, numbers)
                #expect(read.isOf(times: times, streams: numbers))
                #expect(!read.isOf(times: times.map { $0 &+ 2 * 86_400 * Nanoseconds.perSecond }, streams: numbers))
                #expect(streams == 1 || !read.isOf(times: times, streams: numbers.map { _ in 0 }))
            }
        }
    }

    /// The moment at which a bucket ends is in it, the one at which it begins is not.
    @Test func bucketsAreBoundedAsWindowsAre() {
        let second = Nanoseconds.perSecond
        let volume = VolumeHistogram(times: [second, second + 1, 2 * second, 2 * second + 1], streams: [0, 0, 0, 0])
        #expect(volume.rows == [1, 2, 1])
        #expect(volume.times(of: 1) == (second + 1)...(2 * second))
    }

    @Test func whatCannotBeCountedIsNot() throws {
        let odd: [(times: [Int64], streams: [UInt32])] = [
            ([], []), ([.min, .max], [0, 1]), ([.min], [0]), ([.max], [0]), ([1], [8_192]), ([1], [.max]),
            ([0, 40 * Nanoseconds.perDay], [0, 4_000]), ([1, 2], [0]), ([0, 9 * Nanoseconds.perDay, 5], [0, 0, 0]),
        ]
        for (times, streams) in odd {
            let volume = VolumeHistogram(times: times, streams: streams)
            #expect(volume.bucketCount == 0 && volume.rows.isEmpty, "\(times)")
            let read = try VolumeHistogram(volume.encoded(codec: .best))
            #expect(read.bucketCount == 0 && read.isOf(times: times, streams: streams))
        }
    }

    @Test func damageIsFound() throws {
        let (times, streams) = rows(500, from: 7, seconds: 90, streams: 5, seed: 9)
        let encoded = VolumeHistogram(times: times, streams: streams).encoded(codec: .best)
        for index in encoded.indices {
            var damaged = encoded
            damaged[index] ^= 4
            #expect(throws: ColumnError.self) { try VolumeHistogram(damaged) }
        }
        #expect(throws: ColumnError.self) { try VolumeHistogram([UInt8]()) }
    }

    @Test func garbageUnderARightChecksumIsBounded() throws {
        var random = SeededGenerator(92)
        let (times, streams) = rows(500, from: 7, seconds: 90, streams: 5, seed: 10)
        let encoded = VolumeHistogram(times: times, streams: streams).encoded(codec: .none)
        var read = 0
        for _ in 0..<4_000 {
            var bytes = Array(encoded.dropLast(4))
            for _ in 0...random.below(3) {
                bytes[2 + random.below(min(bytes.count - 2, 24))] = UInt8(truncatingIfNeeded: random.below(256))
            }
            bytes.appendLittleEndian(Checksum.crc32c(bytes))
            guard let volume = try? VolumeHistogram(bytes) else { continue }
            read += 1
            #expect(volume.rows.count == volume.bucketCount * volume.streamCount)
            #expect(volume.rows.count <= VolumeHistogram.counts && volume.totals.count == volume.streamCount)
            for bucket in 0..<volume.bucketCount { #expect(!volume.times(of: bucket).isEmpty) }
        }
        #expect(read > 0)
    }
}
