import Bytes
import Files
import Model
import Testing

@testable import WAL

@Suite struct CommitterTests {
    private func submit(_ committer: Committer, _ batch: Batch) async -> Result<Receipt, IngestError> {
        await withCheckedContinuation { continuation in
            committer.submit(EncodedRecord(batch), batch: batch) { continuation.resume(returning: $0) }
        }
    }

    private func make(
        _ files: MemoryFileSystem, _ applied: Shared<[UInt64]>, onGroup: @escaping @Sendable () -> Void = {}
    ) throws -> Committer {
        let log = try openLog(files, after: try replayAll(files).report)
        return Committer(
            log: log,
            apply: { record in
                applied.change { $0.append(record.sequence) }
                return Receipt(acceptedRows: record.batch.rows.count, duplicateRows: 0)
            }, onGroup: onGroup)
    }

    @Test func whatIsAnsweredIsDurableAndAppliedInOrder() async throws {
        let files = try makeFiles()
        let applied = Shared<[UInt64]>([])
        let groups = Shared(0)
        let committer = try make(files, applied) { groups.change { $0 += 1 } }
        await withTaskGroup(of: Void.self) { tasks in
            for writer in 0..<8 {
                tasks.addTask {
                    for index in 0..<50 {
                        let result = await submit(committer, makeBatch(["\(writer) \(index)", ""]))
                        #expect(result == .success(Receipt(acceptedRows: 2, duplicateRows: 0)))
                    }
                }
            }
        }
        committer.stop()
        #expect(applied.now == Array(1...400))
        let (records, report) = try replayAll(files.crash(seed: 4))
        #expect(records.count == 400 && report.tornBytes == 0)
        for writer in 0..<8 {
            let mine = records.compactMap { $0.batch.lines.first }.filter { $0.hasPrefix("\(writer) ") }
            #expect(mine == (0..<50).map { "\(writer) \($0)" })
        }
        let figures = committer.figures
        #expect(figures.records == 400 && figures.groups <= 400 && figures.groups == groups.now)
        #expect(figures.syncs >= figures.groups && figures.syncBuckets.reduce(0, +) == figures.syncs)
        #expect(figures.totalBytes > 0 && figures.failures == 0)
    }

    @Test func aFailedSyncIsAnsweredAndTheNextSubmitTriesAgain() async throws {
        let files = try makeFiles()
        let applied = Shared<[UInt64]>([])
        let committer = try make(files, applied)
        _ = await submit(committer, makeBatch(["a"]))
        files.inject(MemoryFileSystem.Fault([.sync]))
        let refused = await submit(committer, makeBatch(["b"]))
        guard case .failure(.storageUnavailable(let reason, 1)) = refused else {
            Issue.record("\(refused)")
            return
        }
        #expect(reason.contains("sync"))
        #expect(!reason.contains(".wal"))
        #expect(committer.figures.isFailing)
        #expect((try? await submit(committer, makeBatch(["c"])).get()) != nil)
        #expect(!committer.figures.isFailing && committer.figures.failures == 1)
        committer.stop()
        #expect(try replayAll(files).records.map(\.batch.lines) == [["a"], ["c"]])
        #expect(applied.now.count == 2)
    }

    @Test func workRunsOnTheCommitterThreadAndAfterStopOnTheCallers() async throws {
        let files = try makeFiles()
        let committer = try make(files, Shared([]))
        let log = Shared<[String]>([])
        await withCheckedContinuation { continuation in
            committer.perform({ log.change { $0.append("one") } }, completion: { _ in continuation.resume() })
        }
        committer.stop()
        committer.stop()
        committer.perform {
            committer.perform { log.change { $0.append("inner") } }
            log.change { $0.append("outer") }
        }
        #expect(log.now == ["one", "outer", "inner"])
        let refused = await submit(committer, makeBatch(["x"]))
        #expect(refused == .failure(.stopping))
    }

    @Test func stopAnswersEverybody() async throws {
        let files = try makeFiles()
        let committer = try make(files, Shared([]))
        let answers = Shared(0)
        for index in 0..<200 {
            let batch = makeBatch(["\(index)"])
            committer.submit(EncodedRecord(batch), batch: batch) { _ in answers.change { $0 += 1 } }
        }
        committer.stop()
        #expect(answers.now == 200)
        #expect(try replayAll(files).records.count == 200)
    }
}
