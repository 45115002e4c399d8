// Access: who may do what. Tokens with their scopes, apps and tenants, how they are written and compared, what a
// request is allowed by them, and how much a token may push in a second. It knows no HTTP, no files and no store:
// records of tokens come in and go out as bytes, and times are given to it. Nothing here keeps a token's secret.

public import Model

/// What a token is for. Each is more than the one before only where it says so: a reader cannot push.
public enum Scope: UInt8, Hashable, Sendable, CaseIterable {
    /// Sends entries, sees none.
    case push = 1
    /// Sees entries, sends none.
    case read = 2
    /// Everything, deletion and settings among it.
    case admin = 3

    public var name: String {
        switch self {
        case .push: "push"
        case .read: "read"
        case .admin: "admin"
        }
    }

    public init?(name: String) {
        guard let scope = Scope.allCases.first(where: { $0.name == name }) else { return nil }
        self = scope
    }
}

/// What a request needs.
public enum Need: Hashable, Sendable, CaseIterable {
    /// Nothing: probes of supervisors.
    case nothing
    /// A token of any scope: the route looks further, by its method.
    case known
    case push
    /// Entries or what is known of them: answers are cut to the token's app and tenant.
    case read
    /// Changes of what is stored, within the token's app and tenant.
    case change
    /// The figures of the whole server, read only: an admin or a reader without bounds.
    case figures
    /// Settings, tokens, snapshots: the whole server.
    case operate
}

/// Who asks.
public struct Identity: Hashable, Sendable {
    /// The token's public part; nil where nobody has to show one.
    public var tokenID: String?
    public var scope: Scope
    /// The only app whose entries it may touch.
    public var app: String?
    public var tenant: TenantID
    /// Per second; 0 is any.
    public var linesPerSecond = 0
    public var bytesPerSecond = 0

    public init(tokenID: String?, scope: Scope, app: String? = nil, tenant: TenantID = .standard) {
        self.tokenID = tokenID
        self.scope = scope
        self.app = app
        self.tenant = tenant
    }

    /// Whoever asks a server that asks nobody for a token.
    public static let anybody = Identity(tokenID: nil, scope: .admin)

    /// Whether it sees the whole server: all apps, all tenants.
    public var isUnbounded: Bool { app == nil && tenant == .standard }

    /// Why it may not do what needs `need`, or nil.
    public func denial(of need: Need) -> Denial? {
        let isAllowed =
            switch need {
            case .nothing, .known: true
            case .push: scope != .read
            case .read: scope != .push
            case .change: scope == .admin
            case .figures: scope != .push && isUnbounded
            case .operate: scope == .admin && isUnbounded
            }
        return isAllowed ? nil : .notAllowed(need, self)
    }

    /// How logs name it.
    public var description: String { tokenID.map { "token \($0)" } ?? "anybody" }
}

/// Why a request is turned away.
public enum Denial: Error, Hashable, Sendable {
    /// No token was shown.
    case noToken
    /// Not a token of this server, or one that was revoked.
    case unknownToken
    case expired
    /// X-Scope-OrgID names another tenant than the token's.
    case otherTenant
    /// The token belongs to a tenant, and the server has none.
    case tenantsOff
    case notAllowed(Need, Identity)
    /// A page of another site has made a browser send the request.
    case otherOrigin
    /// A stream of another app than the token's.
    case otherApp(allowed: String, found: String?)

    /// Whether another token would help (401) or this one is known and not enough (403).
    public var asksForToken: Bool {
        switch self {
        case .noToken, .unknownToken, .expired: true
        default: false
        }
    }

    /// For people: what was wrong, and what to do.
    public var text: String {
        switch self {
        case .noToken:
            "this server asks for a token: send it as 'Authorization: Bearer …' or as the password of Basic"
        case .unknownToken: "this token is unknown or was revoked"
        case .expired: "this token has expired"
        case .otherTenant: "this token does not belong to the tenant that X-Scope-OrgID names"
        case .tenantsOff: "this token belongs to a tenant, and this server has no tenants (access.tenants)"
        case .notAllowed(let need, let identity): Denial.text(need, identity)
        case .otherOrigin: "pages of other sites may change nothing here; http.cors_origins names those that may"
        case .otherApp(let allowed, let found):
            found.map { "this token is for app=\(LabelSet.quoted(allowed)), not for app=\(LabelSet.quoted($0))" }
                ?? "this token is for app=\(LabelSet.quoted(allowed)): every stream needs that label"
        }
    }

    private static func text(_ need: Need, _ identity: Identity) -> String {
        let isBounded = identity.scope == .admin || (need == .figures && identity.scope == .read)
        if isBounded { return "this needs a token for the whole server, and this one is for a part of it" }
        let wanted =
            switch need {
            case .push: "push or admin"
            case .read: "read or admin"
            case .figures: "read or admin"
            default: "admin"
            }
        return "this needs a token of scope \(wanted), and this one has \(identity.scope.name)"
    }
}
