import Receive

/// The part of Content-Type that decides how a push is read.
enum MediaType {
    /// Whether `header` names JSON; everything else that is a media type means snappy-protobuf.
    /// - Throws: 400 when there is no media type.
    static func isJSON(_ header: String?) throws(ReceiveError) -> Bool {
        let type = (header ?? "").utf8.prefix { $0 != 0x3b }
        let text = type.filter { $0 != 0x20 && $0 != 0x09 }
        guard !text.isEmpty else { throw ReceiveError.malformed("mime: no media type") }
        let lower = text.map { $0 &- 0x41 < 26 ? $0 | 0x20 : $0 }
        guard lower.allSatisfy({ $0 > 0x20 && $0 < 0x7f }), lower.count(where: { $0 == 0x2f }) <= 1 else {
            throw ReceiveError.malformed("mime: unexpected content after media type")
        }
        return lower.elementsEqual("application/json".utf8)
    }
}
