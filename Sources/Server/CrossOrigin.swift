import NIOHTTP1

/// Which pages of other origins may read answers (CORS): none, unless configured.
struct CrossOrigin: Sendable, Hashable {
    /// Origins such as `https://grafana.example`; `*` stands for any.
    var origins: Set<String> = []

    /// Headers that a page may send and read.
    private static let requestHeaders =
        "Accept, Authorization, Content-Encoding, Content-Type, Idempotency-Key, X-Loki-Response-Encoding-Flags, "
        + "X-Query-Tags, X-Scope-OrgID, X-Trace-ID, traceparent"
    private static let answerHeaders = "Retry-After, X-Delete-Request-ID, X-Trace-ID"

    /// The value of Access-Control-Allow-Origin for a request from `origin`, or nil.
    func allowed(_ origin: String?) -> String? {
        guard let origin, !origins.isEmpty else { return nil }
        if origins.contains("*") { return "*" }
        return origins.contains(origin) ? origin : nil
    }

    /// The answer to a browser that asks beforehand, or nil where the request is none of that kind.
    func preflight(_ head: HTTPRequestHead) -> Answer? {
        guard head.method == .OPTIONS, head.headers.contains(name: "access-control-request-method"),
            allowed(head.headers.first(name: "origin")) != nil
        else { return nil }
        return Answer(
            status: 204,
            headers: [
                ("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE"),
                ("Access-Control-Allow-Headers", Self.requestHeaders), ("Access-Control-Max-Age", "600"),
            ])
    }

    /// Adds what lets the page read the answer.
    func decorate(_ headers: inout HTTPHeaders, origin: String?) {
        guard !origins.isEmpty else { return }
        if !origins.contains("*") { headers.add(name: "Vary", value: "Origin") }
        guard let value = allowed(origin) else { return }
        headers.replaceOrAdd(name: "Access-Control-Allow-Origin", value: value)
        headers.replaceOrAdd(name: "Access-Control-Expose-Headers", value: Self.answerHeaders)
    }
}
