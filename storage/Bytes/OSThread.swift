import CPlatform
import Glibc
import Synchronization

/// A plain thread of the operating system, for work that may block: the committer, the catalog, the scan workers.
public final class OSThread: @unchecked Sendable {
    // Invariant: `handle` is written once, before any other thread can see this object; it is joined or detached, never
    // both and never twice.
    private var handle = pthread_t()
    private let isJoined = Atomic<Bool>(false)

    private final class Start {
        let name: String
        let nice: Int32
        let body: @Sendable () -> Void

        init(name: String, nice: Int32, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.nice = nice
            self.body = body
        }
    }

    /// Starts `body` on a new thread named `name` (15 bytes shown by the system), at niceness `nice`.
    public init(name: String, nice: Int = 0, body: @escaping @Sendable () -> Void) {
        let start = Start(name: name, nice: Int32(clamping: nice), body: body)
        let pointer = unsafe Unmanaged.passRetained(start).toOpaque()
        let status = unsafe pthread_create(
            &handle, nil,
            { raw in
                guard let raw = unsafe raw else { return nil }
                let start = unsafe Unmanaged<Start>.fromOpaque(raw).takeRetainedValue()
                unsafe dendro_name_thread(String(start.name.prefix(15)))
                if start.nice != 0 { _ = dendro_set_thread_nice(start.nice) }
                start.body()
                return nil
            }, pointer)
        precondition(status == 0, "BUG: no thread can be started: \(status)")
    }

    /// Waits until the thread's body has returned. Call once.
    public func join() {
        guard !isJoined.exchange(true, ordering: .relaxed) else { return }
        pthread_join(handle, nil)
    }

    /// A thread that nobody waits for gives its stack back when it ends.
    deinit {
        if !isJoined.load(ordering: .relaxed) { pthread_detach(handle) }
    }
}

/// A lock with a condition, around a value: threads wait until the value is as they need it.
public final class Gate<Value>: @unchecked Sendable {
    // Invariant: `value` is touched only while `mutex` is held; both C objects live at stable heap addresses.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var value: Value

    public init(_ value: Value) {
        self.value = value
        unsafe mutex = .allocate(capacity: 1)
        unsafe condition = .allocate(capacity: 1)
        unsafe pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        unsafe pthread_cond_init(condition, &attributes)
        unsafe pthread_condattr_destroy(&attributes)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    /// Changes the value and wakes every waiter.
    @discardableResult
    public func update<R>(_ body: (inout Value) -> R) -> R {
        unsafe pthread_mutex_lock(mutex)
        defer {
            unsafe pthread_cond_broadcast(condition)
            unsafe pthread_mutex_unlock(mutex)
        }
        return body(&value)
    }

    /// Looks at or changes the value without waking anybody.
    public func withLock<R>(_ body: (inout Value) -> R) -> R {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return body(&value)
    }

    /// Waits until `body` gives a result, or until `timeoutNanoseconds` have passed (nil: for ever); nil then.
    public func wait<R>(timeoutNanoseconds: Int64? = nil, until body: (inout Value) -> R?) -> R? {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        var deadline = timespec()
        if let timeoutNanoseconds {
            unsafe clock_gettime(CLOCK_MONOTONIC, &deadline)
            let total = Int64(deadline.tv_nsec) &+ max(timeoutNanoseconds, 0)
            deadline.tv_sec += Int(total / 1_000_000_000)
            deadline.tv_nsec = Int(total % 1_000_000_000)
        }
        while true {
            if let result = body(&value) { return result }
            if timeoutNanoseconds != nil {
                if unsafe pthread_cond_timedwait(condition, mutex, &deadline) == ETIMEDOUT { return body(&value) }
            } else {
                unsafe pthread_cond_wait(condition, mutex)
            }
        }
    }
}
