import Buffer
import Bytes
import Index
public import Model
import Synchronization
import WAL

/// Why a deletion was not taken or not cancelled.
public enum DeletionError: Error, Hashable, Sendable, CustomStringConvertible {
    case invalidQuery(String)
    /// No request of that id.
    case unknown
    /// Parts are being rewritten, or have been: it is too late to cancel.
    case underWay
    case tooMany
    case failed(String)

    public var description: String {
        switch self {
        case .invalidQuery(let reason): reason
        case .unknown: "there is no delete request of this id"
        case .underWay: "the entries are being removed already; it is too late to cancel"
        case .tooMany: "\(DeleteRequest.limit) delete requests are waiting already"
        case .failed(let reason): reason
        }
    }
}

extension Store {
    /// Hides all entries received so far that `query` selects in `range`, in every answer from now on, and removes them
    /// from the disk once the time to cancel has passed.
    public func requestDeletion(
        of query: String, in range: TimeRange, tenant: TenantID = .standard
    ) async throws(DeletionError) -> DeleteRequest {
        guard let compiler = configuration.rowFilters else { throw .failed("this store deletes no entries") }
        guard !isReadOnly else { throw .failed("the data folder cannot be written") }
        guard query.utf8.count <= DeleteRequest.queryBytes else { throw .invalidQuery("the query is too long") }
        let filter: any RowFilter
        do throws(RowFilterError) {
            filter = try compiler.compile(query, demotedNames: demoted[tenant])
        } catch {
            throw .invalidQuery(error.description)
        }
        let pending = requests.withLock { $0.values.count { $0.status != .processed } }
        guard pending < DeleteRequest.limit else { throw .tooMany }
        let sequence = await freezeForDeletion(tenant, range)
        let digits = String(UInt32.random(in: .min ... .max), radix: 16)
        let request = DeleteRequest(
            id: String(repeating: "0", count: 8 - digits.count) + digits, tenant: tenant, query: query, range: range,
            createdAt: configuration.clock.nowNanoseconds(), sequence: sequence)
        let outcome = await onCatalogThread { [self] () -> DeletionError? in
            do throws(StateError) {
                try state.put(request.record)
            } catch {
                return .failed("the delete request could not be stored: \(error)")
            }
            requests.withLock { $0[request.id] = request }
            views.changeTombstones { $0.append(ActiveTombstone(request, filter: filter)) }
            return nil
        }
        if let outcome = outcome ?? .failed("the server is stopping") { throw outcome }
        configuration.report(StoreReport(.info, "delete request \(request.id) taken: \(query)"))
        if configuration.deletionDelaySeconds == 0 { Task { await applyDeletions() } }
        return request
    }

    /// All requests of the tenant, oldest first.
    public func deleteRequests(_ tenant: TenantID = .standard) -> [DeleteRequest] {
        requests.withLock { $0.values.filter { $0.tenant == tenant } }
            .sorted { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }
    }

    /// Takes a request back: what it hid is shown again.
    public func cancelDeletion(_ id: String, tenant: TenantID = .standard) async throws(DeletionError) {
        guard !isReadOnly else { throw .failed("the data folder cannot be written") }
        let outcome = await onCatalogThread { [self] () -> DeletionError? in
            guard let known = requests.withLock({ $0[id] }), known.tenant == tenant else { return .unknown }
            let tombstone = views.view.tombstones.first { $0.request.id == id }
            guard let tombstone, !tombstone.isUnderWay, known.status == .received else { return .underWay }
            do throws(StateError) {
                try state.delete(.deleteRequest, key: id)
            } catch {
                return .failed("the delete request could not be removed: \(error)")
            }
            requests.withLock { $0[id] = nil }
            views.changeTombstones { $0.removeAll { $0.request.id == id } }
            return nil
        }
        if let outcome = outcome ?? .failed("the server is stopping") { throw outcome }
        configuration.report(StoreReport(.info, "delete request \(id) cancelled"))
    }

    /// Freezes the heads that a deletion is about: rows received later go to other heads. The last sequence of now.
    private func freezeForDeletion(_ tenant: TenantID, _ range: TimeRange) async -> UInt64 {
        let days = range.days
        return await withCheckedContinuation { continuation in
            committer.perform { [self] in
                for head in ingest.freeze(where: { $0.tenant == tenant && days?.contains($0.day) == true }) {
                    seal(head)
                }
                continuation.resume(returning: ingest.lastSequence)
            }
        }
    }

    /// The result of `work` on the catalog thread, or nil when the store is closing.
    func onCatalogThread<R: Sendable>(_ work: @escaping @Sendable () -> R) async -> R? {
        await withCheckedContinuation { continuation in
            if !catalogThread.submitted({ continuation.resume(returning: work()) }) {
                continuation.resume(returning: nil)
            }
        }
    }
}

/// Delete requests as they are found at start.
struct StoredDeletions {
    var requests: [String: DeleteRequest] = [:]
    var tombstones: [ActiveTombstone] = []

    /// - Parameter isRebuilt: the catalog is new, so nobody knows that rows of parts which are gone need no replay:
    ///   requests that were processed hide and remove them again.
    init(_ state: any StateStore, _ configuration: StoreConfiguration, isRebuilt: Bool, demoted: DemotedNames)
        throws(StateError)
    {
        let listing = try state.list(.deleteRequest)
        for key in listing.damagedKeys {
            configuration.report(
                StoreReport(.error, "the delete request \(key) is damaged: what it hid is shown again"))
        }
        for record in listing.records {
            do {
                var request = try DeleteRequest(record)
                if request.status == .processed, isRebuilt {
                    request.status = .underWay
                    try state.put(request.record)
                }
                requests[request.id] = request
                if request.status == .processed { continue }
                tombstones.append(
                    ActiveTombstone(
                        request,
                        filter: try configuration.rowFilters?.compile(
                            request.query, demotedNames: demoted[request.tenant])))
            } catch {
                configuration.report(
                    StoreReport(.error, "the delete request \(record.key) cannot be understood: \(error)"))
                if let request = requests[record.key] {
                    tombstones.append(ActiveTombstone(request, filter: nil))
                }
            }
        }
    }

    /// Sequences at which heads must be frozen during replay, by tenant, ascending.
    var boundaries: [TenantID: [UInt64]] {
        Dictionary(grouping: tombstones.map(\.request), by: \.tenant).mapValues { $0.map(\.sequence).sorted() }
    }
}
