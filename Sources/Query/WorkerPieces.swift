public import Store

extension WorkScheduler {
    /// Runs `work` on a worker thread: what takes longer than a moment must not hold the threads that answer requests.
    public func running<R: Sendable>(
        _ work: @escaping @Sendable () throws(QueryError) -> R
    ) async throws(QueryError) -> R {
        let outcome = await run(.query) { () -> Result<R, QueryError> in
            do throws(QueryError) { return .success(try work()) } catch { return .failure(error) }
        }
        return try outcome.get()
    }
}
