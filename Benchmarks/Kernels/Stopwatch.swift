import Glibc

/// CPU time of the calling thread, the best of several runs.
enum Stopwatch {
    static func nanoseconds(times: Int = 5, _ body: () throws -> Void) rethrows -> Double {
        var best = Double.infinity
        for _ in 0..<times {
            let start = now()
            try body()
            best = min(best, now() - start)
        }
        return best
    }

    private static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
    }
}

/// Rows of a table for people.
enum Table {
    static func title(_ columns: [String]) {
        print("\n| " + columns.joined(separator: " | ") + " |")
        print("|" + String(repeating: "---|", count: columns.count))
    }

    static func row(_ cells: [String]) { print("| " + cells.joined(separator: " | ") + " |") }

    /// Two digits behind the point.
    static func text(_ number: Double) -> String {
        guard number.isFinite else { return "-" }
        let hundredths = Int((number * 100).rounded())
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
    }
}
