import Access
import Bytes
import Model
import Store
import Testing

@testable import Server

/// Every route with every kind of token: the door's judgement, and that no route is without a rule.
@Suite struct AuthMatrixTests {
    /// What a client may show.
    enum Shown: String, CaseIterable {
        case nothing, garbage, push, read, admin, shopPush, shopRead, shopAdmin, tenantRead, tenantAdmin, otherTenant
    }

    private static let now: Int64 = 1_000
    private static let texts = Dictionary(
        uniqueKeysWithValues: Shown.allCases.map { ($0, TokenText.random()) })

    private static let access: AccessControl = {
        var options = AccessControl.Options()
        options.hasTenants = true
        let kinds: [(Shown, Scope, String?, TenantID)] = [
            (.push, .push, nil, .standard), (.read, .read, nil, .standard), (.admin, .admin, nil, .standard),
            (.shopPush, .push, "shop", .standard), (.shopRead, .read, "shop", .standard),
            (.shopAdmin, .admin, "shop", .standard), (.tenantRead, .read, nil, TenantID("a")),
            (.tenantAdmin, .admin, nil, TenantID("a")), (.otherTenant, .admin, nil, TenantID("a")),
        ]
        let tokens = kinds.compactMap { kind, scope, app, tenant in
            texts[kind].map {
                Token(id: $0.id, scope: scope, app: app, tenant: tenant, createdAt: 0, digest: $0.digest)
            }
        }
        return AccessControl(options, tokens: tokens)
    }()

    private static let table = RouteTable(
        HTTPService.routes(.fake()),
        door: AuthDoor(access: access, clock: SystemClock(), crossOrigin: CrossOrigin()))

    /// Which of `Shown` open a route with this need; everything else is 401 or 403.
    private func openers(_ need: Need) -> Set<Shown> {
        switch need {
        case .nothing: Set(Shown.allCases)
        case .known: openers(.push).union(openers(.read))
        case .push: [.push, .admin, .shopPush, .shopAdmin, .tenantAdmin]
        case .read: [.read, .admin, .shopRead, .shopAdmin, .tenantRead, .tenantAdmin]
        case .change: [.admin, .shopAdmin, .tenantAdmin]
        case .figures: [.read, .admin]
        case .operate: [.admin]
        }
    }

    private static let paths: [(path: String, need: Need)] =
        [
            ("/loki/api/v1/push", .push), ("/api/prom/push", .push), ("/otlp/v1/logs", .push), ("/v1/logs", .push),
            ("/api/v1/push", .push), ("/api/v1/logs", .push), ("/loki/api/v1/tail", .read), ("/api/prom/tail", .read),
        ]
        + HTTPService.routes(.fake()).map { route in
            (
                route.pattern.replacing("{name}", with: "x").replacing("{namespace}", with: "x")
                    .replacing("{group}", with: "x"), AuthRules.need(route.pattern)
            )
        }

    @Test func everyRouteHasARule() {
        let unknown = HTTPService.routes(.fake()).map(\.pattern).filter { !AuthRules.knows($0) }
        #expect(unknown == [], "name them in AuthRules with what they need")
        #expect(Self.paths.count > 40)
    }

    @Test func needsAreAsMeant() {
        let needs = Dictionary(Self.paths.map { ($0.path, $0.need) }, uniquingKeysWith: { first, _ in first })
        #expect(
            Self.paths.filter { $0.need == .nothing }.map(\.path).sorted() == [
                "/health/live", "/health/ready", "/ready",
            ])
        for path in ["/config", "/flush", "/api/v1/admin/snapshot", "/api/v1/admin/tokens"] {
            #expect(needs[path] == .operate, "\(path)")
        }
        #expect(needs["/metrics"] == .figures)
        #expect(needs["/loki/api/v1/delete"] == .change)
        #expect(needs["/loki/api/v1/query_range"] == .read)
    }

    @Test(arguments: Shown.allCases)
    func tokensOpenWhatTheyShould(shown: Shown) {
        for (path, need) in Self.paths {
            var request = AuthRequest()
            let text = Self.texts[shown]?.text ?? ""
            if shown != .nothing { request.authorization = "Bearer " + text }
            if shown == .otherTenant { request.tenant = "b" }
            let verdict = Self.table.judge(request, path: path)
            switch verdict {
            case .success(let identity):
                #expect(openers(need).contains(shown), "\(path) opened for \(shown)")
                if need != .nothing, shown.rawValue.hasPrefix("shop") { #expect(identity.app == "shop") }
                if need != .nothing, shown.rawValue.hasPrefix("tenant") { #expect(identity.tenant.name == "a") }
            case .failure(let denial):
                #expect(!openers(need).contains(shown), "\(path) closed for \(shown): \(denial)")
                #expect(denial.asksForToken == (shown == .nothing || shown == .garbage), "\(path) \(shown)")
            }
        }
    }

    @Test(arguments: [
        ("/api/v1/observability/alerts/rules", "GET", Shown.read, true),
        ("/api/v1/observability/alerts/rules", "PUT", .read, false),
        ("/api/v1/observability/alerts/rules", "PUT", .admin, true),
        ("/api/v1/observability/alerts/rules", "PUT", .shopAdmin, false),
        ("/loki/api/v1/rules/a", "GET", .read, true), ("/loki/api/v1/rules/a", "POST", .read, false),
        ("/loki/api/v1/rules/a", "POST", .tenantAdmin, true), ("/api/prom/rules/a/b", "DELETE", .tenantRead, false),
        ("/api/v1/observability/alerts/x/ack", "POST", .shopAdmin, false),
        ("/api/v1/observability/metrics/report", "POST", .push, true),
    ])
    func changesNeedMoreThanLooks(path: String, method: String, shown: Shown, isAllowed: Bool) {
        let request = AuthRequest(authorization: "Bearer " + (Self.texts[shown]?.text ?? ""))
        let verdict = Self.table.judge(request, path: path, method: method)
        #expect(((try? verdict.get()) != nil) == isAllowed)
    }

    @Test func pathsThatAreNoRouteTellStrangersNothing() {
        #expect(Self.table.judge(AuthRequest(), path: "/nothing") == .failure(.noToken))
        let known = AuthRequest(authorization: "Bearer " + (Self.texts[.push]?.text ?? ""))
        #expect((try? Self.table.judge(known, path: "/nothing").get()) != nil)
    }

    @Test(
        arguments: [
            ("/loki/api/v1/push", "http://evil.example", false), ("/flush", "http://evil.example", false),
            ("/loki/api/v1/delete", "null", false), ("/loki/api/v1/query", "http://evil.example", true),
            ("/loki/api/v1/push", "http://logs.example:3100", true), ("/flush", "https://ok.example", true),
            ("/loki/api/v1/push", nil, true),
        ] as [(String, String?, Bool)])
    func pagesOfOtherSitesChangeNothing(path: String, origin: String?, isTaken: Bool) {
        let door = AuthDoor(
            access: AccessControl(), clock: SystemClock(), crossOrigin: CrossOrigin(origins: ["https://ok.example"]))
        let table = RouteTable(HTTPService.routes(.fake()), door: door)
        let verdict = table.judge(AuthRequest(origin: origin, host: "logs.example:3100"), path: path)
        #expect(((try? verdict.get()) != nil) == isTaken)
    }
}
