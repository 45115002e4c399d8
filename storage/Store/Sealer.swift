import Buffer
import Bytes
import Chunks
import Columns
import Model
import Synchronization

/// Makes parts of frozen heads and of older parts. Pure work on worker threads: nothing here is visible to anybody
/// until it is published.
struct Sealer: Sendable {
    let configuration: StoreConfiguration
    let storeID: Hash128
    let cache: PartCache
    let demoted: DemotedNames
    let plans = ColumnPlans()

    /// A part ready to be published, and the latest time of each stream in it by stream number.
    struct Sealed: Sendable {
        let image: PartImage
        let latest: [UInt32: Int64]
        /// Whether the part was written as rows and waits to become columns.
        var isSpilled = false
        /// Why blocks are kept as rows though columns were wanted.
        var refusals: [String] = []
    }

    /// A part made of others.
    struct Merged: Sendable {
        let image: PartImage
        let packedRows: Int
        let refusals: [String]
    }

    /// The part of a frozen head, or nil when older parts hold all of its rows.
    /// - Parameters:
    ///   - view: names live parts of the same day, for rows that are suspect (storage rule 8).
    ///   - isSpill: write rows, at a fraction of the work, whatever blocks are to be made of.
    func seal(_ frozen: Ingest.FrozenHead, in view: View, isSpill: Bool = false) throws(PartError) -> Sealed? {
        let head = frozen.head
        let resolver = SuspectResolver(
            parts: view.days[frozen.tenantDay]?.parts ?? [], cache: cache,
            deleted: DeletedEquals(view, head.tenant))
        let hidden = head.chunks.map { Set(resolver.hiddenRows($0, $0.rows, head.directory)) }
        let order = SealOrder(head) { chunk, row in !hidden[chunk].isEmpty && hidden[chunk].contains(row) }
        guard !order.positions.isEmpty else { return nil }
        let writer = try PartWriter(
            configuration: isSpill
                ? spillConfiguration(head.tenant) : partConfiguration(head.tenant, rows: order.positions.count),
            id: Hash128.random(), storeID: storeID,
            tenant: head.tenant, day: head.day, generation: 0, coverage: frozen.coverage, inputs: [])
        writer.plan = plans[head.tenant]
        writer.expect(rows: order.positions.count, rawBytes: head.rawBytes)
        let ordinals = head.streams.map { writer.intern($0) }
        var latest = [Int64](repeating: .min, count: ordinals.count)
        let marks = order.chunks.map(\.recordMarks)
        for position in order.positions {
            let chunk = order.chunks[Int(position.chunk)]
            let row = Int(position.row)
            let entry = chunk.entries[row]
            let sequence = Sealer.sequence(of: row, in: marks[Int(position.chunk)])
            latest[Int(entry.stream)] = max(latest[Int(entry.stream)], entry.time)
            try chunk.arena.withSpan(count: chunk.arena.releasedCount) { (arena) throws(PartError) in
                try writer.append(
                    time: entry.time, stream: ordinals[Int(entry.stream)], sequence: sequence,
                    line: arena.extracting(entry.line), metadata: arena.extracting(entry.metadata))
            }
        }
        var latestByNumber: [UInt32: Int64] = [:]
        for (ordinal, number) in head.streamNumbers.enumerated() where latest[ordinal] != .min {
            latestByNumber[number] = latest[ordinal]
        }
        let image = try writer.finish()
        if !isSpill { plans[head.tenant] = writer.plan }
        return Sealed(image: image, latest: latestByNumber, isSpilled: isSpill, refusals: writer.refusals)
    }

    /// One part from one or several of the same day: blocks are copied, but row blocks and under-filled blocks become
    /// full column blocks.
    func merge(_ parts: [PartHandle]) throws(PartError) -> Merged {
        var inputs: [Part] = []
        for handle in parts { inputs.append(try cache.contents(handle).part) }
        let tenant = parts.first?.summary.tenant ?? .standard
        let packer = configuration.blockKind == .columns ? BlockPacker(plan: plans[tenant]) : nil
        let image = try PartMerger.merge(
            inputs, configuration: mergeConfiguration, id: Hash128.random(), storeID: storeID,
            isUnclean: parts.contains { $0.summary.isUnclean }, packer: packer)
        if let packer { plans[tenant] = packer.plan }
        return Merged(image: image, packedRows: packer?.packedRows ?? 0, refusals: packer?.refusals ?? [])
    }

    /// Whether a part found at start holds row blocks that shall become columns.
    func layout(of part: PartHandle) throws(PartError) -> PartLayout {
        guard configuration.blockKind == .columns else { return .settled }
        let blocks = try cache.contents(part).directory.blocks
        return blocks.contains { $0.kind == .rows } ? .spilled : .settled
    }

    private var mergeConfiguration: PartConfiguration {
        var merged = partConfiguration(nil, rows: 0)
        merged.blockRows = configuration.blockRows
        return merged
    }

    /// Rows with the quickest codec.
    private func spillConfiguration(_ tenant: TenantID) -> PartConfiguration {
        PartConfiguration(
            codec: Codec.lz4.isAvailable ? .lz4 : configuration.codec, indexedNames: configuration.indexedNames,
            kind: .rows, blockRawBytes: 256 << 10, fromLabelNames: demoted[tenant])
    }

    /// The part without some rows of some blocks; nil when none is left.
    func rewrite(_ part: Part, dropping dropped: [Int: [Int]]) throws(PartError) -> PartImage? {
        try PartRewriter.rewrite(
            part, dropping: dropped, configuration: partConfiguration(nil, rows: 0), id: Hash128.random(),
            storeID: storeID)
    }

    /// For a part of `rows` rows: blocks of like size, rather than full ones and a rest.
    private func partConfiguration(_ tenant: TenantID?, rows: Int) -> PartConfiguration {
        let most = configuration.blockRows
        let blocks = max((rows + most - 1) / most, 1)
        var part = PartConfiguration(
            codec: configuration.codec, indexedNames: configuration.indexedNames, kind: configuration.blockKind,
            blockRows: (rows + blocks - 1) / blocks, fromLabelNames: tenant.map { demoted[$0] } ?? [])
        part.trial = configuration.encoderTrial
        return part
    }

    /// The WAL sequence of the record that `row` came with.
    private static func sequence(of row: Int, in marks: [HeadChunk.RecordMark]) -> UInt64 {
        var low = 0
        var high = marks.count
        while low < high {
            let middle = (low + high) / 2
            if marks[middle].row <= row { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? 0 : marks[low - 1].sequence
    }
}

/// What column blocks chose before, for each tenant: the next block tries that first.
final class ColumnPlans: Sendable {
    private let plans = Mutex<[TenantID: ColumnPlan]>([:])
    /// Plans that are kept; beyond it all are forgotten, which costs each tenant one slower block.
    private static let limit = 64

    subscript(tenant: TenantID) -> ColumnPlan {
        get { plans.withLock { $0[tenant] ?? ColumnPlan() } }
        set {
            plans.withLock { plans in
                if plans.count >= ColumnPlans.limit, plans[tenant] == nil { plans = [:] }
                plans[tenant] = newValue
            }
        }
    }
}

extension Hash128 {
    /// A random id.
    static func random() -> Hash128 {
        Hash128(high: UInt64.random(in: .min ... .max), low: UInt64.random(in: .min ... .max))
    }
}
