import Logging
import Server

extension Wiring {
    /// What connections are encrypted with, or nil where they are not.
    func certificates(
        _ address: (host: String, port: Int), _ logger: Logger
    ) throws(StartError) -> TLSCertificates? {
        guard !settings.certificateFile.isEmpty else {
            if !Settings.isLoopback(address.host) {
                logger.warning("tokens and lines travel in the clear: set tls.certificate and tls.key, or use a proxy")
            }
            return nil
        }
        do throws(TLSError) {
            return try TLSCertificates(
                TLSFiles(
                    certificate: settings.certificateFile, key: settings.keyFile,
                    clientCA: settings.clientCAFile.isEmpty ? nil : settings.clientCAFile))
        } catch {
            throw StartError("TLS cannot be spoken: \(error)", code: Exit.badSettings)
        }
    }
}
