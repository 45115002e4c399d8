import Files

/// A file that is of no use but for the room it takes: when the disk is full to the brim it is given up, so that
/// deletions, tokens and states of errors can still be stored, which need little. It comes back when there is room.
/// Nothing of ours takes that room: batches are refused well before the brim, and parts wait.
struct Reserve: Sendable {
    private static let mostBytes = 1 << 20
    private let files: any FileSystem
    private let folder: String
    private let minimumFreeBytes: Int

    init(_ configuration: StoreConfiguration) {
        files = configuration.files
        folder = configuration.folder
        minimumFreeBytes = configuration.minimumFreeBytes
    }

    private var path: String { folder + "/reserve" }

    /// Gives the file up or makes it, as the free bytes of the disk suggest; whether it was given up now.
    func adapt(freeBytes: Int, totalBytes: Int) -> Bool {
        // Where somebody wants the disk used to its end there is nothing to keep.
        guard minimumFreeBytes > 0 else { return false }
        let size = Reserve.size(totalBytes)
        if freeBytes < size / 2 {
            guard files.exists(path) else { return false }
            return (try? files.remove(path)) != nil
        }
        // More than what giving it up has left, so that it does not come and go.
        if freeBytes > 3 * size, !files.exists(path) { make(size) }
        return false
    }

    /// Whether a part of `bytes` may be written: none brings the disk so near its brim that the reserve must go, and
    /// none takes what a reserve that is gone has left.
    func check(_ bytes: UInt64) throws(FileError) {
        guard minimumFreeBytes > 0, let space = try? files.space(folder) else { return }
        let remainingBytes = space.freeBytes.subtractingReportingOverflow(Int(clamping: bytes)).partialValue
        guard remainingBytes < Reserve.size(space.totalBytes) else { return }
        throw FileError("write", folder, errno: 28, reason: "what is free is kept for deletions and states")
    }

    private static func size(_ totalBytes: Int) -> Int { min(mostBytes, totalBytes / 64) }

    private func make(_ sizeBytes: Int) {
        do throws(FileError) {
            let file = try files.open(path, .create)
            defer { file.close() }
            try file.preallocate(bytes: sizeBytes)
        } catch {
            // Half of it is as good as none.
            try? files.remove(path)
        }
    }
}
