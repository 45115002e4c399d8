import Bytes
import Index
public import Model
import WAL

extension Store {
    /// Label names that incoming entries carry as metadata by now, because they had too many values in a day.
    public func demotedNames(_ tenant: TenantID = .standard) -> [String] { demoted[tenant] }

    /// The same of all tenants, each name once.
    public func allDemotedNames() -> [String] { demoted.all }

    /// Any thread: makes `name` metadata from now on. It is durable before anybody acts on it.
    func demote(_ name: String, _ tenant: TenantID, values: Int) {
        catalogThread.submit { [self] in
            guard !demoted[tenant].contains(name) else { return }
            let now = configuration.clock.nowNanoseconds()
            do throws(StateError) {
                try state.addDemotion(Demotion(tenant: tenant, name: name, since: now))
            } catch {
                configuration.report(StoreReport(.error, "the label \(name) could not be demoted: \(error)"))
                return
            }
            _ = demoted.add(name, tenant)
            committer.perform { [ingest] in ingest.forgetValues(of: name, tenant) }
            configuration.report(
                StoreReport(
                    .warning,
                    "the label \(name) has more than \(values) values in a day: it is kept as metadata of lines from "
                        + "now on; queries find it as before"))
        }
    }
}
