public import Bytes

/// A short list of names that bytes are compared with, without an object per name.
public struct NameList: Sendable {
    private var bytes: [UInt8] = []
    private var ends: [Int] = []
    /// Bit n is set when a name of n bytes (63: or more) is in the list: most other names end here.
    private var lengths: UInt64 = 0
    /// Bit n is set when a name's first byte, without its two high bits, is n.
    private var initials: UInt64 = 0

    public init(_ names: [String]) {
        for name in names {
            bytes.append(contentsOf: name.utf8)
            ends.append(bytes.count)
            lengths |= 1 << UInt64(min(name.utf8.count, 63))
            initials |= 1 << UInt64((name.utf8.first ?? 0) & 63)
        }
    }

    public var count: Int { ends.count }

    /// Position of `name` in the list, or nil.
    @inline(__always)
    public func index(of name: borrowing ByteSpan) -> Int? {
        let initial = name.count > 0 ? name[0] & 63 : 0
        guard lengths & (1 &<< UInt64(min(name.count, 63))) != 0, initials & (1 &<< UInt64(initial)) != 0 else {
            return nil
        }
        return search(name)
    }

    /// Name number `index`, as a range of what `withBytes` gives.
    func range(_ index: Int) -> Range<Int> {
        (index == 0 ? 0 : ends[index - 1])..<ends[index]
    }

    /// Calls `body` with name number `index`.
    func withName<R>(_ index: Int, _ body: (borrowing ByteSpan) -> R) -> R {
        body(bytes.span.extracting(range(index)))
    }

    private func search(_ name: borrowing ByteSpan) -> Int? {
        var start = 0
        for index in 0..<ends.count {
            let end = ends[index]
            if end - start == name.count, end == start || bytes[start] == name[0],
                bytes.span.extracting(start..<end).equals(name)
            {
                return index
            }
            start = end
        }
        return nil
    }
}
