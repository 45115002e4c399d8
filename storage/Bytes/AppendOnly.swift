public import Synchronization

/// Fixed memory that one writer fills from the front while any number of readers look at the released part.
///
/// Invariants (what makes the unsafe code here safe):
/// * capacity never changes, memory is never moved or freed before deinit;
/// * exactly one thread appends at a time; elements below `writtenCount` are never changed again,
///   but for single-element `update`, which callers use on elements that they have not yet released;
/// * `release` publishes with release order, `releasedCount` reads with acquire order: a reader that stays below
///   the count it read sees finished elements only.
public final class AppendOnly<Element: BitwiseCopyable>: @unchecked Sendable {
    @usableFromInline let base: UnsafeMutablePointer<Element>
    @usableFromInline let released: Atomic<Int>
    /// Elements that fit.
    public let capacity: Int
    @usableFromInline var written = 0
    /// Elements written so far, released or not. For the writer only.
    @inlinable public var writtenCount: Int { written }

    /// Memory for `capacity` elements.
    public init(capacity: Int) {
        precondition(capacity >= 0, "BUG: capacity \(capacity)")
        self.capacity = capacity
        unsafe base = UnsafeMutablePointer<Element>.allocate(capacity: max(capacity, 1))
        released = Atomic(0)
    }

    /// A finished run of elements, all released.
    public convenience init(_ elements: [Element]) {
        self.init(capacity: elements.count)
        append(elements.span)
        release()
    }

    /// Memory that `fill` initialises at once, returning the count it filled; all released.
    public init<E: Error>(
        capacity: Int, fill: (UnsafeMutableBufferPointer<Element>) throws(E) -> Int
    ) throws(E) {
        precondition(capacity >= 0, "BUG: capacity \(capacity)")
        self.capacity = capacity
        unsafe base = UnsafeMutablePointer<Element>.allocate(capacity: max(capacity, 1))
        released = Atomic(0)
        let count = try unsafe fill(UnsafeMutableBufferPointer(start: base, count: capacity))
        precondition(count >= 0 && count <= capacity, "BUG: filled \(count) of \(capacity)")
        written = count
        release()
    }

    deinit {
        unsafe base.deallocate()
    }

    /// Elements still free.
    @inlinable public var freeCount: Int { capacity - writtenCount }

    /// Appends one element; it must fit.
    @inlinable
    public func append(_ element: Element) {
        precondition(writtenCount < capacity, "BUG: append beyond \(capacity)")
        unsafe (base + writtenCount).initialize(to: element)
        advance(1)
    }

    /// Appends all elements of `span`; they must fit.
    @inlinable
    public func append(_ span: borrowing Span<Element>) {
        let count = span.count
        precondition(count <= capacity - writtenCount, "BUG: append \(count) beyond \(capacity)")
        unsafe span.withUnsafeBufferPointer { source in
            guard count > 0, let from = source.baseAddress else { return }
            unsafe (base + writtenCount).update(from: from, count: count)
        }
        advance(count)
    }

    @inlinable
    func advance(_ count: Int) {
        written += count
    }

    /// Changes an element that was written but not yet released, or whose readers are known to be gone.
    @inlinable
    public func update(_ index: Int, _ change: (inout Element) -> Void) {
        precondition(index >= 0 && index < writtenCount, "BUG: update \(index) of \(writtenCount)")
        unsafe change(&base[index])
    }

    /// Makes everything written so far visible to readers.
    public func release() {
        released.store(writtenCount, ordering: .releasing)
    }

    /// Elements that readers may look at.
    @inlinable
    public var releasedCount: Int { released.load(ordering: .acquiring) }

    /// Calls `body` with the first `count` elements; `count` must not exceed what was written by now.
    @inlinable
    public func withSpan<R, E: Error>(count: Int, _ body: (borrowing Span<Element>) throws(E) -> R) throws(E) -> R {
        precondition(count >= 0 && count <= capacity, "BUG: span of \(count), capacity \(capacity)")
        let buffer = unsafe UnsafeBufferPointer(start: UnsafePointer(base), count: count)
        return try unsafe body(buffer.span)
    }

    /// Element `index`, which must have been written.
    @inlinable
    public subscript(index: Int) -> Element {
        precondition(index >= 0 && index < capacity, "BUG: element \(index) of \(capacity)")
        return unsafe base[index]
    }
}

extension AppendOnly where Element == UInt8 {
    /// Appends `count` bytes of `span` from `offset` on; they must be there and fit. Made for many short runs: where
    /// both sides have 32 bytes, so many are copied at once, and those beyond `count` are written over by the next run.
    @inlinable
    @inline(__always)
    public func append(_ span: borrowing Span<UInt8>, from offset: Int, count: Int) {
        let rest = span.count
        let free = capacity - written
        precondition(
            offset >= 0 && count >= 0 && offset <= rest && count <= rest - offset && count <= free,
            "BUG: append \(count) beyond \(capacity)")
        unsafe span.withUnsafeBytes { source in
            guard count > 0, let from = source.baseAddress else { return }
            let to = unsafe UnsafeMutableRawPointer(base + written)
            if count <= 32, rest - offset >= 32, free >= 32 {
                unsafe to.copyMemory(from: from + offset, byteCount: 32)
            } else {
                unsafe to.copyMemory(from: from + offset, byteCount: count)
            }
        }
        advance(count)
    }

    /// Appends the lowest `count` bytes of `word`, 8 at most, lowest first; they must fit.
    @inlinable
    @inline(__always)
    public func append(word: UInt64, count: Int) {
        let free = capacity - written
        precondition(count >= 0 && count <= 8 && count <= free, "BUG: append \(count) beyond \(capacity)")
        let to = unsafe UnsafeMutableRawPointer(base + written)
        if free >= 8 {
            unsafe to.storeBytes(of: word.littleEndian, as: UInt64.self)
        } else {
            for index in 0..<count {
                unsafe to.storeBytes(
                    of: UInt8(truncatingIfNeeded: word >> UInt64(8 * index)), toByteOffset: index, as: UInt8.self)
            }
        }
        advance(count)
    }
}
