import Files

/// Released segments waiting to be overwritten: a sync of blocks that exist already costs about half of one that has
/// to record new blocks. A spare keeps its old id in its name, so that ids only grow and what it holds can never pass
/// for new.
struct SpareSegments {
    private let folder: String
    private let files: any FileSystem
    private var ids: [UInt64]

    init(folder: String, files: any FileSystem, found ids: [UInt64]) {
        self.folder = folder
        self.files = files
        self.ids = ids.sorted()
    }

    /// Makes a spare of `segment`, or removes it when it is not fit or enough are there. The folder needs a sync then.
    mutating func retire(_ segment: SegmentSummary, isFit: Bool) throws(FileError) {
        let path = folder + "/" + WALFormat.name(segment.id)
        guard files.exists(path) else { return }
        if isFit, ids.count < WALFormat.spareCount {
            try files.rename(path, to: folder + "/" + WALFormat.name(segment.id, "spare"))
            ids.append(segment.id)
        } else {
            try files.remove(path)
        }
    }

    /// Renames a spare of `sizeBytes` to `path`; false if there is none. Spares of another size are removed.
    mutating func take(as path: String, sizeBytes: Int) throws(FileError) -> Bool {
        while let id = ids.popLast() {
            let spare = folder + "/" + WALFormat.name(id, "spare")
            guard files.exists(spare) else { continue }
            if ids.count < WALFormat.spareCount, try files.size(spare) == sizeBytes {
                try files.rename(spare, to: path)
                return true
            }
            try files.remove(spare)
        }
        return false
    }
}
