import Model
import Testing

@testable import Access

@Suite struct AccessControlTests {
    private let text = TokenText.random()

    private func token(_ scope: Scope, app: String? = nil, tenant: TenantID = .standard) -> Token {
        Token(
            id: text.id, scope: scope, app: app, tenant: tenant, createdAt: 0, expiresAt: 1000, digest: text.digest)
    }

    private func control(_ token: Token?, _ change: (inout AccessControl.Options) -> Void = { _ in }) -> AccessControl {
        var options = AccessControl.Options()
        change(&options)
        return AccessControl(options, tokens: token.map { [$0] } ?? [])
    }

    @Test func withoutTokensNobodyIsAsked() {
        #expect(control(nil).identity(token: nil, tenant: "x", now: 0) == .success(.anybody))
        #expect(control(nil) { $0.mode = .required }.identity(token: nil, tenant: nil, now: 0) == .failure(.noToken))
        #expect(
            control(token(.read)) { $0.mode = .open }.identity(token: nil, tenant: nil, now: 0) == .success(.anybody))
        #expect(AccessControl(hasDamagedRecords: true).isRequired)
    }

    @Test func tokensCountUntilTheyExpireOrAreRevoked() {
        let control = control(token(.read, app: "shop"))
        let identity = Identity(tokenID: text.id, scope: .read, app: "shop")
        #expect(control.identity(token: text.text, tenant: nil, now: 999) == .success(identity))
        #expect(control.identity(token: text.text, tenant: nil, now: 1000) == .failure(.expired))
        #expect(control.identity(token: nil, tenant: nil, now: 0) == .failure(.noToken))
        var revoked = token(.read)
        revoked.revokedAt = 5
        control.put(revoked)
        #expect(control.identity(token: text.text, tenant: nil, now: 6) == .failure(.unknownToken))
        #expect(control.isRequired, "a server whose last token was revoked must not open up")
    }

    @Test func everyBitOfTheSecretCounts() {
        let control = control(token(.admin))
        for place in 0..<64 {
            var secret = Array(text.secret.utf8)
            secret[place] = secret[place] == 0x30 ? 0x31 : 0x30
            let forged = "dendro_\(text.id)_" + String(decoding: secret, as: UTF8.self)
            #expect(control.identity(token: forged, tenant: nil, now: 0) == .failure(.unknownToken))
        }
        let other = TokenText.random()
        #expect(control.identity(token: other.text, tenant: nil, now: 0) == .failure(.unknownToken))
    }

    @Test func tenantsAreBoundToTokens() {
        let own = token(.read, tenant: TenantID("a"))
        let off = control(own)
        #expect(off.identity(token: text.text, tenant: "a", now: 0) == .failure(.tenantsOff))
        let on = control(own) { $0.hasTenants = true }
        for named in [nil, "a"] as [String?] {
            #expect((try? on.identity(token: text.text, tenant: named, now: 0).get())?.tenant == TenantID("a"))
        }
        for named in ["b", "", "A", "default", "a|b"] {
            #expect(on.identity(token: text.text, tenant: named, now: 0) == .failure(.otherTenant))
        }
        // Without tenants the header is ignored, as in the reference.
        #expect(
            (try? control(token(.read)).identity(token: text.text, tenant: "b", now: 0).get())?.tenant == .standard)
    }

    /// Scope, bounds, need: allowed?
    @Test(arguments: [
        (Scope.push, false, [Need.nothing, .known, .push]), (.push, true, [.nothing, .known, .push]),
        (.read, false, [.nothing, .known, .read, .figures]), (.read, true, [.nothing, .known, .read]),
        (.admin, false, Need.allCases), (.admin, true, [.nothing, .known, .push, .read, .change]),
    ])
    func scopesAllowWhatTheySay(scope: Scope, isBounded: Bool, allowed: [Need]) {
        let app = Identity(tokenID: "x", scope: scope, app: isBounded ? "shop" : nil)
        let tenant = Identity(tokenID: "x", scope: scope, tenant: isBounded ? TenantID("a") : .standard)
        for need in Need.allCases {
            #expect((app.denial(of: need) == nil) == allowed.contains(need), "\(need)")
            #expect((tenant.denial(of: need) == nil) == allowed.contains(need), "\(need)")
        }
    }

    @Test func ratesAreKept() {
        let control = control(token(.push))
        var identity = Identity(tokenID: "x", scope: .push)
        #expect(control.admit(identity, lines: 1 << 60, bytes: 1 << 60, monotonicNanoseconds: 0) == nil)
        identity.linesPerSecond = 100
        #expect(control.admit(identity, lines: 60, bytes: 5, monotonicNanoseconds: 0) == nil)
        #expect(control.admit(identity, lines: 60, bytes: 5, monotonicNanoseconds: 0) == nil, "overdrawn by 20")
        #expect(control.admit(identity, lines: 1, bytes: 5, monotonicNanoseconds: 0) == 1)
        #expect(control.admit(identity, lines: 1, bytes: 5, monotonicNanoseconds: 100_000_000) == 1)
        #expect(control.admit(identity, lines: 1000, bytes: 5, monotonicNanoseconds: 200_000_000) == nil)
        #expect(control.admit(identity, lines: 1, bytes: 5, monotonicNanoseconds: 200_000_000) == 11)
        // Over a minute, what is taken is the rate, and at most one overdraft.
        var taken = 0
        for step in 0..<6000 {
            let now = 20_000_000_000 + Int64(step) * 10_000_000
            if control.admit(identity, lines: 7, bytes: 0, monotonicNanoseconds: now) == nil { taken += 7 }
        }
        #expect((5900...6110).contains(taken), "\(taken)")
    }
}
