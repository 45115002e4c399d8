internal import Bytes
internal import LogQL

/// Finds the templates that lines were written by, after Drain (He, Zhu, Zheng, Lyu: "Drain: An online log parsing
/// approach with fixed depth tree", ICWS 2017): lines of one shape whose words mostly agree share a cluster, and words
/// in which they differ become placeholders.
struct PatternMiner {
    /// Lines of one kind.
    private struct Cluster {
        /// The first line, as far as it was taken apart.
        let text: [UInt8]
        let words: [Range<Int>]
        /// 0 where lines differ.
        var hashes: [UInt64]
        let hasDigit: [Bool]
        let isCut: Bool
        var counts: [CountKey: Int] = [:]
    }

    private struct CountKey: Hashable {
        let level: Int32
        let step: Int64
    }

    /// How often lines of a level follow a pattern, by step.
    struct Found {
        var pattern: [UInt8]
        var level: [UInt8]
        var counts: [Int64: Int]
    }

    private var scan = WordScan()
    private var clusters: [Cluster] = []
    private var byShape: [UInt64: [Int32]] = [:]
    private var levels: [[UInt8]] = []
    /// Lines that found no place, the number of clusters being limited.
    private(set) var droppedLines = 0
    /// Memory taken since the last time it was asked for.
    private var newBytes = 0

    static let clusterLimit = 2000
    private static let clustersPerShape = 32
    private static let wildcard = [UInt8](text: "<_>")
    private static let countBytes = 48

    mutating func takeNewBytes() -> Int {
        defer { newBytes = 0 }
        return newBytes
    }

    /// Counts a line under its pattern.
    mutating func add(_ line: borrowing ByteSpan, level: borrowing ByteSpan, step: Int64) {
        scan.read(line)
        guard !scan.words.isEmpty else { return }
        guard let index = cluster(line) else {
            droppedLines += 1
            return
        }
        let key = CountKey(level: number(of: level), step: step)
        if clusters[index].counts[key] == nil { newBytes += PatternMiner.countBytes }
        clusters[index].counts[key, default: 0] &+= 1
    }

    private mutating func number(of level: borrowing ByteSpan) -> Int32 {
        for index in levels.indices {
            let known = levels[index]
            if known.span.equals(level) { return Int32(index) }
        }
        // Levels are few; what claims to be a hundredth one is none.
        if levels.count == 100 { return 0 }
        levels.append([UInt8](copying: level))
        return Int32(levels.count - 1)
    }

    /// The cluster that the scanned line belongs to, changed so that it covers the line.
    private mutating func cluster(_ line: borrowing ByteSpan) -> Int? {
        var best = -1
        var bestScore = -1
        let candidates = byShape[scan.shape] ?? []
        for candidate in candidates {
            let score = score(Int(candidate))
            if score > bestScore { (best, bestScore) = (Int(candidate), score) }
            if score == 2 * scan.words.count { break }
        }
        // Half of what a line like the others would have.
        let isAlike = bestScore >= scan.words.count
        if best >= 0, isAlike || candidates.count >= PatternMiner.clustersPerShape {
            for index in scan.hashes.indices where clusters[best].hashes[index] != scan.hashes[index] {
                clusters[best].hashes[index] = 0
            }
            return best
        }
        guard clusters.count < PatternMiner.clusterLimit else { return nil }
        clusters.append(
            Cluster(
                text: [UInt8](copying: line.extracting(0..<scan.byteCount)), words: scan.words, hashes: scan.hashes,
                hasDigit: scan.hasDigit, isCut: scan.isCut))
        newBytes += scan.byteCount + scan.words.count * 32 + 256
        byShape[scan.shape, default: []].append(Int32(clusters.count - 1))
        return clusters.count - 1
    }

    /// How well the scanned line fits: 2 for each equal word, 1 where they may well differ; -1 for another shape whose
    /// hash is the same.
    private func score(_ index: Int) -> Int {
        guard clusters[index].hashes.count == scan.hashes.count else { return -1 }
        var score = 0
        for word in scan.hashes.indices {
            let hash = clusters[index].hashes[word]
            if hash == scan.hashes[word] {
                score += 2
            } else if hash == 0 || clusters[index].hasDigit[word] && scan.hasDigit[word] {
                score += 1
            }
        }
        return score
    }

    /// The patterns, most frequent first; those that no line filter takes are left out.
    var found: [Found] {
        var merged: [[UInt8]: [Int32: [Int64: Int]]] = [:]
        for cluster in clusters {
            let pattern = PatternMiner.text(cluster)
            guard PatternMiner.isUsable(pattern) else { continue }
            for (key, count) in cluster.counts {
                merged[pattern, default: [:]][key.level, default: [:]][key.step, default: 0] += count
            }
        }
        var result: [(found: Found, total: Int)] = []
        for (pattern, byLevel) in merged {
            for (level, counts) in byLevel {
                let found = Found(pattern: pattern, level: levels[Int(level)], counts: counts)
                result.append((found, counts.values.reduce(0, +)))
            }
        }
        result.sort { a, b in
            if a.total != b.total { return a.total > b.total }
            if a.found.pattern != b.found.pattern {
                return a.found.pattern.lexicographicallyPrecedes(b.found.pattern)
            }
            return a.found.level.lexicographicallyPrecedes(b.found.level)
        }
        return result.map(\.found)
    }

    /// The first line with placeholders where others differ; placeholders with nothing but space between are one.
    private static func text(_ cluster: Cluster) -> [UInt8] {
        var out: [UInt8] = []
        var end = 0
        for (index, word) in cluster.words.enumerated() {
            let between = cluster.text[end..<word.lowerBound]
            let next = word.upperBound < cluster.text.count ? cluster.text[word.upperBound] : 0
            // `<name>` would read as a capture.
            let isCapture = between.last == 0x3c && next == 0x3e
            if cluster.hashes[index] == 0 || isCapture {
                let endsOpen = out.count >= wildcard.count && out.suffix(wildcard.count).elementsEqual(wildcard)
                if !endsOpen || !between.allSatisfy({ $0 <= 0x20 }) {
                    out += between
                    out += wildcard
                }
            } else {
                out += between
                out += cluster.text[word]
            }
            end = word.upperBound
        }
        out += cluster.text[end...]
        if cluster.isCut, !out.suffix(wildcard.count).elementsEqual(wildcard) { out += wildcard }
        return out
    }

    /// Whether `|>` takes the pattern and it says anything.
    private static func isUsable(_ text: [UInt8]) -> Bool {
        guard [UInt8](text: text.text) == text else { return false }
        let pieces = Pattern(parsing: text).pieces
        var wasLiteral = true
        var saysMuch = false
        for piece in pieces {
            switch piece {
            case .capture: return false
            case .placeholder:
                if !wasLiteral { return false }
                wasLiteral = false
            case .literal(let bytes):
                wasLiteral = true
                if bytes.contains(where: { !WordScan.isSeparator($0) }) { saysMuch = true }
            }
        }
        return saysMuch
    }
}
