internal import Bytes
internal import Model

/// Where a label comes from. Of equal names only one is visible, and it lies in one category (contract: logql 5).
enum LabelCategory: UInt8, BitwiseCopyable {
    case index
    case metadata
    case parsed
    /// Removed by a stage.
    case gone
}

/// One label of the entry at hand: its value is `values[start..<start + count]`.
struct LabelSlot: BitwiseCopyable {
    var name: UInt32
    var start: UInt32
    var count: UInt32
    var category: LabelCategory
    /// Whether `removeUnmarked` leaves it.
    var isMarked = false

    @inline(__always) var range: Range<Int> { Int(start)..<(Int(start) + Int(count)) }
}

/// What a stage could not do with an entry: the value of `__error__`.
enum EntryFault: UInt8, BitwiseCopyable {
    case none
    case json
    case logfmt
    case sampleExtraction
    case labelFilter
    case template
    case tooLong

    /// Whether a parser failed: such entries are samples where the query asks for `__error__` (contract: logql 14.3).
    var isOfParser: Bool { self == .json || self == .logfmt }

    var text: StaticString {
        switch self {
        case .none: ""
        case .json: "JSONParserErr"
        case .logfmt: "LogfmtParserErr"
        case .sampleExtraction: "SampleExtractionErr"
        case .labelFilter: "LabelFilterErr"
        case .template: "TemplateFormatErr"
        case .tooLong: "LabelsTooLongErr"
        }
    }
}

/// The labels of one entry while it passes the stages; reused for all entries of a scan, without allocation per entry.
struct EntryLabels {
    private struct NameState: BitwiseCopyable {
        var generation: UInt32 = 0
        var slot: UInt32 = 0
        /// The generation in which the name was an index label of the entry's stream.
        var indexGeneration: UInt32 = 0
    }

    private struct StreamTemplate: BitwiseCopyable {
        var start: UInt32 = .max
        var count: UInt32 = 0
    }

    var names: NameTable
    let errorName: UInt32
    let errorDetailsName: UInt32
    /// Values of the index labels of all streams met so far, then those of the entry.
    var values: [UInt8] = []
    private var indexValuesCount = 0
    private(set) var slots: [LabelSlot] = []
    private var states: [NameState] = []
    private var generation: UInt32 = 0
    private var templates: [StreamTemplate] = []
    private var templateSlots: [LabelSlot] = []
    private let pinnedNames: Int
    private(set) var fault = EntryFault.none
    private(set) var faultDetails: [UInt8] = []
    private var order: [UInt32] = []
    /// Rank and place of each of many labels.
    private var sortOrder: [UInt64] = []
    var keyBuffer: [UInt8] = []

    /// So many labels are sorted by insertion: they mostly stand in order.
    private static let fewLabels = 64
    /// Bytes of the values of one entry: stages can copy a line many times.
    private static let valuesLimitBytes = 16 << 20

    /// - Parameter names: those of the query, from `NameTable.ofQuery`; they are never forgotten.
    init(names: NameTable) {
        self.names = names
        errorName = NameTable.errorName
        errorDetailsName = NameTable.errorDetailsName
        pinnedNames = names.count
    }

    /// Starts an entry of the stream `stream`, whose labels `labels` gives when it is met first.
    mutating func begin(stream: UInt32, labels: () -> LabelSet) {
        let hasManyNames = names.count > pinnedNames + NameTable.nameLimit || names.bytes.count > NameTable.byteLimit
        if hasManyNames || indexValuesCount > 16 << 20 { forgetAll() }
        values.removeLast(values.count - indexValuesCount)
        slots.removeAll(keepingCapacity: true)
        fault = .none
        faultDetails.removeAll(keepingCapacity: true)
        generation &+= 1
        let index = Int(stream)
        if index >= templates.count || templates[index].start == .max { addTemplate(index, labels()) }
        let template = templates[index]
        for position in Int(template.start)..<Int(template.start + template.count) {
            let slot = templateSlots[position]
            touch(slot.name)
            states[Int(slot.name)].indexGeneration = generation
            append(slot)
        }
    }

    /// Adds the entry's metadata: encoded pairs in `arena[range]`.
    mutating func addMetadata(_ arena: borrowing ByteSpan, _ range: Range<Int>) {
        if range.isEmpty { return }
        let offset = values.count - range.lowerBound
        values.append(span: arena.extracting(range))
        var cursor = PairCursor(range)
        while let pair = cursor.next(in: arena) {
            var name = names.intern(arena.extracting(pair.name))
            touch(name)
            if states[Int(name)].indexGeneration == generation {
                name = names.extracted(name)
                touch(name)
            }
            put(
                LabelSlot(
                    name: name, start: UInt32(pair.value.lowerBound + offset), count: UInt32(pair.value.count),
                    category: .metadata))
        }
    }

    private mutating func forgetAll() {
        names.forget(from: pinnedNames)
        templates.removeAll(keepingCapacity: true)
        templateSlots.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
        indexValuesCount = 0
        states.removeAll(keepingCapacity: true)
        generation = 0
    }

    private mutating func addTemplate(_ index: Int, _ labels: LabelSet) {
        while templates.count <= index { templates.append(StreamTemplate()) }
        let start = templateSlots.count
        let span = labels.encoded.span
        var cursor = PairCursor(0..<labels.encoded.count)
        while let pair = cursor.next(in: span) {
            let name = names.intern(span.extracting(pair.name))
            let at = UInt32(values.count)
            values.append(span: span.extracting(pair.value))
            templateSlots.append(LabelSlot(name: name, start: at, count: UInt32(pair.value.count), category: .index))
        }
        indexValuesCount = values.count
        templates[index] = StreamTemplate(start: UInt32(start), count: UInt32(templateSlots.count - start))
    }

    // MARK: Reading

    @inline(__always)
    private mutating func touch(_ name: UInt32) {
        while states.count <= Int(name) { states.append(NameState()) }
    }

    /// Where the visible label `name` stands among `slots`; nil if it is absent.
    @inline(__always)
    func find(_ name: UInt32) -> Int? {
        guard Int(name) < states.count, states[Int(name)].generation == generation else { return nil }
        let slot = Int(states[Int(name)].slot)
        return slots[slot].category == .gone ? nil : slot
    }

    /// Bytes of the value of `name` within `values`; empty if it is absent.
    @inline(__always)
    func valueRange(_ name: UInt32) -> Range<Int> {
        guard let index = find(name) else { return 0..<0 }
        return slots[index].range
    }

    // MARK: Changing

    @inline(__always)
    private mutating func append(_ slot: LabelSlot) {
        states[Int(slot.name)].generation = generation
        states[Int(slot.name)].slot = UInt32(slots.count)
        slots.append(slot)
    }

    /// Sets a label whatever stood there: the new one hides the old in every category.
    mutating func put(_ slot: LabelSlot) {
        touch(slot.name)
        if states[Int(slot.name)].generation == generation {
            slots[Int(states[Int(slot.name)].slot)] = slot
        } else {
            append(slot)
        }
    }

    /// Sets a parsed label to `values[start...]`, whatever stood there; takes the value back if the entry has too much.
    mutating func setParsed(_ name: UInt32, from start: Int) {
        guard values.count - indexValuesCount <= EntryLabels.valuesLimitBytes else {
            values.removeLast(values.count - start)
            if fault == .none { setFault(.tooLong, "the labels of the entry are too long together") }
            return
        }
        putParsed(name, from: start)
    }

    private mutating func putParsed(_ name: UInt32, from start: Int) {
        put(LabelSlot(name: name, start: UInt32(start), count: UInt32(values.count - start), category: .parsed))
    }

    /// The name under which a parser's result is kept: with a suffix where the stream has such an index label, even a
    /// dropped one, or the entry such metadata.
    mutating func parsedName(_ name: UInt32) -> UInt32 {
        touch(name)
        if states[Int(name)].indexGeneration == generation { return names.extracted(name) }
        if let index = find(name), slots[index].category == .metadata { return names.extracted(name) }
        return name
    }

    /// Whether a parser set the (final) name already: the first value wins.
    func isParsed(_ name: UInt32) -> Bool {
        guard let index = find(name) else { return false }
        return slots[index].category == .parsed
    }

    mutating func remove(_ name: UInt32) {
        guard let index = find(name) else { return }
        slots[index].category = .gone
    }

    mutating func removeSlot(_ index: Int) {
        slots[index].category = .gone
    }

    mutating func markSlot(_ index: Int) {
        slots[index].isMarked = true
    }

    /// Removes all labels but the marked ones, and the marks.
    mutating func removeUnmarked() {
        for index in slots.indices {
            if !slots[index].isMarked { slots[index].category = .gone }
            slots[index].isMarked = false
        }
    }

    mutating func setFault(_ new: EntryFault, details: borrowing ByteSpan) {
        fault = new
        faultDetails.removeAll(keepingCapacity: true)
        faultDetails.append(span: details)
    }

    mutating func setFault(_ new: EntryFault, _ details: StaticString = "") {
        fault = new
        faultDetails.removeAll(keepingCapacity: true)
        details.withUTF8Buffer { unsafe faultDetails.append(contentsOf: $0) }
    }

    mutating func clearFault() {
        fault = .none
    }

    mutating func clearFaultDetails() {
        faultDetails.removeAll(keepingCapacity: true)
    }

    /// Makes the fault, if any, visible as parsed labels. Last step before the labels are read out.
    mutating func exposeFault() {
        if fault != .none {
            let start = values.count
            fault.text.withUTF8Buffer { unsafe values.append(contentsOf: $0) }
            putParsed(errorName, from: start)
        }
        if !faultDetails.isEmpty {
            let start = values.count
            values.append(contentsOf: faultDetails)
            putParsed(errorDetailsName, from: start)
        }
    }

    // MARK: Reading out

    /// Appends the visible labels of the categories that `keep` names, as canonical pairs.
    mutating func encode(_ keep: (LabelSlot) -> Bool, into out: inout [UInt8]) {
        order.removeAll(keepingCapacity: true)
        for index in slots.indices where slots[index].category != .gone && keep(slots[index]) {
            order.append(UInt32(index))
        }
        if order.count <= EntryLabels.fewLabels { sortFew() } else { sortMany() }
        for index in order { appendPair(slots[Int(index)], to: &out) }
    }

    /// Mostly sorted already (index labels, then metadata): insertion sort.
    private mutating func sortFew() {
        for at in order.indices.dropFirst() {
            let moving = order[at]
            let rank = names.rank(slots[Int(moving)].name)
            var hole = at
            while hole > 0, names.rank(slots[Int(order[hole - 1])].name) > rank {
                order[hole] = order[hole - 1]
                hole -= 1
            }
            order[hole] = moving
        }
    }

    /// A line may have tens of thousands of fields.
    private mutating func sortMany() {
        sortOrder.removeAll(keepingCapacity: true)
        for index in order {
            sortOrder.append(UInt64(names.rank(slots[Int(index)].name)) << 32 | UInt64(index))
        }
        sortOrder.sort()
        for (place, key) in sortOrder.enumerated() { order[place] = UInt32(truncatingIfNeeded: key) }
    }

    /// Appends name and value of a label as a canonical pair.
    func appendPair(_ slot: LabelSlot, to out: inout [UInt8]) {
        let name = names.range(slot.name)
        out.appendVarint(name.count)
        out.append(names.bytes, name)
        out.appendVarint(Int(slot.count))
        out.append(values, slot.range)
    }
}
