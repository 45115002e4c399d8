internal import Bytes
public import LogQL
internal import Model

/// The steps behind a log query's stages, fed entry by entry: `| distinct`, `| sort by`, `| limit`.
///
/// Memory is bounded: sorting keeps no more entries than a limit right behind it asks for, and what the steps hold
/// together stays below a number of bytes.
public struct ResultSteps: Sendable {
    private enum Step: Sendable {
        case distinct(DistinctStep)
        case sort(SortStep)
        case limit(left: Int)
    }

    private var steps: [Step] = []
    private let limitBytes: Int
    /// Memory of all steps together.
    private var heldBytes = 0

    /// - Parameter limitBytes: memory that the steps may hold.
    public init(_ steps: [ResultStep], limitBytes: Int) {
        self.limitBytes = limitBytes
        for (position, step) in steps.enumerated() {
            switch step {
            case .distinct(let labels): self.steps.append(.distinct(DistinctStep(labels)))
            case .limit(let count): self.steps.append(.limit(left: count))
            case .sort(let keys):
                var kept: Int?
                if position + 1 < steps.count, case .limit(let count) = steps[position + 1] { kept = count }
                self.steps.append(.sort(SortStep(keys, kept: kept)))
            }
        }
    }

    public var isEmpty: Bool { steps.isEmpty }

    /// Whether what comes out depends on entries that came before: such an answer cannot be resumed in the middle.
    public var remembers: Bool {
        steps.contains { if case .limit = $0 { false } else { true } }
    }

    /// Whether no further entry can change the answer.
    public private(set) var isComplete = false

    /// Takes an entry; those that come out of the last step are appended to `out`.
    public mutating func add(_ entry: PlainEntry, to out: inout [PlainEntry]) throws(QueryError) {
        try add(entry, from: 0, to: &out)
    }

    /// All entries were added: what sorting held back is appended to `out`.
    public mutating func finish(to out: inout [PlainEntry]) throws(QueryError) {
        for position in steps.indices {
            guard case .sort(let step) = steps[position] else { continue }
            for entry in step.sorted { try add(entry, from: position + 1, to: &out) }
        }
    }

    private mutating func add(
        _ entry: PlainEntry, from first: Int, to out: inout [PlainEntry]
    ) throws(QueryError) {
        for position in first..<max(steps.count, first) {
            switch steps[position] {
            case .distinct(var step):
                steps[position] = .limit(left: 0)  // held once, so that it is changed in place
                let before = step.heldBytes
                let isNew = step.add(entry)
                steps[position] = .distinct(step)
                try hold(step.heldBytes - before)
                if !isNew { return }
            case .sort(var step):
                steps[position] = .limit(left: 0)
                let before = step.heldBytes
                step.add(entry)
                steps[position] = .sort(step)
                return try hold(step.heldBytes - before)
            case .limit(let left):
                guard left > 0 else { return }
                steps[position] = .limit(left: left - 1)
                if left == 1, !steps[..<position].contains(where: { if case .sort = $0 { true } else { false } }) {
                    isComplete = true
                }
            }
        }
        out.append(entry)
    }

    private mutating func hold(_ bytes: Int) throws(QueryError) {
        heldBytes += bytes
        guard heldBytes > limitBytes else { return }
        throw QueryError(
            .limit,
            "sort and distinct hold more than \(limitBytes) bytes; put a limit behind sort, or reduce the time range")
    }
}

/// Lets the first entry of each combination of values pass.
private struct DistinctStep: Sendable {
    private let labels: [String]
    private var seen: Set<[UInt8]> = []
    private(set) var heldBytes = 0

    init(_ labels: [String]) {
        self.labels = labels
    }

    mutating func add(_ entry: PlainEntry) -> Bool {
        var key: [UInt8] = []
        for label in labels { key.appendPrefixed(entry.value(of: label)) }
        let isNew = seen.insert(key).inserted
        if isNew { heldBytes += key.count + 64 }
        return isNew
    }
}

/// Keeps entries in order of their keys; those with equal keys in the order in which they came.
private struct SortStep: Sendable {
    private struct Key: Sendable {
        let text: [UInt8]
        let number: Double?
    }

    private struct Item: Sendable {
        let keys: [Key]
        let entry: PlainEntry
        let arrival: Int

        /// Keys are copies.
        var heldBytes: Int { keys.reduce(entry.heldBytes) { $0 + $1.text.count + 48 } }
    }

    private let keys: [SortKey]
    private let kept: Int?
    /// Where only some are kept, a heap: the first comes last in order, and goes when a better one comes.
    private var items: [Item] = []
    private var count = 0
    private(set) var heldBytes = 0

    init(_ keys: [SortKey], kept: Int?) {
        self.keys = keys
        self.kept = kept
    }

    mutating func add(_ entry: PlainEntry) {
        let item = Item(
            keys: keys.map { key in
                let text = entry.value(of: key.label)
                // What is no number has no place among them.
                let number = ValueText.number(text.span).flatMap { $0.isNaN ? nil : $0 }
                return Key(text: text, number: number)
            }, entry: entry, arrival: count)
        count += 1
        guard let kept, items.count >= kept else {
            heldBytes += item.heldBytes
            items.append(item)
            if kept != nil { rise() }
            return
        }
        guard let worst = items.first, precedes(item, worst) else { return }
        heldBytes += item.heldBytes - worst.heldBytes
        items[0] = item
        sink()
    }

    /// Moves the last item to its place in the heap.
    private mutating func rise() {
        var at = items.count - 1
        while at > 0 {
            let parent = (at - 1) / 2
            if !precedes(items[parent], items[at]) { return }
            items.swapAt(parent, at)
            at = parent
        }
    }

    /// Moves the first item to its place in the heap.
    private mutating func sink() {
        var at = 0
        while true {
            let left = 2 * at + 1
            var latest = at
            if left < items.count, precedes(items[latest], items[left]) { latest = left }
            if left + 1 < items.count, precedes(items[latest], items[left + 1]) { latest = left + 1 }
            if latest == at { return }
            items.swapAt(at, latest)
            at = latest
        }
    }

    var sorted: [PlainEntry] { items.sorted { precedes($0, $1) }.map(\.entry) }

    /// Numbers come before texts, missing values last whatever the direction.
    private func precedes(_ a: Item, _ b: Item) -> Bool {
        for (position, key) in keys.enumerated() {
            let (x, y) = (a.keys[position], b.keys[position])
            if x.text.isEmpty != y.text.isEmpty { return y.text.isEmpty }
            let order: Int
            switch (x.number, y.number) {
            case (let left?, let right?): order = left < right ? -1 : left > right ? 1 : 0
            case (_?, nil): order = -1
            case (nil, _?): order = 1
            case (nil, nil): order = x.text.span.compare(y.text.span)
            }
            if order != 0 { return key.isDescending ? order > 0 : order < 0 }
        }
        return a.arrival < b.arrival
    }
}

extension PlainEntry {
    /// The value of a label; `__line__` and `__timestamp__` (nanoseconds) are the entry's own. Empty if there is none.
    func value(of label: String) -> [UInt8] {
        switch label {
        case "__line__": line
        case "__timestamp__": [UInt8](text: String(time))
        default: [UInt8](text: labels.value(of: label) ?? "")
        }
    }
}
