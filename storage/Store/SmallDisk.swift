extension StoreConfiguration {
    /// Makes the floor and the write-ahead log smaller on a disk that is hardly larger than they are: there a floor of
    /// 128 MiB would refuse everything, and two segments of 32 MiB leave no room for what they hold.
    /// - Parameters:
    ///   - totalBytes: size of the disk that holds `folder`.
    ///   - chosen: settings that somebody has decided on; they stay.
    public mutating func fit(to totalBytes: Int, chosen: Set<String> = []) {
        if !chosen.contains("storage.min_free") { minimumFreeBytes = min(minimumFreeBytes, totalBytes / 16) }
        if !chosen.contains("storage.wal_budget") {
            walBudgetBytes = min(walBudgetBytes, max(totalBytes / 4, 8 << 20))
        }
        // Half the floor: one that begins just above it does not bring the disk to its brim.
        let piece = max(min(totalBytes / 32, walBudgetBytes / 4), 1 << 20)
        walSegmentBytes = min(walSegmentBytes, (piece >> 12) << 12)
    }
}
