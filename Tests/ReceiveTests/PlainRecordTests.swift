import Bytes
import Model
import Receive
import Testing

/// Lines of loguru's `serialize=True`.
@Suite struct PlainRecordTests {
    private static func record(_ members: String, top: String = "") -> String {
        #"{"text": "…\n", \#(top)"record": {"elapsed": {"seconds": 0.1}, "exception": null, \#(members)}}"#
    }

    private static let level = #""level": {"icon": "❌", "name": "ERROR", "no": 40}"#
    private static let time = #""time": {"repr": "2026-11-23 19:59:00.5+00:00", "timestamp": 1795463940.5}"#

    @Test func levelTimeAndWhatWasBound() throws {
        let line = Self.record(
            #"\#(Self.level), "extra": {"trace_id": "abc", "app": "pay", "n": 1}, "message": "x", \#(Self.time)"#)
        let result = try plain(line)
        let row = try #require(readable(result.batch).first)
        #expect(row.line == line)
        #expect(row.time == 1_795_463_940_500_000_000)
        #expect(row.labels == #"{app="pay", level="error", service_name="pay"}"#)
        #expect(row.metadata["trace_id"] == "abc")
        #expect(row.isTraced)
        #expect(result.everyEntryHadTimestamp)
    }

    @Test func theTopCountsFirst() throws {
        let line = Self.record(
            #"\#(Self.level), "extra": {"trace_id": "inner", "app": "inner"}, \#(Self.time)"#,
            top: #""app": "outer", "trace_id": "outer", "level": "info", "ts": 1795463941, "#)
        let row = try #require(readable(try plain(line).batch).first)
        #expect(row.time == 1_795_463_941_000_000_000)
        #expect(row.labels == #"{app="outer", level="info", service_name="outer"}"#)
        #expect(row.metadata["trace_id"] == "outer")
    }

    @Test(arguments: [
        (#"{\"timestamp\": \"x\", \"trace_id\": \"4bf9\", \"path\": \"/a\"}"#, "4bf9"),
        (#"{\"traceId\":\"4bf9\"}"#, "4bf9"),
        (#"{\"trace_id\": 17}"#, nil), (#"{\"trace_id\": \"\"}"#, nil), (#"{\"trace_id\": \"a"#, nil),
        (#"{\"trace_id\""#, nil), (#"trace_id: \"4bf9\""#, nil), (#"{\"trace_id\": \"a\\\"b\"}"#, nil),
    ])
    func tracesInTextOfJSON(message: String, trace: String?) throws {
        let line = Self.record("\"message\": \"\(message)\", \(Self.time)")
        let row = try #require(readable(try plain(line).batch).first)
        #expect(row.metadata["trace_id"] == trace)
    }

    @Test(arguments: [
        #"{"record": {}}"#, #"{"record": {"level": 5, "time": "soon", "extra": [1]}}"#,
        #"{"record": {"level": {}, "time": {"timestamp": {}}, "extra": {}, "message": 5}}"#,
        #"{"record": "vinyl", "level": "info"}"#, #"{"record": {"level": {"name": null}}, "app": "a"}"#,
    ])
    func otherRecordsAreJustJSON(line: String) throws {
        #expect(try readable(plain(line).batch).map(\.line) == [line])
    }

    @Test func timesWithoutAZoneAreReadInTheOneGiven() throws {
        let line = #"{"timestamp": "2026-11-23T20:59:00.5", "app": "a"}"#
        let zone = try #require(TimeZoneTable(offset: "+01:00"))
        let zoned = try PlainPush.decode(
            body: [UInt8](line.utf8).span, queryLabels: [], contentEncoding: nil, options: ReceiveOptions(), now: now,
            arrival: ArrivalClock(), zone: zone)
        #expect(readable(zoned.batch).map(\.time) == [1_795_463_940_500_000_000])
        #expect(try plain(line).unreadableTimestamps == 1)
    }
}
