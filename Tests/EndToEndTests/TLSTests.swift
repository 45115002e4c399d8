import Foundation
import Testing

/// HTTPS on the real binary, asked by curl, with certificates of an authority of the test's own.
@Suite(.serialized) struct TLSTests {
    private let server: ServerProcess
    private var folder: String { server.folder }

    init() throws {
        server = try ServerProcess()
        try make(
            """
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj '/CN=Test root' \
            -keyout ca.key -out ca.pem
            """)
        try certificate("one", "server", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    }

    private func make(_ command: String) throws { _ = try Packing.shell(command, in: folder) }

    /// A key and a certificate of the authority in `name.key` and `name.pem`.
    private func certificate(_ serial: String, _ name: String, _ extensions: String) throws {
        try make(
            """
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj '/CN=\(serial)' \
            -keyout new.key -out new.csr && printf '%s' '\(extensions)' > new.ext && \
            openssl x509 -req -in new.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile new.ext \
            -out new.pem && mv new.key \(name).key && mv new.pem \(name).pem
            """)
    }

    private var arguments: [String] {
        ["--tls-certificate", folder + "/server.pem", "--tls-key", folder + "/server.key"]
    }

    /// What curl says and writes.
    private func curl(_ path: String, _ options: String = "") throws -> String {
        let address = "https://localhost:\(server.port)\(path)"
        let command = "curl -sS -m 20 --cacert ca.pem \(options) '\(address)' 2>&1; echo \" exit $?\""
        return String(decoding: try Packing.shell(command, in: folder), as: UTF8.self)
    }

    private func start(_ more: [String] = []) throws {
        try server.start(arguments + more, isReady: false)
        _ = try server.poll("listening") { server.log.contains("\"listening\"") ? true : nil }
    }

    /// The name in the certificate that a new connection gets.
    private func name() throws -> String {
        let command =
            "openssl s_client -connect 127.0.0.1:\(server.port) -CAfile ca.pem < /dev/null 2>/dev/null"
            + " | openssl x509 -noout -subject"
        return String(decoding: try Packing.shell(command, in: folder), as: UTF8.self)
    }

    @Test func pushesAndQueriesAreEncrypted() throws {
        try start()
        let pushed = try curl("/api/v1/push", "-d '{\"app\":\"tls\",\"message\":\"encrypted\"}'")
        #expect(pushed.contains("\"accepted\":1") && pushed.hasSuffix(" exit 0\n"), "\(pushed)")
        let found = try curl("/loki/api/v1/query_range?query=%7Bapp%3D%22tls%22%7D")
        #expect(found.contains("encrypted"), "\(found)")
        // Plain HTTP gets nothing, and costs nothing.
        let plain = try? HTTPConnection(port: server.port).send("GET", "/ready")
        #expect(plain == nil || plain?.status == 400)
        for version in ["1.0", "1.1"] {
            let old = try curl("/ready", "--tls-max \(version) --ciphers DEFAULT@SECLEVEL=0")
            #expect(!old.contains("ready") && !old.hasSuffix(" exit 0\n"), "\(old)")
        }
        for version in ["1.2", "1.3"] {
            let new = try curl("/ready", "--tlsv\(version) --tls-max \(version)")
            #expect(new.hasPrefix("ready") && new.hasSuffix(" exit 0\n"), "\(new)")
        }
        #expect(try curl("/ready", "--http2").hasPrefix("ready"))
        let ownCommand = try server.command(["token", "list", "--data-dir", server.dataFolder])
        #expect(ownCommand.status == 0, "\(ownCommand.output)")
        #expect(server.stop() == 0)
    }

    /// A second server tells this one of an alert, over HTTPS: pushes take any JSON.
    @Test func alertsGoToEncryptedAddresses() throws {
        try start()
        let other = try ServerProcess()
        let hook = "https://localhost:\(server.port)/api/v1/push?app=hook"
        try other.start(["--alerts-webhooks", hook, "--alerts-ca", folder + "/ca.pem"])
        #expect(try other.request("POST", "/api/v1/observability/alerts/test").status == 202)
        let found = try server.poll("told of the alert") { () -> String? in
            let reply = try curl("/loki/api/v1/query_range?query=%7Bapp%3D%22hook%22%7D")
            return reply.contains("a test of notices") ? reply : nil
        }
        #expect(found.contains("webhook") || found.contains("al_test"), "\(found)")
        #expect(other.stop() == 0)
        try make("echo broken > broken.pem")
        #expect(throws: (any Error).self) { try other.start(["--alerts-ca", folder + "/broken.pem"]) }
        #expect(other.log.contains("alerts.ca"), "\(other.log)")
    }

    /// Alerts go to nobody whose certificate is not that of the address, or of an authority that nobody named.
    @Test func strangersAreNotToldOfAlerts() throws {
        try start()
        let sender = try ServerProcess()
        func refused(_ more: [String]) throws {
            let hook = "https://localhost:\(server.port)/secret-path/push"
            try sender.start(["--alerts-webhooks", hook, "--log-level", "debug"] + more)
            #expect(try sender.request("POST", "/api/v1/observability/alerts/test").status == 202)
            _ = try sender.poll("refusing") { sender.log.contains("alert not delivered") ? true : nil }
            #expect(!sender.log.contains("secret-path"))
            sender.kill()
        }
        try refused([])
        #expect(sender.log.contains("CERTIFICATE_VERIFY_FAILED"), "\(sender.log)")
        try certificate("two", "server", "subjectAltName=DNS:other.example")
        _ = try server.poll("showing the new certificate") { try name().contains("two") ? true : nil }
        try refused(["--alerts-ca", folder + "/ca.pem"])
        #expect(!server.log.contains("secret-path"), "\(server.log)")
    }

    @Test func clientsNeedACertificateWhereOneIsAskedFor() throws {
        try start(["--tls-client-ca", folder + "/ca.pem"])
        try certificate("client", "client", "extendedKeyUsage=clientAuth")
        let refused = try curl("/ready")
        #expect(!refused.contains("ready\n"), "\(refused)")
        let served = try curl("/ready", "--cert client.pem --key client.key")
        #expect(served.hasPrefix("ready"), "\(served)")
        try make("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=x -keyout other.key -out other.pem")
        let stranger = try curl("/ready", "--cert other.pem --key other.key")
        #expect(!stranger.contains("ready\n"), "\(stranger)")
    }

    @Test func renewedCertificatesAreTakenOver() throws {
        try start()
        #expect(try name().contains("one"))
        try certificate("two", "server", "subjectAltName=DNS:localhost,IP:127.0.0.1")
        _ = try server.poll("showing the new certificate") { try name().contains("two") ? true : nil }
        #expect(try curl("/ready").hasPrefix("ready"))
        try make("echo broken > server.pem")
        _ = try server.poll("telling") { server.log.contains("the former stays in use") ? true : nil }
        #expect(try name().contains("two"))
        #expect(try curl("/ready").hasPrefix("ready"))
        try certificate("three", "server", "subjectAltName=DNS:localhost,IP:127.0.0.1")
        _ = try server.poll("showing the newest certificate") { try name().contains("three") ? true : nil }
    }

    @Test(arguments: ["missing", "empty", "wrong key"]) func filesThatAreOfNoUseStopTheStart(what: String) throws {
        switch what {
        case "missing": try make("rm server.pem")
        case "empty": try make(": > server.pem")
        default: try make("openssl genrsa -out server.key 2048")
        }
        let serve = ["serve", "--listen", "127.0.0.1:0", "--data-dir", server.dataFolder]
        let ended = try server.command(serve + arguments)
        #expect(ended.status == 78 && ended.output.contains(folder), "\(ended.status) \(ended.output)")
    }

    /// A peer that never ends its handshake is let go, and holds nobody up.
    @Test func handshakesAreNotWaitedForForever() throws {
        try start(["--http-head-timeout", "1s"])
        let idle = try HTTPConnection(port: server.port)
        idle.write([22, 3, 1])
        #expect(try curl("/ready").hasPrefix("ready"))
        #expect(throws: HTTPConnection.Closed.self) { _ = try idle.take(1) }
    }
}
