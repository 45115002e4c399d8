import NIOHTTP1

/// Headers that keep browsers from doing more with an answer than showing it.
enum SecurityHeaders {
    /// Nothing is loaded, run or framed. A page of ours says itself what it needs.
    static let contentPolicy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

    /// - Parameter isPrivate: the answer was given to somebody in particular, who had to prove it.
    static func add(to headers: inout HTTPHeaders, status: Int, isPrivate: Bool) {
        headers.replaceOrAdd(name: "X-Content-Type-Options", value: "nosniff")
        // Nothing is shown of an answer without a body: those of pushes stay small.
        guard status != 204, status >= 200 else { return }
        if !headers.contains(name: "Content-Security-Policy") {
            headers.add(name: "Content-Security-Policy", value: contentPolicy)
        }
        headers.replaceOrAdd(name: "X-Frame-Options", value: "DENY")
        headers.replaceOrAdd(name: "Referrer-Policy", value: "no-referrer")
        if isPrivate, !headers.contains(name: "Cache-Control") {
            headers.add(name: "Cache-Control", value: "no-store")
        }
    }
}
