/// The messages of an export request and how their fields are written in JSON.
enum OTLPFields {
    enum Message: Int, CaseIterable {
        case request, resourceLogs, resource, scopeLogs, scope, record, keyValue, value, array, map
    }

    enum Kind {
        /// A message, or a list of them.
        case message(Message)
        case text
        /// Base64.
        case bytes
        /// Hexadecimal digits.
        case identifier
        /// Integers, as numbers or as text.
        case fixed64
        case fixed32
        case varint
        /// A severity by number or by name.
        case severity
        case bool
        case double
    }

    struct Field {
        /// Lower-case and without underscores, as names are compared.
        let name: [UInt8]
        let number: Int
        let kind: Kind

        init(_ name: String, _ number: Int, _ kind: Kind) {
            self.name = [UInt8](name.utf8)
            self.number = number
            self.kind = kind
        }
    }

    /// The field called `name` (lower-case, without underscores), or nil.
    static func field(_ name: [UInt8], of message: Message) -> Field? {
        for field in table[message.rawValue] where field.name == name { return field }
        return nil
    }

    private static let table: [[Field]] = Message.allCases.map(fields)

    private static func fields(of message: Message) -> [Field] {
        switch message {
        case .request: [Field("resourcelogs", 1, .message(.resourceLogs))]
        case .resourceLogs:
            [Field("resource", 1, .message(.resource)), Field("scopelogs", 2, .message(.scopeLogs))]
        case .resource: [Field("attributes", 1, .message(.keyValue))]
        case .scopeLogs: [Field("scope", 1, .message(.scope)), Field("logrecords", 2, .message(.record))]
        case .scope:
            [
                Field("name", 1, .text), Field("version", 2, .text), Field("attributes", 3, .message(.keyValue)),
                Field("droppedattributescount", 4, .varint),
            ]
        case .record:
            [
                Field("timeunixnano", 1, .fixed64), Field("severitynumber", 2, .severity),
                Field("severitytext", 3, .text), Field("body", 5, .message(.value)),
                Field("attributes", 6, .message(.keyValue)), Field("droppedattributescount", 7, .varint),
                Field("flags", 8, .fixed32), Field("traceid", 9, .identifier), Field("spanid", 10, .identifier),
                Field("observedtimeunixnano", 11, .fixed64),
            ]
        case .keyValue: [Field("key", 1, .text), Field("value", 2, .message(.value))]
        case .value:
            [
                Field("stringvalue", 1, .text), Field("boolvalue", 2, .bool), Field("intvalue", 3, .varint),
                Field("doublevalue", 4, .double), Field("arrayvalue", 5, .message(.array)),
                Field("kvlistvalue", 6, .message(.map)), Field("bytesvalue", 7, .bytes),
            ]
        case .array: [Field("values", 1, .message(.value))]
        case .map: [Field("values", 1, .message(.keyValue))]
        }
    }
}
