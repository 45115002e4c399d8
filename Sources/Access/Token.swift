import Bytes
public import Model

/// A token as the server keeps it: everything but its secret.
public struct Token: Hashable, Sendable {
    /// Public, unique; 12 hex digits.
    public var id: String
    /// What it is for, in its owner's words.
    public var name: String
    public var scope: Scope
    public var app: String?
    public var tenant: TenantID
    /// Nanoseconds since 1970.
    public var createdAt: Int64
    public var expiresAt: Int64?
    public var revokedAt: Int64?
    /// Per second; 0 stands for the server's setting.
    public var linesPerSecond: Int
    public var bytesPerSecond: Int
    /// SHA-256 of the secret.
    public var digest: [UInt8]

    /// Longest names of tokens, apps and tenants, in bytes.
    public static let nameBytes = 256

    public init(
        id: String, name: String = "", scope: Scope, app: String? = nil, tenant: TenantID = .standard,
        createdAt: Int64, expiresAt: Int64? = nil, linesPerSecond: Int = 0, bytesPerSecond: Int = 0, digest: [UInt8]
    ) {
        self.id = id
        self.name = name
        self.scope = scope
        self.app = app
        self.tenant = tenant
        self.createdAt = createdAt
        self.expiresAt = expiresAt
        self.linesPerSecond = linesPerSecond
        self.bytesPerSecond = bytesPerSecond
        self.digest = digest
    }

    /// Whether it opens anything at `now`.
    public func isUsable(at now: Int64) -> Bool { revokedAt == nil && !isExpired(at: now) }

    public func isExpired(at now: Int64) -> Bool { expiresAt.map { $0 <= now } ?? false }
}

extension Token {
    /// The version of `encoded`.
    public static let version: UInt32 = 1

    /// For the records of the store.
    public var encoded: [UInt8] {
        var out: [UInt8] = []
        out.appendPrefixed(name)
        out.append(scope.rawValue)
        out.appendPrefixed(app ?? "")
        out.appendPrefixed(tenant.name)
        out.appendZigzag(createdAt)
        out.appendZigzag(expiresAt ?? .max)
        out.appendZigzag(revokedAt ?? .max)
        out.appendVarint(UInt64(clamping: linesPerSecond))
        out.appendVarint(UInt64(clamping: bytesPerSecond))
        out.appendPrefixed(digest)
        return out
    }

    /// Reads a record back; nil when it is none.
    public init?(id: String, encoded: [UInt8]) {
        var reader = ByteReader(encoded)
        do throws(ReadError) {
            let name = try reader.prefixedText()
            guard let scope = Scope(rawValue: try reader.byte()) else { return nil }
            let app = try reader.prefixedText()
            let tenant = TenantID(try reader.prefixedText())
            let times = [try reader.zigzag(), try reader.zigzag(), try reader.zigzag()]
            let lines = Int(clamping: try reader.varint())
            let bytes = Int(clamping: try reader.varint())
            let digest = try reader.prefixed()
            guard digest.count == 32 else { return nil }
            self.init(
                id: id, name: name, scope: scope, app: app.isEmpty ? nil : app, tenant: tenant, createdAt: times[0],
                expiresAt: times[1] == .max ? nil : times[1], linesPerSecond: lines, bytesPerSecond: bytes,
                digest: digest)
            revokedAt = times[2] == .max ? nil : times[2]
        } catch {
            return nil
        }
    }
}
