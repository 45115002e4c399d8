public import Bytes
public import Files

extension WALReplay {
    /// The store that wrote the segments in `folder`, as the newest sound header says; nil if there is none. For a data
    /// folder whose own record of its identity is lost: what it acknowledged must not be taken for a stranger's.
    public static func storeID(folder: String, files: any FileSystem) -> Hash128? {
        for name in ((try? files.list(folder)) ?? []).reversed() where WALFormat.id(of: name) != nil {
            guard let file = try? files.open(folder + "/" + name, .read) else { continue }
            defer { file.close() }
            guard let bytes = try? file.read(at: 0, count: WALFormat.headerBytes) else { continue }
            // Asked for a store that does not exist, a whole header counts as a stranger's.
            let nobody = Hash128(high: 0, low: 0)
            let finding = GroupHeader.find(in: bytes, at: 0, fileOffset: 0, storeID: nobody, segmentID: 0)
            if case .stale(let header) = finding { return header.storeID }
        }
        return nil
    }
}
