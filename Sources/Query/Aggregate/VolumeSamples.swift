internal import Columns
internal import Model
internal import Store

// Counts of a range aggregation from how many rows of each stream lie in each span of time: no row is looked at.
extension RangeLane {
    /// Adds the rows of a unit; false, and nothing added, where a window ends within a bucket or rows have a say in
    /// their series.
    /// - Parameters:
    ///   - first: time of the unit's first row.
    ///   - last: time of its last row, inclusive.
    func add(_ volume: UnitVolume, first: Int64, last: Int64) -> Bool {
        let histogram = volume.histogram
        guard let cells = cells(of: histogram, within: min(first, last)...last),
            let (places, series) = places(volume.streams), places.count == histogram.streamCount
        else { return false }
        var sums = [Int](repeating: 0, count: series.count)
        for (bucket, cell) in cells.enumerated() where cell >= 0 {
            let start = bucket * histogram.streamCount
            for (number, place) in places.enumerated() where place >= 0 {
                sums[place] &+= Int(histogram.rows[start + number])
            }
            // Several buckets of one cell become one sum.
            if bucket + 1 < cells.count, cells[bucket + 1] == cell { continue }
            for place in sums.indices where sums[place] > 0 {
                let sum = Cell(index: Int32(truncatingIfNeeded: cell), number: Int64(sums[place]))
                table.merge(series[place], sum)
                statistics.matchedRows += sums[place]
                sums[place] = 0
            }
        }
        return true
    }

    /// The cell of each bucket, -1 where it lies outside of what is asked for; nil where one lies in several cells.
    private func cells(of histogram: VolumeHistogram, within unit: ClosedRange<Int64>) -> [Int]? {
        let range = plan.log.request.range
        var cells: [Int] = []
        for bucket in 0..<histogram.bucketCount {
            let times = histogram.times(of: bucket).clamped(to: unit)
            guard range.overlaps(first: times.lowerBound, last: times.upperBound) else {
                cells.append(-1)
                continue
            }
            guard range.covers(first: times.lowerBound, last: times.upperBound),
                let cell = plan.windows.cell(times.lowerBound), cell == plan.windows.cell(times.upperBound)
            else { return nil }
            cells.append(cell)
        }
        return cells
    }

    /// For each stream the place of its series among those of the unit, -1 where it was not selected; nil where a
    /// series depends on more than the stream.
    private func places(_ streams: [StreamID]) -> (places: [Int], series: [Int])? {
        var placeOf: [Int: Int] = [:]
        var series: [Int] = []
        var places: [Int] = []
        for stream in streams {
            if stream == .none {
                places.append(-1)
                continue
            }
            guard let own = self.series(ofStream: stream) else { return nil }
            let place = placeOf[own] ?? series.count
            if place == series.count {
                placeOf[own] = place
                series.append(own)
            }
            places.append(place)
        }
        return (places, series)
    }
}
