import Model
import NIOCore
import Store

/// What only somebody on this machine may ask: it names folders of the machine. A header that browsers do not send to
/// other sites unasked keeps web pages from asking it through a visitor.
struct AdminRoutes: Sendable {
    /// Must be there, with any value.
    static let header = "X-Dendro-Admin"

    let backend: Backend

    var routes: [Route] {
        [Route(["POST"], "/api/v1/admin/snapshot") { try await snapshot($0) }]
    }

    /// Whether `address` is one that only programs on this machine have.
    static func isLoopback(_ address: SocketAddress?) -> Bool {
        switch address {
        case .unixDomainSocket: true
        case .v4, .v6:
            address?.ipAddress.map { $0 == "::1" || $0.hasPrefix("127.") || $0.hasPrefix("::ffff:127.") } ?? false
        default: false
        }
    }

    private func snapshot(_ call: Call) async throws -> Answer {
        guard call.isLocal, call.header(AdminRoutes.header) != nil else {
            return ErrorAnswers.observability(
                403, "snapshots are made for clients on this machine that send \(AdminRoutes.header)", code: "forbidden"
            )
        }
        guard let folder = call.parameters.value("folder") else {
            return ErrorAnswers.observability(400, "folder is missing", code: "bad_request")
        }
        do throws(StoreError) {
            let made = try await backend.operations.snapshot(to: folder)
            AuditLog.write("snapshot made", call, [("folder", folder)])
            var out = [UInt8]("{\"folder\":".utf8)
            JSONText.append(folder, to: &out)
            out.append(
                contentsOf: ",\"parts\":\(made.parts),\"rows\":\(made.rows),\"bytes\":\(made.bytes)}\n".utf8)
            return .json(200, out)
        } catch {
            return ErrorAnswers.observability(409, error.description, code: "snapshot_failed")
        }
    }
}
