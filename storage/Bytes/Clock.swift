import CPlatform
import Glibc

/// Where the time comes from; tests hand in their own.
public protocol WallClock: Sendable {
    /// Nanoseconds since 1970-01-01 UTC.
    func nowNanoseconds() -> Int64
}

/// The machine's real-time clock.
public struct SystemClock: WallClock {
    public init() {}

    public func nowNanoseconds() -> Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}

/// Time that only goes forward, for durations; CPU time; random bytes.
public enum Machine {
    /// Nanoseconds on the monotonic clock.
    public static func monotonicNanoseconds() -> Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }

    /// User and system CPU time of the whole process, in nanoseconds.
    public static func processCPUNanoseconds() -> UInt64 { dendro_process_cpu_ns() }

    /// Keeps large buffers inside the process; call once at start.
    public static func tuneAllocator() { dendro_tune_allocator() }

    /// Gives free heap pages back to the system, after a burst.
    public static func trimHeap() { dendro_trim_heap() }

    /// Memory of this process that is in RAM, in bytes; 0 when the system does not tell.
    public static func residentBytes() -> Int { Int(clamping: dendro_resident_bytes()) }
}
