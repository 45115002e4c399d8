import Access
import Bytes
import LogQL
import Model
import Store

/// The store as somebody sees it whose token is for one app or tenant: every selector carries one matcher more, below
/// everything that could forget it.
struct ScopedData: RecentData {
    let source: any RecentData
    let identity: Identity

    /// - Parameter tenant: not looked at: the token decides.
    func snapshot(_ tenant: TenantID) -> any StoreSnapshot {
        let snapshot = source.snapshot(identity.tenant)
        return identity.app.map { ScopedSnapshot(snapshot: snapshot, app: $0) } ?? snapshot
    }
}

/// A snapshot cut to one app.
private struct ScopedSnapshot: StoreSnapshot {
    let snapshot: any StoreSnapshot
    let test: LabelTest

    init(snapshot: any StoreSnapshot, app: String) {
        self.snapshot = snapshot
        test = LabelTest(name: [UInt8]("app".utf8), test: ExactValue(value: [UInt8](app.utf8)))
    }

    var oldestTime: Int64 { snapshot.oldestTime }

    func labels(_ stream: StreamID) -> LabelSet { snapshot.labels(stream) }

    func streams(_ request: ScanRequest) throws(ScanError) -> [StreamID] { try snapshot.streams(cut(request)) }

    func plan(_ request: ScanRequest) throws(ScanError) -> ScanPlan { try snapshot.plan(cut(request)) }

    private func cut(_ request: ScanRequest) -> ScanRequest {
        var request = request
        request.tests.append(test)
        return request
    }
}

private struct ExactValue: ValueTest {
    let value: [UInt8]

    func matches(_ value: borrowing ByteSpan) -> Bool { value.equals(self.value.span) }
}

extension Backend {
    /// What `identity` sees of the store.
    func source(for identity: Identity) -> any RecentData {
        identity.isUnbounded ? source : ScopedData(source: source, identity: identity)
    }

    /// What the caller sees of the store.
    func source(_ call: Call) -> any RecentData { source(for: call.identity) }
}

extension LogQuery {
    /// The query, about entries that `identity` may touch.
    func bounded(by identity: Identity) -> LogQuery {
        guard let app = identity.app else { return self }
        var query = self
        query.selector.matchers.append(Matcher("app", .equal, Text(app)))
        return query
    }

    /// Whether the query is about entries of `app` alone.
    func isBounded(to app: String) -> Bool {
        selector.matchers.contains(Matcher("app", .equal, Text(app)))
    }
}

extension Identity {
    /// Why this push may not be stored, or nil.
    func denial(of batch: Batch) -> Denial? {
        guard let app else { return nil }
        for labels in batch.streams {
            let found = labels.value(of: "app")
            if found != app { return .otherApp(allowed: app, found: found) }
        }
        return nil
    }
}
