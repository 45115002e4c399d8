public import Model
import Synchronization

extension ErrorLog {
    /// The group in which a line is, or will be, counted; nil if it is no error.
    /// - Parameters:
    ///   - metadata: of the entry, with its level.
    ///   - labels: of its stream.
    public func id(
        of line: [UInt8], time: Int64, metadata: LabelSet, labels: LabelSet, _ tenant: TenantID
    ) -> String? {
        let span = metadata.encoded.span
        let level = ErrorLog.level(span, labels: labels)
        let isError = level == "error" || level == "critical" || level == "fatal"
        guard isError || ErrorLog.mayCarryException(line.span, span) else { return nil }
        guard
            let event = EventReader.read(
                time: time, line: line.span, metadata: span, labels: labels, level: level, isError: isError)
        else { return nil }
        let key = Key(tenant: tenant, id: Fingerprint(event).id)
        return contents.withLock { contents in
            let isFull = contents.groupCounts[tenant] ?? 0 >= ErrorLog.groupsLimit
            return contents.groups[key] == nil && isFull ? ErrorLog.overflowID(event.app) : contents.resolved(key).id
        }
    }
}
