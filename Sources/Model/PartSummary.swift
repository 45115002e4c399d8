public import Bytes

/// What is known of one part file without reading its blocks. The same facts stand in the file's footer and in the
/// catalog, so either can be rebuilt from, or checked against, the other.
public struct PartSummary: Hashable, Sendable {
    /// Random, global; the file is named by its hex form.
    public var id: Hash128
    /// The store (data folder) that wrote it.
    public var storeID: Hash128
    public var tenant: TenantID
    public var day: Day
    /// 1 + the highest generation among the inputs; 0 for a part sealed from a head.
    public var generation: UInt32
    public var coverage: Coverage
    /// Parts that this one was made from.
    public var inputs: [Hash128]
    public var rows: UInt64
    /// Lines and metadata before compression, in bytes.
    public var rawBytes: UInt64
    /// Size of the file in bytes.
    public var fileBytes: UInt64
    public var blocks: UInt32
    /// Time of the first and last row, inclusive.
    public var firstTime: Int64
    public var lastTime: Int64
    /// Rows that were not checked against older parts for equal ones (storage rule 8).
    public var isUnclean: Bool

    public init(
        id: Hash128, storeID: Hash128, tenant: TenantID, day: Day, generation: UInt32 = 0,
        coverage: Coverage = Coverage(), inputs: [Hash128] = [], rows: UInt64 = 0, rawBytes: UInt64 = 0,
        fileBytes: UInt64 = 0, blocks: UInt32 = 0, firstTime: Int64 = 0, lastTime: Int64 = 0, isUnclean: Bool = false
    ) {
        self.id = id
        self.storeID = storeID
        self.tenant = tenant
        self.day = day
        self.generation = generation
        self.coverage = coverage
        self.inputs = inputs
        self.rows = rows
        self.rawBytes = rawBytes
        self.fileBytes = fileBytes
        self.blocks = blocks
        self.firstTime = firstTime
        self.lastTime = lastTime
        self.isUnclean = isUnclean
    }

    /// Key of the file below the data folder: `tenants/<percent-encoded tenant>/days/YYYY-MM-DD/<id>.dlp`.
    public var key: String { "\(PartSummary.folder(tenant: tenant, day: day))/\(id.hex).dlp" }

    /// Folder of a tenant's day below the data folder.
    public static func folder(tenant: TenantID, day: Day) -> String {
        "tenants/\(percentEncoded(tenant.name))/days/\(day)"
    }

    /// `name` with every byte but letters, digits, `-` and `_` as `%XX`, so that no tenant can name a path.
    static func percentEncoded(_ name: String) -> String {
        var result = ""
        for byte in name.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x5f: result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                result += "%" + (digits.count < 2 ? "0" : "") + digits
            }
        }
        return result
    }
}
