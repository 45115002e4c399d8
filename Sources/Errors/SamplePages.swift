import Bytes
import Index
import Synchronization

/// Where an occurrence is kept.
struct KeptSample: Hashable, Sendable {
    /// Which occurrence of its group it was.
    var number: Int
    var page: UInt32
    var offset: UInt32
    var count: UInt32
}

/// Kept occurrences of all groups, in pages that are compressed once they are full: alike stack traces then take a
/// tenth of their size, in memory and on disk. A page goes when nothing in it is wanted any more.
final class SamplePages: Sendable {
    private static let pageBytes = 64 << 10
    private static let version: UInt64 = 2

    private struct Page: Sendable {
        /// Compressed, unless it is the open one.
        var bytes: [UInt8]
        var rawBytes: Int
        var liveBytes = 0
        var isChanged = true
    }

    private struct Contents: Sendable {
        var pages: [UInt32: Page] = [:]
        /// Text of the page that is being filled.
        var open: [UInt8] = []
        var openNumber: UInt32 = 0
        var rawBytes = 0
        var dropped: [StateChange] = []
        /// The page that was read last.
        var cached: (number: UInt32, bytes: [UInt8])?
    }

    private let contents = Mutex(Contents())

    /// Of all occurrences together, as text.
    var rawBytes: Int { contents.withLock { $0.rawBytes } }

    func add(_ bytes: [UInt8], number: Int) -> KeptSample {
        contents.withLock { contents in
            if contents.open.count + bytes.count > SamplePages.pageBytes { SamplePages.close(&contents) }
            let offset = contents.open.count
            contents.open.append(contentsOf: bytes)
            contents.rawBytes += bytes.count
            contents.pages[contents.openNumber, default: Page(bytes: [], rawBytes: 0)].liveBytes += bytes.count
            contents.pages[contents.openNumber]?.isChanged = true
            return KeptSample(
                number: number, page: contents.openNumber, offset: UInt32(clamping: offset),
                count: UInt32(clamping: bytes.count))
        }
    }

    /// The occurrence, or nil if it is gone.
    func read(_ kept: KeptSample) -> ErrorSample? {
        let bytes = contents.withLock { contents -> [UInt8]? in
            let start = Int(kept.offset)
            let end = start + Int(kept.count)
            if kept.page == contents.openNumber {
                return end <= contents.open.count ? Array(contents.open[start..<end]) : nil
            }
            guard let page = contents.pages[kept.page], end <= page.rawBytes else { return nil }
            if contents.cached?.number != kept.page {
                guard let bytes = try? Codec.best.decompress(page.bytes.span, rawSize: page.rawBytes) else {
                    return nil
                }
                contents.cached = (kept.page, bytes)
            }
            return contents.cached.map { Array($0.bytes[start..<end]) }
        }
        return bytes.flatMap { try? ErrorSample($0) }
    }

    func remove(_ kept: [KeptSample]) {
        contents.withLock { contents in
            for sample in kept {
                contents.rawBytes -= Int(sample.count)
                contents.pages[sample.page]?.liveBytes -= Int(sample.count)
                guard let page = contents.pages[sample.page], page.liveBytes <= 0,
                    sample.page != contents.openNumber
                else { continue }
                contents.pages[sample.page] = nil
                contents.dropped.append(.delete(.errorSamples, key: "\(sample.page)"))
            }
        }
    }

    private static func close(_ contents: inout Contents) {
        guard !contents.open.isEmpty else { return }
        let number = contents.openNumber
        let packed = try? Codec.best.compress(contents.open.span)
        contents.pages[number]?.bytes = packed ?? []
        contents.pages[number]?.rawBytes = packed == nil ? 0 : contents.open.count
        contents.open.removeAll(keepingCapacity: true)
        contents.openNumber &+= 1
        while contents.pages[contents.openNumber] != nil { contents.openNumber &+= 1 }
        if let page = contents.pages[number], page.liveBytes <= 0 {
            contents.pages[number] = nil
            contents.dropped.append(.delete(.errorSamples, key: "\(number)"))
        }
    }

    // MARK: keeping. A record a page, named by its number: version, size of the text, the text compressed.

    func takeChanges() -> [StateChange] {
        contents.withLock { contents in
            var changes = contents.dropped
            contents.dropped = []
            for (number, page) in contents.pages where page.isChanged {
                contents.pages[number]?.isChanged = false
                var out: [UInt8] = []
                out.appendVarint(SamplePages.version)
                if number == contents.openNumber {
                    guard let packed = try? Codec.best.compress(contents.open.span) else { continue }
                    out.appendVarint(contents.open.count)
                    out.append(contentsOf: packed)
                } else {
                    out.appendVarint(page.rawBytes)
                    out.append(contentsOf: page.bytes)
                }
                changes.append(.put(StateRecord(kind: .errorSamples, key: "\(number)", bytes: out)))
            }
            return changes
        }
    }

    func restore(_ records: [StateRecord]) {
        contents.withLock { contents in
            for record in records {
                guard let number = UInt32(record.key) else { continue }
                var reader = ByteReader(record.bytes)
                guard (try? reader.varint()) == SamplePages.version, let size = try? reader.varint(),
                    size <= 16 << 20
                else { continue }
                var page = Page(bytes: Array(record.bytes[reader.offset...]), rawBytes: Int(size))
                page.isChanged = false
                contents.pages[number] = page
            }
            contents.openNumber = (contents.pages.keys.max() ?? 0) &+ 1
        }
    }

    /// Counts restored occurrences as wanted; those whose page did not become durable are left out.
    func adopt(_ kept: [KeptSample]) -> [KeptSample] {
        contents.withLock { contents in
            kept.filter { sample in
                guard let page = contents.pages[sample.page],
                    Int(sample.offset) + Int(sample.count) <= page.rawBytes
                else { return false }
                contents.pages[sample.page]?.liveBytes += Int(sample.count)
                contents.rawBytes += Int(sample.count)
                return true
            }
        }
    }

    /// After all groups were restored: pages that nothing wants go.
    func dropUnwanted() {
        contents.withLock { contents in
            for (number, page) in contents.pages where page.liveBytes <= 0 && number != contents.openNumber {
                contents.pages[number] = nil
                contents.dropped.append(.delete(.errorSamples, key: "\(number)"))
            }
        }
    }
}
