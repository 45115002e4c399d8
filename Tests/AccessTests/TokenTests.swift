import Bytes
import Model
import Testing

@testable import Access

@Suite struct TokenTests {
    /// Digests of FIPS 180-4's examples and around block borders.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (
            String(repeating: "a", count: 64), "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"
        ),
        (
            String(repeating: "a", count: 55), "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"
        ),
    ])
    func digestsAreThoseOfTheStandard(text: String, digest: String) {
        let made = SHA256.digest([UInt8](text.utf8))
        let expected = stride(from: 0, to: 64, by: 2).map { at in
            UInt8(digest.dropFirst(at).prefix(2), radix: 16) ?? 0
        }
        #expect(made == expected)
    }

    @Test func newTokensDifferAndAreReadBack() throws {
        let texts = (0..<100).map { _ in TokenText.random() }
        #expect(Set(texts.map(\.id)).count == 100)
        #expect(Set(texts.map(\.secret)).count == 100)
        for text in texts { #expect(TokenText(text.text) == text) }
    }

    @Test(arguments: [
        "", "x", "dendro_", String(repeating: "_", count: 84),
        "dendro_0123456789ab_" + String(repeating: "0", count: 63),
        "dendrO_0123456789ab_" + String(repeating: "0", count: 64),
        "dendro_0123456789a__" + String(repeating: "0", count: 64),
    ])
    func otherTextsAreNoTokens(text: String) { #expect(TokenText(text) == nil) }

    @Test(
        arguments: [
            ("Bearer abc", "abc"), ("bearer   abc", "abc"), ("Basic dTphYmM=", "abc"), ("Basic OmFiYw", "abc"),
            ("Basic dTphOmI=", "a:b"), ("Basic abc", nil), ("Basic ####", nil), ("Digest x", nil), ("abc", nil),
            ("", nil), ("Basic " + String(repeating: "A", count: 5000), nil),
        ] as [(String, String?)])
    func authorizationsAreRead(header: String, token: String?) {
        #expect(Credential.token(authorization: header) == token)
    }

    @Test func recordsAreReadBack() {
        var token = Token(
            id: "0123456789ab", name: "shop's agent", scope: .push, app: "shop", tenant: TenantID("a"), createdAt: -5,
            expiresAt: 77, linesPerSecond: 10, bytesPerSecond: 1 << 40, digest: SHA256.digest([1]))
        #expect(Token(id: token.id, encoded: token.encoded) == token)
        token.revokedAt = 9
        token.app = nil
        token.expiresAt = nil
        #expect(Token(id: token.id, encoded: token.encoded) == token)
        for count in 0..<token.encoded.count {
            #expect(Token(id: token.id, encoded: Array(token.encoded.prefix(count))) == nil, "\(count)")
        }
    }
}
