import Bytes
import Model
import Synchronization

/// All tokens of a server, and the judgement of requests by them. Any thread.
public final class AccessControl: Sendable {
    /// When a token is asked for.
    public enum Mode: String, Hashable, Sendable, CaseIterable {
        /// As soon as one was ever made.
        case automatic = "auto"
        case required
        /// Never: whoever reaches the server may do everything.
        case open
    }

    public struct Options: Hashable, Sendable {
        public var mode = Mode.automatic
        /// Whether tokens may belong to tenants.
        public var hasTenants = false
        /// What tokens without limits of their own may push in a second; 0 is any.
        public var linesPerSecond = 0
        public var bytesPerSecond = 0

        public init() {}
    }

    public let options: Options
    private let tokensByID: Mutex<[String: Token]>
    /// Records of tokens that could not be read: there are tokens, so one is asked for.
    private let hasDamagedRecords: Bool
    private let throttle = Throttle()
    /// Good for everything, kept nowhere, listed nowhere: for commands on the server's machine.
    private let localToken: Token?

    /// Compared with where a token is unknown, so that it takes as long.
    private static let nobody = SHA256.digest([])

    public init(
        _ options: Options = Options(), tokens: [Token] = [], hasDamagedRecords: Bool = false, localToken: Token? = nil
    ) {
        self.localToken = localToken
        self.options = options
        self.hasDamagedRecords = hasDamagedRecords
        tokensByID = Mutex(Dictionary(tokens.map { ($0.id, $0) }, uniquingKeysWith: { $1 }))
    }

    /// Whether requests without a token are turned away.
    public var isRequired: Bool {
        switch options.mode {
        case .required: true
        case .open: false
        case .automatic: hasDamagedRecords || tokensByID.withLock { !$0.isEmpty }
        }
    }

    /// All that were ever made, oldest first.
    public var tokens: [Token] {
        tokensByID.withLock { Array($0.values) }.sorted { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }
    }

    public func token(_ id: String) -> Token? { tokensByID.withLock { $0[id] } }

    /// Takes a new or changed token into account, from the next request on.
    public func put(_ token: Token) {
        tokensByID.withLock { $0[token.id] = token }
    }

    /// Who shows `token`.
    /// - Parameters:
    ///   - tenant: the tenant that the request names, if it does.
    ///   - now: nanoseconds since 1970.
    public func identity(token text: String?, tenant: String?, now: Int64) -> Result<Identity, Denial> {
        if let text, let localToken, let shown = TokenText(text), shown.id == localToken.id {
            guard SHA256.areEqual(shown.digest, localToken.digest) else { return .failure(.unknownToken) }
            return .success(Identity(tokenID: "local", scope: .admin))
        }
        guard isRequired else { return .success(.anybody) }
        guard let text else { return .failure(.noToken) }
        guard let shown = TokenText(text) else { return .failure(.unknownToken) }
        let known = token(shown.id)
        let isRight = SHA256.areEqual(shown.digest, known?.digest ?? AccessControl.nobody)
        guard let known, isRight, known.revokedAt == nil else { return .failure(.unknownToken) }
        if known.isExpired(at: now) { return .failure(.expired) }
        if options.hasTenants {
            if let tenant, tenant != known.tenant.name { return .failure(.otherTenant) }
        } else if known.tenant != .standard {
            return .failure(.tenantsOff)
        }
        var identity = Identity(tokenID: known.id, scope: known.scope, app: known.app, tenant: known.tenant)
        identity.linesPerSecond = known.linesPerSecond > 0 ? known.linesPerSecond : options.linesPerSecond
        identity.bytesPerSecond = known.bytesPerSecond > 0 ? known.bytesPerSecond : options.bytesPerSecond
        return .success(identity)
    }

    /// Counts a push against the limits of its token; seconds to wait when they are used up.
    public func admit(_ identity: Identity, lines: Int, bytes: Int, monotonicNanoseconds now: Int64) -> Int? {
        guard let id = identity.tokenID, identity.linesPerSecond > 0 || identity.bytesPerSecond > 0 else { return nil }
        return throttle.admit(
            id, [(lines, identity.linesPerSecond), (bytes, identity.bytesPerSecond)], now: now)
    }
}

/// What each token may still push: per limit an account that fills by its rate up to one second's worth. A push is
/// taken while nothing is owed and may overdraw it, so that a large batch waits but is never refused for good.
final class Throttle: Sendable {
    private struct Accounts {
        /// Thousandths of a line or byte.
        var balances: [Int64]
        var time: Int64
    }

    private let accounts = Mutex<[String: Accounts]>([:])

    /// - Parameter demands: amounts with their rates a second; a rate of 0 is no limit.
    func admit(_ id: String, _ demands: [(amount: Int, rate: Int)], now: Int64) -> Int? {
        accounts.withLock { accounts in
            let rates = demands.map { Int64(clamping: min(max($0.rate, 0), 1 << 40)) }
            var own = accounts[id] ?? Accounts(balances: rates.map { $0 * 1000 }, time: now)
            let milliseconds = min(max(now &- own.time, 0) / Nanoseconds.perMillisecond, 3_600_000)
            own.time &+= milliseconds * Nanoseconds.perMillisecond
            for index in rates.indices {
                let (filled, overflow) = rates[index].multipliedReportingOverflow(by: milliseconds)
                let limit = rates[index] * 1000
                own.balances[index] = overflow ? limit : min(limit, own.balances[index].addingClamped(filled))
            }
            defer { accounts[id] = own }
            var wait: Int64 = 0
            for index in rates.indices where rates[index] > 0 && own.balances[index] < 0 {
                wait = max(wait, 1 + (0 &- own.balances[index]) / (rates[index] * 1000))
            }
            if wait > 0 { return Int(min(wait, 3600)) }
            for index in rates.indices where rates[index] > 0 {
                let cost = Int64(clamping: min(demands[index].amount, 1 << 40)) * 1000
                own.balances[index] = own.balances[index].addingClamped(0 &- cost)
            }
            return nil
        }
    }
}

extension Int64 {
    fileprivate func addingClamped(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min / 2 : .max / 2) : sum
    }
}
