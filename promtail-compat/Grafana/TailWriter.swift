internal import Bytes
public import Model
public import Query

/// Writes the messages of live tails.
public enum TailWriter {
    /// What an entry that the reader was too slow for is told by.
    public typealias Dropped = (time: Int64, labels: LabelSet)

    /// `{"streams":[…][,"dropped_entries":[…]][,"encodingFlags":[…]]}`.
    /// - Parameter encodingFlags: the flags received with the request; entries have their third element if one of them
    ///   asks for it, as `categorizes` says.
    public static func message(
        _ streams: [LogStream], dropped: [Dropped], categorizes: Bool, encodingFlags: [String]
    ) -> [UInt8] {
        var out: [UInt8] = []
        out.append(literal: #"{"streams":"#)
        out.append(listOf: streams) { stream, out in
            QueryAnswerWriter.append(stream, categorizes: categorizes, to: &out)
        }
        if !dropped.isEmpty {
            out.append(literal: #","dropped_entries":"#)
            out.append(listOf: dropped) { entry, out in
                out.append(literal: #"{"timestamp":""#)
                NumberText.append(entry.time, to: &out)
                out.append(literal: #"","labels":"#)
                out.append(labelsAsJSON: entry.labels)
                out.append(0x7d)
            }
        }
        if !encodingFlags.isEmpty {
            out.append(literal: #","encodingFlags":"#)
            out.append(textsAsJSON: encodingFlags)
        }
        out.append(0x7d)
        return out
    }

    /// The message of the old path: labels as text, times by RFC 3339.
    public static func legacyMessage(_ streams: [LogStream], dropped: [Dropped]) -> [UInt8] {
        var out: [UInt8] = []
        out.append(literal: #"{"streams":"#)
        LabelAnswerWriter.append(legacyStreams: streams, to: &out)
        out.append(literal: #","dropped_entries":"#)
        if dropped.isEmpty {
            out.append(literal: "null")
        } else {
            out.append(listOf: dropped) { entry, out in
                out.append(literal: #"{"Timestamp":"#)
                JSONText.append(RFC3339.format(entry.time), to: &out)
                out.append(literal: #","Labels":"#)
                JSONText.append(entry.labels.description, to: &out)
                out.append(0x7d)
            }
        }
        out.append(0x7d)
        return out
    }
}
