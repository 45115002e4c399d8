import Glibc
import NIOSSL

/// Whom a client of an `https://` address believes.
enum TLSTrust: Sendable, Equatable {
    /// The roots of the system, or those that `SSL_CERT_FILE` names.
    case roots
    /// Whoever listens on this machine: the address comes from a file that only the server's owner can write.
    case thisMachine
    /// The authorities in a PEM file, beside those roots.
    case authorities(String)

    /// How connections are encrypted. A server that asks for a certificate gets the one in the files that
    /// `DENDRO_CLIENT_CERTIFICATE` and `DENDRO_CLIENT_KEY` name.
    func context() throws -> NIOSSLContext {
        let variables = ProcessEnvironment.variables()
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        if let file = variables["SSL_CERT_FILE"], !file.isEmpty { configuration.trustRoots = .file(file) }
        switch self {
        case .roots: break
        case .thisMachine: configuration.certificateVerification = .none
        case .authorities(let file): configuration.additionalTrustRoots = [.file(file)]
        }
        if let certificate = variables["DENDRO_CLIENT_CERTIFICATE"], let key = variables["DENDRO_CLIENT_KEY"] {
            configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) }
            configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))
        }
        return try NIOSSLContext(configuration: configuration)
    }

    /// What the server's certificate is asked for; nil for an address in numbers, which is compared as such.
    static func serverName(_ host: String) -> String? {
        var bytes = in6_addr()
        let isFour = unsafe inet_pton(AF_INET, host, &bytes) == 1
        return isFour || host.contains(":") ? nil : host
    }
}
