import Synchronization

/// What a life can meet. Each is counted, so that a run shows what it was about.
enum Case: String, CaseIterable, Sendable {
    case cutBeforeLogWrite = "power cut before a write of the log"
    case cutBeforeLogSync = "power cut before a sync of the log"
    case cutBeforePartWrite = "power cut before a write of a part"
    case cutBeforePartSync = "power cut before a sync of a part"
    case cutBeforeRename = "power cut before a rename"
    case cutBeforeFolderSync = "power cut before a sync of a folder"
    case cutBeforeRemoval = "power cut before a removal"
    case cutBetween = "power cut at another moment"
    case cutWhileOpening = "second power cut while the store opens"
    case oldCatalogs = "catalog older than its parts"
    case lostCatalogs = "catalog lost"
    case leftovers = "input left over after a merge"
    case adoptions = "part that the catalog does not know"
    case batchesOverDays = "batch over three days"
    case retries = "client that sends again what was not acknowledged"
    case failedSyncs = "sync that fails once and then succeeds"
    case shortWrites = "write that fails half done"
    case failedReads = "read that fails"
    case inputOutputErrors = "EIO"
    case noSpaceErrors = "ENOSPC, once"
    case fullDisks = "full disk"
    case failedFlushes = "flush that a failing disk ends"
    case flushesOfFullDisks = "flush that a full disk ends"
    case slowSyncs = "slow syncs"
    case spills = "part written as rows"
    case merges = "merge"
    case refusedBlocks = "block that came back different and was kept as rows"
    case retention = "day that retention took"
    case deletions = "deletion"
    case restoredSnapshots = "snapshot restored after a power cut"
    case flippedLog = "bit flipped in the log"
    case flippedPart = "bit flipped in a part"
    case flippedCatalog = "bit flipped in the catalog"
    case flippedState = "bit flipped in the state"
    case namedDamage = "damage that cost lines and was named"
}

/// Counts cases over the seeds of a run.
final class Tally: Sendable {
    private let counts = Mutex<[Case: Int]>([:])

    func note(_ met: Case, if isMet: Bool = true) {
        if isMet { counts.withLock { $0[met, default: 0] += 1 } }
    }

    /// Cases that only the store knows of.
    func note(report: String) {
        note(.leftovers, if: report.contains("left over from a merge"))
        note(.adoptions, if: report.contains("is adopted"))
        note(.refusedBlocks, if: report.contains("came back different"))
    }

    /// Cases that were never met.
    var missed: [Case] { counts.withLock { counts in Case.allCases.filter { counts[$0] == nil } } }

    /// One line a case.
    var table: String {
        counts.withLock { counts in
            Case.allCases.map { "\(counts[$0] ?? 0)\t\($0.rawValue)" }.joined(separator: "\n")
        }
    }
}
