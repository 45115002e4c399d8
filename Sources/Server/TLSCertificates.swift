import Bytes
import Glibc
import NIOSSL
import Synchronization

/// Files with which connections are encrypted, PEM all of them.
public struct TLSFiles: Sendable, Hashable {
    /// The certificate, then those between it and a root.
    public var certificate: String
    public var key: String
    /// Who signs the certificates of clients; nil: clients need none.
    public var clientCA: String?

    public init(certificate: String, key: String, clientCA: String? = nil) {
        self.certificate = certificate
        self.key = key
        self.clientCA = clientCA
    }
}

/// Why files cannot be used, for people.
public struct TLSError: Error, Hashable, CustomStringConvertible {
    public let description: String
}

/// What new connections are encrypted with. Files that change are read again; as long as they are of no use, the
/// former certificate goes on. Connections keep what they began with.
public final class TLSCertificates: Sendable {
    /// What came of a look at the files.
    public enum Outcome: Sendable, Hashable {
        case unchanged
        case replaced
        /// The new files cannot be used.
        case kept(reason: String)
    }

    private struct State {
        var context: NIOSSLContext
        var marks: [FileMark?]
    }

    public let files: TLSFiles
    private let state: Mutex<State>

    public init(_ files: TLSFiles) throws(TLSError) {
        self.files = files
        let marks = FileMark.of(files)
        state = Mutex(State(context: try TLSCertificates.read(files), marks: marks))
    }

    var context: NIOSSLContext { state.withLock { $0.context } }

    /// Reads the files if one of them is another than the last time.
    public func refresh() -> Outcome {
        let marks = FileMark.of(files)
        guard state.withLock({ $0.marks != marks }) else { return .unchanged }
        // Of a certificate that is written before its key only the second look is of use: each change is one.
        do throws(TLSError) {
            let context = try TLSCertificates.read(files)
            state.withLock { $0 = State(context: context, marks: marks) }
            return .replaced
        } catch {
            state.withLock { $0.marks = marks }
            return .kept(reason: error.description)
        }
    }

    private static func read(_ files: TLSFiles) throws(TLSError) -> NIOSSLContext {
        let chain = try certificates(files.certificate)
        let key: NIOSSLPrivateKey
        do {
            key = try NIOSSLPrivateKey(file: files.key, format: .pem)
        } catch {
            throw TLSError(description: "\(files.key) is no private key in PEM form that can be read: \(error)")
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        if let clientCA = files.clientCA {
            configuration.trustRoots = .certificates(try certificates(clientCA))
            configuration.certificateVerification = .noHostnameVerification
        }
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw TLSError(description: "\(files.certificate) and \(files.key) do not fit together: \(error)")
        }
    }

    private static func certificates(_ path: String) throws(TLSError) -> [NIOSSLCertificate] {
        let found: [NIOSSLCertificate]
        do {
            found = try NIOSSLCertificate.fromPEMFile(path)
        } catch {
            throw TLSError(description: "\(path) holds no certificate in PEM form that can be read: \(error)")
        }
        guard !found.isEmpty else { throw TLSError(description: "\(path) holds no certificate") }
        return found
    }
}

/// By what a changed file is told: it was written again, or another one stands in its place.
private struct FileMark: Hashable {
    let device: UInt64
    let inode: UInt64
    let bytes: Int64
    let seconds: Int64
    let nanoseconds: Int64

    /// Nil where there is no file.
    init?(_ path: String) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        device = UInt64(truncatingIfNeeded: status.st_dev)
        inode = UInt64(truncatingIfNeeded: status.st_ino)
        bytes = Int64(status.st_size)
        seconds = Int64(status.st_mtim.tv_sec)
        nanoseconds = Int64(status.st_mtim.tv_nsec)
    }

    static func of(_ files: TLSFiles) -> [FileMark?] {
        [FileMark(files.certificate), FileMark(files.key), files.clientCA.flatMap { FileMark($0) }]
    }
}
