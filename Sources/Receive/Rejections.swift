import Bytes
import Model

// Refused entries: counted all, told with their texts only as far as anybody reads them.
extension BatchBuilder {
    /// Counts the entry being begun as refused because of its stream.
    mutating func refuse(_ reason: RejectReason, stream: Int) {
        let isNew = !streams[stream].isRefusalTold
        streams[stream].isRefusalTold = true
        let facts = streams[stream]
        record(RejectionKey(reason: reason, stream: stream, number: 0), counts: isNew) { [self] in
            text(reason, facts: facts, number: Int64(facts.refusalCount))
        }
    }

    /// Counts the entry being begun as refused for what `number` says: a time, length or count.
    mutating func reject(_ reason: RejectReason, stream: Int, number: Int64) {
        let facts = streams[stream]
        record(RejectionKey(reason: reason, stream: stream, number: number), counts: true) { [self] in
            text(reason, facts: facts, number: number)
        }
    }

    /// Counts a refusal. `counts` says whether it is an error of its own or repeats that of its stream.
    mutating func record(_ key: RejectionKey, counts: Bool, text: () -> String) {
        result.rejected += 1
        result.rejectedByReason[key.reason, default: 0] += 1
        let group = groupKeys.firstIndex(of: key)
        let keepsMore = result.rejections.count < ReceiveResult.keptRejections
        let opensGroup = counts && group == nil && result.errorGroups.count < ReceiveResult.keptRejections
        let message = keepsMore || opensGroup ? text() : ""
        if keepsMore {
            result.rejections.append(Rejection(index: entryCount - 1, reason: key.reason, message: message))
        }
        guard counts else { return }
        if let group {
            result.errorGroups[group].count += 1
        } else if !opensGroup {
            result.otherErrors += 1
        } else if let same = result.errorGroups.firstIndex(where: { $0.message == message }) {
            result.errorGroups[same].count += 1
        } else {
            result.errorGroups.append((message, 1))
            groupKeys.append(key)
        }
    }

    /// The reference's text of an error.
    private func text(_ reason: RejectReason, facts: StreamFacts, number: Int64) -> String {
        let limits = options.limits
        let stream = labelText(facts)
        let detail = [UInt8](streamBytes[facts.refusalDetail]).text
        switch reason {
        case .tooOld:
            return "entry for stream '\(stream)' has timestamp too old: \(seconds(number)), "
                + "oldest acceptable timestamp is: \(seconds(oldest))"
        case .tooNew:
            return "entry for stream '\(stream)' has timestamp too new: \(seconds(number))"
        case .lineTooLong:
            return "max entry size '\(limits.lineBytes.value)' bytes exceeded for stream '\(stream)' "
                + "while adding an entry with length '\(number)' bytes"
        case .tooManyLabels:
            return "entry for stream '\(stream)' has \(number) label names; limit \(limits.labelsPerStream.value)"
        case .labelNameTooLong: return "stream '\(stream)' has label name too long: '\(detail)'"
        case .labelValueTooLong: return "stream '\(stream)' has label value too long: '\(detail)'"
        case .duplicateLabel: return "stream '\(stream)' has duplicate label name: '\(detail)'"
        case .missingLabels: return "error at least one label pair is required per stream"
        case .metadataTooMany:
            return "stream '\(stream)' has too many structured metadata labels: '\(number)', "
                + "limit: '\(limits.metadataPairs.value)'. Send fewer, or raise limits.metadata_pairs"
        case .metadataTooLarge:
            return "stream '\(stream)' has structured metadata too large: '\(number)' bytes, "
                + "limit: '\(limits.metadataBytes.value)' bytes. Send less, or raise limits.metadata_bytes"
        case .invalidMetadataName:
            return "stream '\(stream)' has a structured metadata name without a letter or digit"
        case .invalidLabels, .malformed: return detail
        }
    }

    /// Labels in selector notation, cut where nobody reads on.
    private func labelText(_ facts: StreamFacts) -> String {
        let text = LabelSet(canonical: [UInt8](streamBytes[facts.labels])).description
        return text.utf8.count <= 4096 ? text : BatchBuilder.excerpt([UInt8](text.utf8).span)
    }

    private func seconds(_ time: Int64) -> String {
        let rest = time % Nanoseconds.perSecond
        let (start, overflow) = time.subtractingReportingOverflow(rest < 0 ? rest + Nanoseconds.perSecond : rest)
        return RFC3339.format(overflow ? time : start)
    }
}
