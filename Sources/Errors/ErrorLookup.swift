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
        let level = LineLevel(span) ?? LineLevel(labels)
        guard level.isError || LineLevel.mayCarryException(line.span, span) else { return nil }
        return contents.withLock { contents in
            guard
                contents.reader.read(
                    time: time, line: line.span, metadata: span, labels: labels, level: level.name,
                    isError: level.isError)
            else { return nil }
            let name = contents.maker.make(contents.reader.draft).name
            guard let number = contents.tenantNumbers[tenant] else { return name.text }
            let key = Key(tenant: number, name: name)
            if contents.numbers[key] == nil, contents.groupCounts[number] >= ErrorLog.groupsLimit {
                let app = contents.reader.draft.text(contents.reader.draft.app)
                return GroupName(overflowOf: app).text
            }
            return contents.resolved(key).name.text
        }
    }
}
