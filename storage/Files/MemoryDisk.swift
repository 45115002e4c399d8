/// What a `MemoryFileSystem` holds: files by number, names for them now, and names as they would be after a crash.
struct MemoryDisk: Sendable {
    /// A change of names that its folder's next sync makes durable.
    private enum NameChange: Sendable {
        case bind(String, node: Int)
        case unbind(String)
        /// A rename is atomic, whatever else is lost.
        case move(String, to: String, node: Int)
        case folder(String)
        case folderGone(String)
        /// A folder with all that is in it.
        case moveFolder(String, to: String)
    }

    var nodes: [Int: MemoryNode] = [:]
    private(set) var names: [String: Int] = [:]
    private(set) var folders: Set<String> = ["", "/"]
    private var durableNames: [String: Int] = [:]
    private var durableFolders: Set<String> = ["", "/"]
    private var pending: [NameChange] = []
    private var lastNode = 0
    private var random: SplitMix64
    var capacityBytes: Int
    var faults: [MemoryFileSystem.Fault] = []
    private(set) var counts: [MemoryFileSystem.Operation: Int] = [:]
    private(set) var changeCount = 0

    init(seed: UInt64, capacityBytes: Int) {
        random = SplitMix64(seed)
        self.capacityBytes = capacityBytes
    }

    var usedBytes: Int {
        Set(names.values).reduce(0) { $0 + (nodes[$1]?.current.count ?? 0) }
    }

    static func missing(_ operation: String, _ path: String) -> FileError {
        FileError(operation, path, errno: 2, reason: "no such file or folder")
    }

    /// Counts an operation and lets a fault that is due strike; returns it for a write, which may be cut short.
    mutating func begin(
        _ operation: MemoryFileSystem.Operation, _ path: String
    ) throws(FileError) -> MemoryFileSystem.Fault? {
        counts[operation, default: 0] += 1
        let isChange = operation != .read && operation != .open && operation != .list
        if isChange { changeCount += 1 }
        for index in faults.indices {
            let kinds = faults[index].operations
            guard kinds.isEmpty ? isChange : kinds.contains(operation) else { continue }
            if faults[index].after > 0 {
                faults[index].after -= 1
                continue
            }
            let fault = faults.remove(at: index)
            if operation == .write || operation == .sync { return fault }
            throw MemoryDisk.failure("\(operation)", path, fault.errno)
        }
        return nil
    }

    static func failure(_ operation: String, _ path: String, _ errno: Int32) -> FileError {
        FileError(operation, path, errno: errno, reason: FileError.text(errno))
    }

    func makeRoom(_ bytes: Int, _ operation: String, _ path: String) throws(FileError) {
        guard bytes <= capacityBytes - usedBytes else { throw MemoryDisk.failure(operation, path, 28) }
    }

    // MARK: Files

    mutating func open(_ path: String, _ mode: OpenMode) throws(FileError) -> Int {
        _ = try begin(.open, path)
        switch mode {
        case .read, .update:
            guard let node = names[path] else { throw MemoryDisk.missing("open", path) }
            return node
        case .create:
            guard names[path] == nil, !folders.contains(path) else { throw MemoryDisk.failure("open", path, 17) }
            guard folders.contains(MemoryDisk.parent(path)) else { throw MemoryDisk.missing("open", path) }
            lastNode += 1
            nodes[lastNode] = MemoryNode()
            names[path] = lastNode
            pending.append(.bind(path, node: lastNode))
            return lastNode
        }
    }

    mutating func write(_ bytes: [UInt8], at offset: Int, _ node: Int, _ path: String) throws(FileError) {
        let fault = try begin(.write, path)
        if let fault {
            let part = Array(bytes.prefix(fault.writtenBytes))
            nodes[node]?.write(part, at: offset)
            throw MemoryDisk.failure("write", path, fault.errno)
        }
        let size = nodes[node]?.current.count ?? 0
        if offset + bytes.count > size { try makeRoom(offset + bytes.count - size, "write", path) }
        nodes[node]?.write(bytes, at: offset)
    }

    mutating func sync(_ node: Int, _ path: String) throws(FileError) {
        let fault = try begin(.sync, path)
        if let fault {
            // The kernel marks the pages clean: some are stored, the others never will be.
            nodes[node]?.tear(&random)
            throw MemoryDisk.failure("sync", path, fault.errno)
        }
        nodes[node]?.sync()
    }

    // MARK: Names

    mutating func rename(_ path: String, to target: String) throws(FileError) {
        _ = try begin(.rename, path)
        if folders.contains(path), names[path] == nil {
            guard folders.contains(MemoryDisk.parent(target)) else { throw MemoryDisk.missing("rename", target) }
            guard !folders.contains(target) else { throw MemoryDisk.failure("rename", target, 39) }
            MemoryDisk.moveFolder(path, to: target, &names, &folders)
            return pending.append(.moveFolder(path, to: target))
        }
        guard let node = names[path] else { throw MemoryDisk.missing("rename", path) }
        guard folders.contains(MemoryDisk.parent(target)) else { throw MemoryDisk.missing("rename", target) }
        names[path] = nil
        names[target] = node
        pending.append(.move(path, to: target, node: node))
    }

    mutating func link(_ path: String, to target: String) throws(FileError) {
        _ = try begin(.link, path)
        guard let node = names[path] else { throw MemoryDisk.missing("link", path) }
        guard names[target] == nil else { throw MemoryDisk.failure("link", target, 17) }
        guard folders.contains(MemoryDisk.parent(target)) else { throw MemoryDisk.missing("link", target) }
        names[target] = node
        pending.append(.bind(target, node: node))
    }

    mutating func remove(_ path: String) throws(FileError) {
        _ = try begin(.remove, path)
        guard names[path] != nil else { throw MemoryDisk.missing("remove", path) }
        names[path] = nil
        pending.append(.unbind(path))
    }

    mutating func removeFolder(_ path: String) throws(FileError) {
        _ = try begin(.remove, path)
        guard folders.contains(path) else { throw MemoryDisk.missing("remove folder", path) }
        guard try list(path).isEmpty else { throw MemoryDisk.failure("remove folder", path, 39) }
        folders.remove(path)
        pending.append(.folderGone(path))
    }

    mutating func createFolder(_ path: String) throws(FileError) {
        _ = try begin(.createFolder, path)
        var missing: [String] = []
        var current = path
        while !folders.contains(current) {
            guard names[current] == nil else { throw MemoryDisk.failure("create folder", current, 17) }
            missing.append(current)
            current = MemoryDisk.parent(current)
        }
        for folder in missing.reversed() {
            folders.insert(folder)
            pending.append(.folder(folder))
        }
    }

    mutating func list(_ path: String) throws(FileError) -> [String] {
        _ = try begin(.list, path)
        let inside = (Array(names.keys) + Array(folders)).filter {
            !$0.isEmpty && $0 != "/" && MemoryDisk.parent($0) == path
        }
        return inside.map { String($0.split(separator: "/").last ?? "") }.sorted()
    }

    mutating func syncFolder(_ path: String) throws(FileError) {
        _ = try begin(.syncFolder, path)
        guard folders.contains(path) else { throw MemoryDisk.missing("sync folder", path) }
        var rest: [NameChange] = []
        for change in pending {
            if MemoryDisk.paths(of: change).contains(where: { MemoryDisk.parent($0) == path }) {
                makeDurable(change)
            } else {
                rest.append(change)
            }
        }
        pending = rest
    }

    static func parent(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "" }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func paths(of change: NameChange) -> [String] {
        switch change {
        case .bind(let path, _), .unbind(let path), .folder(let path), .folderGone(let path): [path]
        case .move(let path, let target, _), .moveFolder(let path, let target): [path, target]
        }
    }

    private mutating func makeDurable(_ change: NameChange) {
        switch change {
        case .bind(let path, let node): durableNames[path] = node
        case .unbind(let path): durableNames[path] = nil
        case .move(let path, let target, let node):
            if durableNames[path] == node { durableNames[path] = nil }
            durableNames[target] = node
        case .folder(let path): durableFolders.insert(path)
        case .folderGone(let path): durableFolders.remove(path)
        case .moveFolder(let path, let target): MemoryDisk.moveFolder(path, to: target, &durableNames, &durableFolders)
        }
    }

    private static func moveFolder(
        _ path: String, to target: String, _ names: inout [String: Int], _ folders: inout Set<String>
    ) {
        func moved(_ name: String) -> String {
            name == path || name.hasPrefix(path + "/") ? target + name.dropFirst(path.count) : name
        }
        names = Dictionary(names.map { (moved($0.key), $0.value) }) { first, _ in first }
        folders = Set(folders.map(moved))
    }

    // MARK: Crash

    /// The disk after a loss of power: see `MemoryFileSystem.crash`.
    func crashed(seed: UInt64) -> MemoryDisk {
        var dice = SplitMix64(seed)
        var after = MemoryDisk(seed: dice.next(), capacityBytes: capacityBytes)
        var survivor = self
        let share = [0, 1, 2, 3, 4][Int(dice.next() % 5)]
        for change in pending where dice.next() % 4 < UInt64(share) { survivor.makeDurable(change) }
        after.folders = survivor.durableFolders.filter { folder in
            var current = folder
            while !current.isEmpty, current != "/" {
                guard survivor.durableFolders.contains(current) else { return false }
                current = MemoryDisk.parent(current)
            }
            return true
        }
        for (path, node) in survivor.durableNames where after.folders.contains(MemoryDisk.parent(path)) {
            after.names[path] = node
        }
        for node in Set(after.names.values).sorted() {
            guard var image = nodes[node] else { continue }
            image.tear(&dice)
            image.settle()
            after.nodes[node] = image
        }
        after.durableFolders = after.folders
        after.durableNames = after.names
        after.lastNode = lastNode
        return after
    }
}

/// One file: its bytes as programs see them, as they are durable, and the changes between.
struct MemoryNode: Sendable {
    private enum Change: Sendable {
        case write([UInt8], at: Int)
        case resize(Int)
    }

    private(set) var current: [UInt8] = []
    private var durable: [UInt8] = []
    private var pending: [Change] = []

    mutating func write(_ bytes: [UInt8], at offset: Int) {
        MemoryNode.put(bytes[...], at: offset, in: &current)
        pending.append(.write(bytes, at: offset))
    }

    mutating func resize(to size: Int) {
        MemoryNode.resize(&current, to: size)
        pending.append(.resize(size))
    }

    mutating func sync() {
        for change in pending {
            switch change {
            case .write(let bytes, let offset): MemoryNode.put(bytes[...], at: offset, in: &durable)
            case .resize(let size): MemoryNode.resize(&durable, to: size)
            }
        }
        pending = []
    }

    /// Makes a random part of the changes durable and forgets the others.
    mutating func tear(_ random: inout SplitMix64) {
        let share = random.next() % 5
        for change in pending {
            switch change {
            case .resize(let size): if random.next() % 2 == 0 { MemoryNode.resize(&durable, to: size) }
            case .write(let bytes, let offset):
                var at = 0
                while at < bytes.count {
                    let end = min(at + 512 - (offset + at) % 512, bytes.count)
                    let dice = random.next()
                    if dice % 4 < share {
                        // One sector in sixteen is cut at some byte.
                        let isCut = dice >> 8 & 15 == 0
                        let kept = isCut ? Int(dice >> 16 & 511) % (end - at) : end - at
                        MemoryNode.put(bytes[at..<(at + kept)], at: offset + at, in: &durable)
                    }
                    at = end
                }
            }
        }
        pending = []
    }

    /// After a crash only what was durable is there.
    mutating func settle() {
        current = durable
    }

    mutating func overwrite(_ byte: UInt8, at offset: Int) {
        if current.indices.contains(offset) { current[offset] = byte }
        if durable.indices.contains(offset) { durable[offset] = byte }
    }

    private static func put(_ bytes: ArraySlice<UInt8>, at offset: Int, in image: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        if image.count < offset + bytes.count { resize(&image, to: offset + bytes.count) }
        unsafe image.withUnsafeMutableBytes { target in
            unsafe bytes.withUnsafeBytes { source in
                unsafe UnsafeMutableRawBufferPointer(rebasing: target[offset..<(offset + source.count)])
                    .copyMemory(from: source)
            }
        }
    }

    private static func resize(_ image: inout [UInt8], to size: Int) {
        if size < image.count {
            image.removeLast(image.count - size)
        } else {
            image += [UInt8](repeating: 0, count: size - image.count)
        }
    }
}

/// A small random generator (SplitMix64, public domain, Sebastiano Vigna): the same numbers for the same seed.
struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(_ seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}
