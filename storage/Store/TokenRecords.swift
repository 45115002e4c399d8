import Index

/// A token as it is kept: bytes that only its owner reads.
public struct TokenRecord: Hashable, Sendable {
    public var id: String
    /// Version of the encoding of `bytes`.
    public var version: UInt32
    public var bytes: [UInt8]

    public init(id: String, version: UInt32, bytes: [UInt8]) {
        self.id = id
        self.version = version
        self.bytes = bytes
    }
}

/// All records of tokens, and how many could not be read.
public struct TokenRecords: Hashable, Sendable {
    public var records: [TokenRecord]
    public var damagedCount: Int

    init(_ state: any StateStore) throws(StateError) {
        let listing = try state.list(.token)
        records = listing.records.map { TokenRecord(id: $0.key, version: $0.version, bytes: $0.bytes) }
        damagedCount = listing.damagedKeys.count
    }
}

extension Store {
    public func tokenRecords() async throws(StoreError) -> TokenRecords {
        let outcome = await onCatalogThread { [state] () -> Result<TokenRecords, StateError> in
            do throws(StateError) { return .success(try TokenRecords(state)) } catch { return .failure(error) }
        }
        switch outcome {
        case .success(let records): return records
        case .failure(let error): throw StoreError("the tokens cannot be read: \(error)")
        case nil: throw StoreError("the server is stopping")
        }
    }

    /// Stores or replaces a record; durable on return.
    public func put(_ record: TokenRecord) async throws(StoreError) {
        guard !isReadOnly else { throw StoreError("the token cannot be stored: the data folder cannot be written") }
        let outcome = await onCatalogThread { [state] () -> Result<Void, StateError> in
            do throws(StateError) {
                return .success(try state.put(record.stateRecord))
            } catch {
                return .failure(error)
            }
        }
        switch outcome {
        case .success: return
        case .failure(let error): throw StoreError("the token cannot be stored: \(error)")
        case nil: throw StoreError("the server is stopping")
        }
    }
}

/// The tokens of a data folder that no server has open.
public final class ClosedTokens: Sendable {
    private let state: SQLiteState

    /// - Parameter folder: the data folder, which must be there.
    public init(folder: String) throws(StoreError) {
        do throws(StateError) {
            state = try SQLiteState(path: folder + "/state.sqlite")
        } catch {
            throw StoreError("the tokens of \(folder) cannot be opened: \(error)")
        }
    }

    public func records() throws(StoreError) -> TokenRecords {
        do throws(StateError) {
            return try TokenRecords(state)
        } catch {
            throw StoreError("the tokens cannot be read: \(error)")
        }
    }

    /// Stores or replaces a record; durable on return.
    public func put(_ record: TokenRecord) throws(StoreError) {
        do throws(StateError) {
            try state.put(record.stateRecord)
        } catch {
            throw StoreError("the token cannot be stored: \(error)")
        }
    }

    public func close() { state.close() }
}

extension TokenRecord {
    fileprivate var stateRecord: StateRecord { StateRecord(kind: .token, key: id, version: version, bytes: bytes) }
}
