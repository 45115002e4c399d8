import Bytes
import Foundation
import Index
import Model

/// A folder for one test, removed at its end.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "dendro-index-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    func file(_ name: String) -> String { path + "/" + name }
}

enum Sample {
    static let store = Hash128(high: 1, low: 2)
    static let day = Day(number: 20_000)
    static let shop = TenantID("shop")

    static func labels(_ number: Int) -> LabelSet {
        LabelSet([
            ("app", "app-\(number % 50)"), ("level", ["info", "error"][number % 2]), ("pod", "pod-\(number)"),
            ("namespace", "ns-\(number % 7)"), ("service_name", "app-\(number % 50)"),
        ])
    }

    static func stream(_ number: Int, rows: UInt64 = 10) -> StreamStatistics {
        let labels = labels(number)
        return StreamStatistics(
            hash: labels.hash, labels: labels, rows: rows, rawBytes: rows * 100,
            firstTime: day.start + Int64(number), lastTime: day.start + Int64(number) * 3)
    }

    static func part(
        _ number: UInt64, tenant: TenantID = .standard, day: Day = Sample.day, through: UInt64 = 10,
        inputs: [Hash128] = []
    ) -> PartSummary {
        PartSummary(
            id: Hash128(high: 77, low: number), storeID: store, tenant: tenant, day: day, generation: 3,
            coverage: Coverage(writer: .max, after: 1, through: through), inputs: inputs, rows: 5, rawBytes: .max,
            fileBytes: 7, blocks: 2, firstTime: day.start, lastTime: day.end - 1, isUnclean: number % 2 == 0)
    }

    static func key(_ number: Int, time: Int64, tenant: TenantID = .standard) -> BatchKeyRecord {
        BatchKeyRecord(
            key: Hash128(high: UInt64(number), low: 9), tenant: tenant,
            receipt: Receipt(acceptedRows: number, duplicateRows: 3), time: time)
    }
}

/// Adds a part and nothing else.
func adding(_ parts: [AddedPart]) -> CatalogChange {
    var change = CatalogChange()
    change.add = parts
    return change
}
