import Access
import Bytes
public import Health
import LogQL
import Model
import Observe
import Query
import Requests
import Store

/// What alerts ask of stored lines: the answers of rules, and lines that show what an alert is about.
public struct AlertQueries: Sendable {
    private static let messageLimit = 1000
    private static let needsNumbers =
        "the expression selects log lines; a rule needs numbers, as in count_over_time({app=\"shop\"}[5m]) > 0"

    private let backend: Backend
    private let executor: QueryExecutor

    public init(_ backend: Backend) {
        self.backend = backend
        executor = HTTPService.executor(backend, backend.limits)
    }

    /// What a rule's expression answers at `time`, one series each.
    public func series(
        _ tenant: String, _ text: String, _ time: Int64
    ) async throws(RuleFailure) -> [RuleSeries] {
        let found: QueryAnswer
        do throws(QueryError) {
            let expression = try executor.parse(text)
            guard expression.isMetric else { throw QueryError(.invalid, AlertQueries.needsNumbers) }
            let data = RuleData(
                source: backend.source(for: AlertQueries.reader(tenant)),
                hidesAlerts: !expression.selectors.flatMap(\.matchers).contains { $0.name == "kind" })
            backend.metrics.queries.queries.add()
            found = try await executor.run(expression, QueryParameters(instant: time), source: data)
            backend.metrics.queries.count(found.statistics)
        } catch {
            throw RuleFailure(error.message)
        }
        switch found.result {
        case .vector(let all), .matrix(let all):
            return all.compactMap { one in
                one.samples.last.map { last in
                    RuleSeries(
                        labels: Dictionary(
                            one.labels.pairs.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first }),
                        value: last.value)
                }
            }
        case .scalar(let sample): return [RuleSeries(labels: [:], value: sample.value)]
        case .streams: throw RuleFailure(AlertQueries.needsNumbers)
        }
    }

    /// A text of a rule with its templates filled in; one that fails says so in its place.
    public static func expand(_ text: String, _ labels: [String: String], _ value: Double, _ time: Int64) -> String {
        do throws(QueryError) {
            return try AlertTemplate.expand(text, labels: labels, value: value, time: time)
        } catch {
            return "<error expanding template: \(error.message)>"
        }
    }

    /// The query of log lines, cut to those with the labels.
    public static func lines(_ query: String, _ labels: [String: String]) -> String {
        guard !query.isEmpty else { return "" }
        return query
            + labels.sorted { $0.key < $1.key }.filter { RuleFile.isLabel($0.key) && !$0.key.hasPrefix("__") }
            .map { " | \($0.key)=\(LabelSet.quoted($0.value))" }.joined()
    }

    /// The newest lines that show what an alert is about.
    public func samples(_ alert: Alert) async -> [Alert.Sample] {
        let now = backend.clock.nowNanoseconds()
        let (start, _) = alert.range(now: now)
        if ["api", alert.tenant + "/api"].contains(alert.source), alert.unit == "ms", let requests = backend.requests {
            var filter = SlowRequestFilter(range: TimeRange(start: start, end: now))
            filter.limit = Alert.samplesLimit
            let slow = requests.slow(TenantID(alert.tenant), filter).requests
            if !slow.isEmpty {
                return slow.map {
                    Alert.Sample(
                        time: $0.time, message: "\($0.method) \($0.path) \($0.milliseconds) ms", trace: $0.trace)
                }
            }
        }
        guard !alert.query.isEmpty else { return [] }
        let parameters = QueryParameters(
            range: start, now, limit: Alert.samplesLimit, categorizesLabels: true, dialect: .dendro)
        let reader = AlertQueries.reader(alert.tenant)
        // An alert without lines is better than none.
        guard let found = try? await executor.counted(alert.query, parameters, reader, backend),
            case .streams(let streams) = found.result
        else { return [] }
        return ShownLine.lines(streams, isAscending: false).prefix(Alert.samplesLimit).map { line in
            Alert.Sample(
                time: line.time, message: String(line.message.prefix(AlertQueries.messageLimit)),
                trace: line.traceID ?? "")
        }
    }

    private static func reader(_ tenant: String) -> Identity {
        Identity(tokenID: nil, scope: .read, tenant: TenantID(tenant))
    }
}

/// The store as rules see it: without the lines that tell of alerts, which repeat what the alert is about. A rule on
/// all apps would find itself in them, again and again. One that names a `kind` means what it says.
private struct RuleData: RecentData {
    let source: any RecentData
    let hidesAlerts: Bool

    func snapshot(_ tenant: TenantID) -> any StoreSnapshot {
        let snapshot = source.snapshot(tenant)
        return hidesAlerts ? RuleSnapshot(snapshot: snapshot) : snapshot
    }
}

private struct RuleSnapshot: StoreSnapshot {
    private static let test = LabelTest(name: [UInt8]("kind".utf8), test: NoAlert())

    let snapshot: any StoreSnapshot

    var oldestTime: Int64 { snapshot.oldestTime }

    func labels(_ stream: StreamID) -> LabelSet { snapshot.labels(stream) }

    func streams(_ request: ScanRequest) throws(ScanError) -> [StreamID] { try snapshot.streams(cut(request)) }

    func plan(_ request: ScanRequest) throws(ScanError) -> ScanPlan { try snapshot.plan(cut(request)) }

    private func cut(_ request: ScanRequest) -> ScanRequest {
        var request = request
        request.tests.append(RuleSnapshot.test)
        return request
    }
}

private struct NoAlert: ValueTest {
    private static let word = [UInt8]("alert".utf8)

    func matches(_ value: borrowing ByteSpan) -> Bool { !value.equals(NoAlert.word.span) }
}

extension Alert {
    /// When the lines that it is about were written, nanoseconds since 1970.
    func range(now: Int64) -> (start: Int64, end: Int64) {
        let start = startedAt.subtractingReportingOverflow(windowSeconds &* Nanoseconds.perSecond)
        return (start.overflow ? .min : start.partialValue, max(startedAt, resolvedAt ?? now))
    }
}
