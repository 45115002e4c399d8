import Bytes
import Index
import Model
import Store
import Testing

@testable import Errors

/// States of groups: what people set, and what brings a group back.
struct ErrorStateTests {
    @Test func anIgnoredGroupComesBackByCountAndTime() throws {
        let log = ErrorLog()
        log.observe(observed([(start, "failed 1")]))
        let id = try #require(log.list(.standard).first?.id)
        _ = log.apply(.ignore(until: 0, count: 2, users: 0), to: id, .standard, by: "ann", comment: "", now: start)
        log.observe(observed([(start + 1, "failed 2")]))
        #expect(log.group(.standard, id)?.status == .ignored)
        log.observe(observed([(start + 2, "failed 3")]))
        #expect(log.group(.standard, id)?.status == .unresolved)
        _ = log.apply(
            .ignore(until: start + 100, count: 0, users: 0), to: id, .standard, by: "ann", comment: "",
            now: start + 3)
        log.observe(observed([(start + 50, "failed 4")]))
        #expect(log.group(.standard, id)?.status == .ignored)
        log.observe(observed([(start + 100, "failed 5")]))
        #expect(log.group(.standard, id)?.status == .unresolved)
    }

    private func event(_ release: String, user: Int = 1) -> String {
        #"{"msg":"x","stack":"TypeError: y\n    at f (/a.js:1:2)","user_id":\#(user),"version":"\#(release)"}"#
    }

    /// Events of `releases`, one after the other, until the group regresses; the release that made it.
    private func regression(_ resolution: Resolution, known: [String], then releases: [String]) throws -> String? {
        let log = ErrorLog()
        for release in known { log.observe(observed([(start, event(release))])) }
        let id = try #require(log.list(.standard).first?.id)
        _ = log.apply(.resolve(resolution), to: id, .standard, by: "ann", comment: "", now: start + 1)
        for release in releases {
            log.observe(observed([(start + 2, event(release))]))
            if log.group(.standard, id)?.status == .regressed { return release }
        }
        return nil
    }

    @Test func olderReleasesDoNotBringAResolvedGroupBack() throws {
        let old = ["1.2.2", "shop@9.9", "1.2.3-rc.1", "", "1.2"]
        #expect(try regression(Resolution("1.2.3"), known: ["1.2.2", "shop@9.9"], then: old) == nil)
        #expect(try regression(Resolution("1.2.3"), known: ["1.2.2"], then: ["1.2.3"]) == "1.2.3")
        #expect(try regression(Resolution("1.2.3"), known: ["1.2.2"], then: ["1.2.2", "v1.10"]) == "v1.10")
        // "next": the newest known release is still one of those before it.
        let next = Resolution("1.2.3", isAfter: true)
        #expect(try regression(next, known: ["1.2.3"], then: ["1.2.3", "1.2.3+5", "1.2.4"]) == "1.2.4")
        // Names that are no versions: what was there before is older, what was not is newer.
        let hashes = ["4bf92f3a", "a3ce929d"]
        #expect(try regression(Resolution("00f067aa"), known: hashes, then: hashes) == nil)
        #expect(try regression(Resolution("00f067aa"), known: hashes, then: hashes + ["00f067aa"]) == "00f067aa")
        #expect(try regression(Resolution("00f067aa"), known: hashes, then: ["0ba902b7"]) == "0ba902b7")
    }

    /// The examples of Semantic Versioning 2.0.0, section 11, and some more.
    @Test func releasesAreOrderedAsVersions() {
        let ascending = [
            "0.9", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11",
            "1.0.0-rc.1", "1.0.0", "2.0.0", "2.1", "2.1.1", "10",
        ]
        for (index, one) in ascending.enumerated() {
            for other in ascending[(index + 1)...] {
                #expect(ReleaseVersion.order(one, other) == .less, "\(one) < \(other)")
                #expect(ReleaseVersion.order("v" + other, one) == .greater)
            }
            #expect(ReleaseVersion.order(one + "+build.7", one) == .equal)
        }
        #expect(ReleaseVersion.order("1.0", "1.0.0") == .equal)
        #expect(ReleaseVersion.order("shop@1.0", "shop@1.1") == .less)
        for odd in ["", "v", "1.", ".1", "a.b", "1.0.0.0.0.0.0.0.0", "99999999999999999999", "web@1.0", "-1"] {
            #expect(ReleaseVersion.order(odd, "1.0") == nil, "\(odd)")
        }
    }

    @Test func anIgnoredGroupComesBackByUsers() throws {
        let log = ErrorLog()
        log.observe(observed([(start, event("1", user: 1)), (start, event("1", user: 2))]))
        let id = try #require(log.list(.standard).first?.id)
        let two = ErrorLog.Change.ignore(until: 0, count: 0, users: 2)
        _ = log.apply(two, to: id, .standard, by: "ann", comment: "", now: start)
        // Users that were seen before, and the same one twice.
        log.observe(observed([(start + 1, event("1", user: 1)), (start + 1, event("2", user: 3))]))
        log.observe(observed([(start + 2, event("3", user: 3))]))
        #expect(log.group(.standard, id)?.status == .ignored)
        log.observe(observed([(start + 3, event("3", user: 4))]))
        #expect(log.group(.standard, id)?.status == .unresolved)
    }

    @Test func theNewestReleaseIsThatOfTheApp() throws {
        let log = ErrorLog()
        #expect(log.newestRelease(.standard, app: "shop") == nil)
        log.observe(observed([(start, event("1.10"))]))
        log.observe(observed([(start + 5, #"{"msg":"other","level":"error","version":"1.9"}"#)]))
        log.observe(observed([(start + 9, event("7.0"))], labels: [("app", "payment")]))
        #expect(log.newestRelease(.standard, app: "shop") == "1.10")
    }

    /// States that were stored before groups knew of releases are read; those of today are read as they were.
    @Test func statesOfAnOlderVersionAreRead() throws {
        let log = ErrorLog()
        log.observe(observed([(start, event("1"))]))
        let id = try #require(log.list(.standard).first?.id)
        _ = log.apply(.resolve(Resolution("2", isAfter: true)), to: id, .standard, by: "a", comment: "", now: start)
        let group = try #require(log.group(.standard, id))
        var bytes: [UInt8] = []
        group.encode(to: &bytes, hasNewest: true)
        var reader = ByteReader(bytes)
        let same = try ErrorGroup(&reader, version: 4, pages: group.pages)
        #expect(same.resolution == Resolution("2", isAfter: true))
        // The new end: no users, a kind, one byte of text behind its length.
        var old = ByteReader(Array(bytes.dropLast(4)))
        let older = try ErrorGroup(&old, version: 3, pages: group.pages)
        #expect(old.offset == bytes.count - 4)
        #expect(older.resolution == nil)
        #expect(older.status == .resolved)
    }
}
