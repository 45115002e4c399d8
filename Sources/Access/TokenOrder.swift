import Bytes
public import Model

/// What a new token shall be.
public struct TokenOrder: Hashable, Sendable {
    public var scope: Scope
    public var name = ""
    public var app: String?
    public var tenant = TenantID.standard
    /// How long it is good for; nil is until it is revoked.
    public var lifeSeconds: Int?
    public var linesPerSecond = 0
    public var bytesPerSecond = 0

    public init(scope: Scope) {
        self.scope = scope
    }

    /// What is wrong with the order, or nil.
    public var fault: String? {
        let texts = [("a token's name", name), ("app", app ?? "x"), ("tenant", tenant.name)]
        for (what, text) in texts {
            if text.utf8.count > Token.nameBytes { return "\(what) is longer than \(Token.nameBytes) bytes" }
            if text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f }) {
                return "\(what) contains control characters"
            }
        }
        if app?.isEmpty == true { return "app is empty" }
        if let fault = TokenOrder.fault(ofTenant: tenant.name) { return fault }
        if let lifeSeconds, lifeSeconds < 1 { return "a token cannot expire before it is made" }
        if linesPerSecond < 0 || bytesPerSecond < 0 { return "limits cannot be negative" }
        return nil
    }

    /// The reference's rules for names of tenants.
    static func fault(ofTenant name: String) -> String? {
        if name.isEmpty || name.utf8.count > 150 { return "a tenant's name has 1 to 150 bytes" }
        if name == "." || name == ".." { return "a tenant cannot be called '\(name)'" }
        let allowed = Set("!-_.*'()".utf8)
        for scalar in name.unicodeScalars {
            let isPlain =
                scalar.isASCII
                && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
                    || allowed.contains(UInt8(truncatingIfNeeded: scalar.value)))
            if !isPlain { return "tenant ID '\(name)' contains unsupported character '\(scalar)'" }
        }
        return nil
    }

    /// The token, and the text to show once.
    /// - Parameter now: nanoseconds since 1970.
    public func made(at now: Int64) -> (token: Token, text: String) {
        let text = TokenText.random()
        let life = lifeSeconds.map { Int64(clamping: $0).multipliedReportingOverflow(by: Nanoseconds.perSecond) }
        let end = life.map { $0.overflow ? Int64.max - 1 : now.addingReportingOverflow($0.partialValue).partialValue }
        let token = Token(
            id: text.id, name: name, scope: scope, app: app, tenant: tenant, createdAt: now,
            expiresAt: end.map { $0 < now ? Int64.max - 1 : $0 }, linesPerSecond: linesPerSecond,
            bytesPerSecond: bytesPerSecond, digest: text.digest)
        return (token, text.text)
    }
}
