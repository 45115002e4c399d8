import Bytes
import LogQL
import Model
import Store
import Synchronization
import Testing

@testable import Query

struct ExploreTests {
    private static let executor = makeExecutor()
    private static let second = Nanoseconds.perSecond

    /// Two sorted units and one as it came, some rows of each outside [10 s, 30 s).
    private static func store(givesCounts: Bool = true) -> FakeStore {
        func row(_ seconds: Int64, _ app: String, _ line: String, _ metadata: [String: String] = [:]) -> TestRow {
            TestRow(seconds * second, ["app": app, "env": app == "web" ? "prod" : "dev"], line, metadata)
        }
        return FakeStore(
            [
                (true, [row(5, "web", "12345"), row(12, "web", "1234567"), row(25, "db", "1")]),
                (true, [row(15, "web", "123"), row(16, "web", "12"), row(17, "db", "1234")]),
                (false, [row(29, "db", "12345678"), row(30, "db", "out"), row(11, "web", "", ["trace_id": "t"])]),
            ], givesCounts: givesCounts)
    }

    private static let range = TimeRange(start: 10 * second, end: 30 * second)

    @Test(arguments: [true, false])
    func statisticsCountWhatLiesInTheRange(givesCounts: Bool) async throws {
        let store = Self.store(givesCounts: givesCounts)
        let web = try await Self.executor.indexStatistics(#"{app="web"}"#, Self.range, source: store)
        #expect(web.streams == 1)
        #expect(web.entries == 4)
        let all = try await Self.executor.indexStatistics(#"{app=~".+"}"#, Self.range, source: store)
        #expect((all.streams, all.entries, all.chunks) == (2, 7, 6))
        let metadataBytes = LabelSet([("trace_id", "t")]).encoded.count
        #expect(all.bytes == 7 + 1 + 3 + 2 + 4 + 8 + metadataBytes)
        let none = try await Self.executor.indexStatistics(#"{app="no"}"#, Self.range, source: store)
        #expect(none == IndexStatistics())
    }

    @Test func aUnitWithinTheRangeIsNotOpened() async throws {
        let store = FakeStore([(true, [TestRow(15 * Self.second, ["app": "web"], "123")])])
        #expect(try await Self.executor.indexStatistics(#"{app="web"}"#, Self.range, source: store).bytes == 3)
        #expect(store.loads.load(ordering: .relaxed) == 0)
    }

    @Test func highCardinalityLabelsCountTheirEntriesOnly() async throws {
        let found = try await Self.executor.indexStatistics(
            #"{app="web",trace_id="t"}"#, Self.range, source: Self.store())
        #expect((found.streams, found.entries) == (1, 1))
    }

    private func volumes(_ change: (inout VolumeRequest) -> Void = { _ in }) async throws -> [String] {
        var request = VolumeRequest(range: Self.range, selector: #"{app=~".+"}"#)
        change(&request)
        switch try await Self.executor.volumes(request, source: Self.store()).result {
        case .vector(let series), .matrix(let series):
            return series.map { series in
                series.labels.description
                    + series.samples.map { " \($0.time / Nanoseconds.perMillisecond)=\(Int($0.value))" }.joined()
            }
        default: return ["?"]
        }
    }

    @Test func volumesGroupAsAsked() async throws {
        let metadataBytes = LabelSet([("trace_id", "t")]).encoded.count
        let web = 12 + metadataBytes
        #expect(try await volumes() == [#"{app="web"} 30000=\#(web)"#, #"{app="db"} 30000=13"#])
        #expect(try await volumes { $0.limit = 1 } == [#"{app="web"} 30000=\#(web)"#])
        #expect(
            try await volumes { $0.targetLabels = ["env"] } == [
                #"{env="prod"} 30000=\#(web)"#, #"{env="dev"} 30000=13"#,
            ])
        #expect(try await volumes { $0.targetLabels = ["zone"] } == [])
        #expect(try await volumes { $0.selector = "{}" }.first == #"{app="web", env="prod"} 30000=\#(web)"#)
        #expect(
            try await volumes { $0.stepNanoseconds = 20 * Self.second }.last == #"{app="db"} 19999=4 30000=9"#)
        var byName = VolumeRequest(range: Self.range, selector: #"{app="db"}"#)
        byName.grouping = .labels
        let answer = try await Self.executor.volumes(byName, source: Self.store())
        guard case .vector(let series) = answer.result else { throw QueryError(.failed, "no vector") }
        #expect(series.map(\.labels.encoded) == ["app", "env"].map { [UInt8($0.utf8.count)] + [UInt8]($0.utf8) + [0] })
    }

    @Test func labelsOfNumbersAreNotDetected() async throws {
        let uuid = "0d5be2f4-0c0f-4b6e-9d9c-0c56f1f0a001"
        let rows = [("web", "7", "1", uuid, "3"), ("db", "8.5", "0", uuid, "4")].map { app, id, flag, key, pod in
            TestRow(15 * Self.second, ["app": app, "id": id, "flag": flag, "key": key, "pod": pod], "x")
        }
        let found = try await Self.executor.detectedLabels(
            LabelsRequest(range: Self.range), source: FakeStore([(true, rows)]))
        #expect(found.map(\.name) == ["app", "flag", "pod"])
        #expect(found.map(\.cardinality) == [2, 2, 2])
    }

    @Test func fieldsComeFromMetadataJSONAndLogfmt() async throws {
        let lines = [
            #"{"app":"x","took":"5ms","a":{"b c":1},"ok":true}"#, #"took=7ms size=12KB n=1.5 words="a b""#,
            "no fields here",
        ]
        let rows = lines.enumerated().map {
            TestRow((11 + Int64($0)) * Self.second, ["app": "web"], $1, ["user": "u\($0)"])
        }
        let store = FakeStore([(true, rows)])
        let request = FieldsRequest(range: Self.range, query: #"{app="web"}"#)
        let fields = try await Self.executor.detectedFields(request, source: store)
        let texts = fields.map { "\($0.name) \($0.type) \($0.cardinality) \($0.parsers) \($0.jsonPath)" }
        #expect(
            texts == [
                #"a_b_c int 1 ["json"] ["a", "b c"]"#, #"app_extracted string 1 ["json"] ["app"]"#,
                #"n float 1 ["logfmt"] []"#, #"ok boolean 1 ["json"] ["ok"]"#, #"size bytes 1 ["logfmt"] []"#,
                #"took duration 2 ["logfmt", "json"] ["took"]"#, "user string 3 [] []",
                #"words string 1 ["logfmt"] []"#,
            ])
        let values = try await Self.executor.detectedValues(of: "took", request, source: store)
        #expect(values == ["5ms", "7ms"])
        var few = request
        few.limit = 1
        #expect(try await Self.executor.detectedFields(few, source: store).count == 1)
        #expect(try await Self.executor.detectedValues(of: "took", few, source: store).count == 1)
        few.lineLimit = 1
        #expect(try await Self.executor.detectedFields(few, source: store).map(\.name) == ["user"])
        await #expect(throws: QueryError.self) {
            try await Self.executor.detectedFields(
                FieldsRequest(range: Self.range, query: #"rate({app="web"}[1m])"#), source: store)
        }
    }
}
