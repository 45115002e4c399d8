#if Zstd
import CZstd
import Synchronization

/// Working memory of libzstd that is used again: making it costs more than compressing a short run of bytes.
///
/// Invariant: a context is in the pool or with exactly one caller, never both; libzstd allows any thread to use it.
enum ZstdContexts {
    static let compression = ZstdPool(
        make: { unsafe ZSTD_createCCtx().map(UnsafeMutableRawPointer.init) },
        free: { unsafe _ = ZSTD_freeCCtx(OpaquePointer($0)) })
    static let decompression = ZstdPool(
        make: { unsafe ZSTD_createDCtx().map(UnsafeMutableRawPointer.init) },
        free: { unsafe _ = ZSTD_freeDCtx(OpaquePointer($0)) })
}

/// Contexts that wait for their next use, a few at most.
final class ZstdPool: Sendable {
    private struct Shelf: @unchecked Sendable {
        var contexts: [UnsafeMutableRawPointer] = []
    }

    private let shelf = Mutex(Shelf())
    private let make: @Sendable () -> UnsafeMutableRawPointer?
    private let free: @Sendable (UnsafeMutableRawPointer) -> Void
    /// As many as worker and receiving threads commonly run at once.
    private static let limit = 8

    init(
        make: @escaping @Sendable () -> UnsafeMutableRawPointer?,
        free: @escaping @Sendable (UnsafeMutableRawPointer) -> Void
    ) {
        self.make = make
        self.free = free
    }

    /// Runs `body` with a context that nobody else uses meanwhile; nil when there is no memory for one.
    func with<R>(_ body: (OpaquePointer) -> R) -> R? {
        guard let context = unsafe shelf.withLock({ unsafe $0.contexts.popLast() }) ?? make() else { return nil }
        let result = unsafe body(OpaquePointer(context))
        let isKept = shelf.withLock { shelf in
            guard unsafe shelf.contexts.count < ZstdPool.limit else { return false }
            unsafe shelf.contexts.append(context)
            return true
        }
        if !isKept { unsafe free(context) }
        return result
    }
}
#endif
