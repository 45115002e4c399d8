import Bytes
import Model
import Observe
import Receive
import Store

/// `/metrics`: everything that is counted, under our names and under the Loki names that dashboards ask for.
struct MetricsPage {
    private var page = Exposition()
    private let backend: Backend

    /// The page of this moment.
    init(_ backend: Backend) {
        self.backend = backend
        let store = backend.operations.statistics
        build()
        requests()
        ingest(store)
        queries()
        wal(store)
        parts(store)
        process()
    }

    var bytes: [UInt8] { page.bytes }

    private mutating func build() {
        let version = backend.operations.version
        page.begin("dendro_build_info", .gauge, "Version of this server; the value is always 1.")
        page.sample(1, ["version": version])
        page.begin("loki_build_info", .gauge, "Version of Loki that this server behaves like; the value is always 1.")
        page.sample(1, ["version": "3.7.6", "revision": version, "branch": "dendro", "goversion": ""])
        page.single("loki_panic_total", .counter, "Panics recovered; there are none to recover here.", 0)
    }

    private mutating func requests() {
        let metrics = backend.metrics.requests
        let all = metrics.all
        page.begin("dendro_http_requests_total", .counter, "Requests answered.")
        for series in all {
            page.sample(
                series.durations.snapshot.total,
                ["route": series.route, "method": series.method, "status": String(series.status)])
        }
        page.begin(
            "dendro_http_request_duration_seconds", .histogram, "Time from a request's head to its answer's end.")
        var byRoute: [(route: String, durations: HistogramSnapshot)] = []
        for series in all {
            if byRoute.last?.route == series.route {
                byRoute[byRoute.count - 1].durations.add(series.durations.snapshot)
            } else {
                byRoute.append((series.route, series.durations.snapshot))
            }
        }
        for entry in byRoute { page.histogram(entry.durations, ["route": entry.route]) }
        page.begin(
            "loki_request_duration_seconds", .histogram, "The same by method, route and status, as Loki names it.")
        for series in all {
            page.histogram(
                series.durations.snapshot,
                [
                    "method": series.method, "route": series.route, "status_code": String(series.status), "ws": "false",
                ])
        }
        page.single("dendro_http_requests_in_flight", .gauge, "Requests being answered.", metrics.underWay.value)
        page.single("dendro_http_connections", .gauge, "Open connections.", metrics.connections.value)
        page.single(
            "dendro_http_timeouts_total", .counter, "Requests given up because their client was too slow.",
            metrics.timeouts.value)
    }

    private mutating func ingest(_ store: StoreStatistics) {
        let ingest = backend.metrics.ingest
        page.begin("dendro_scrubbed_total", .counter, "Secrets taken out of lines before they were stored, by rule.")
        for rule in ScrubRule.allCases { page.sample(ingest.scrubbed(rule.name), ["rule": rule.name]) }
        page.single("dendro_ingest_lines_total", .counter, "Lines stored.", ingest.lines.value)
        page.single("dendro_ingest_line_bytes_total", .counter, "Bytes of lines accepted.", ingest.lineBytes.value)
        page.single(
            "dendro_ingest_body_bytes_total", .counter, "Bytes of push bodies as received.", ingest.bodyBytes.value)
        page.single(
            "dendro_ingest_duplicate_lines_total", .counter, "Lines that were stored already.", ingest.duplicates.value)
        page.single(
            "dendro_ingest_repeated_requests_total", .counter, "Pushes recognised as repeats of an earlier one.",
            store.repeatedBatches)
        page.single(
            "dendro_ingest_unreadable_timestamps_total", .counter,
            "Entries stored under their arrival time because their own could not be read.",
            ingest.unreadableTimestamps.value)
        page.single(
            "dendro_ingest_pushed_back_requests_total", .counter, "Pushes answered \"try again\".",
            ingest.pushedBack.value)
        let rejected = ingest.rejectedByReason
        if let own = backend.ownLines {
            page.single("dendro_own_lines_total", .counter, "Lines of the server itself that were stored.", own.stored)
            page.single(
                "dendro_own_lines_dropped_total", .counter, "Such lines that had no room or could not be stored.",
                own.dropped)
        }
        page.begin("dendro_ingest_rejected_lines_total", .counter, "Lines, or whole requests, refused, by reason.")
        for entry in rejected { page.sample(entry.count, ["reason": entry.reason]) }
        page.begin("loki_discarded_samples_total", .counter, "The same, as Loki names it.")
        for entry in rejected { page.sample(entry.count, ["reason": entry.reason, "tenant": TenantID.standard.name]) }
        page.begin("loki_distributor_lines_received_total", .counter, "Lines accepted, as Loki names it.")
        page.sample(ingest.lines.value, ["tenant": TenantID.standard.name])
        page.begin("loki_distributor_bytes_received_total", .counter, "Bytes of lines accepted, as Loki names it.")
        page.sample(ingest.lineBytes.value, ["tenant": TenantID.standard.name])
    }

    private mutating func queries() {
        let queries = backend.metrics.queries
        page.single("dendro_queries_total", .counter, "Queries run.", queries.queries.value)
        page.single("dendro_query_failures_total", .counter, "Queries without an answer.", queries.failures.value)
        page.single(
            "dendro_query_read_bytes_total", .counter, "Bytes that queries read from parts.", queries.storedBytes.value)
        page.single(
            "dendro_query_scanned_bytes_total", .counter, "Bytes that queries looked at, after decompression.",
            queries.rawBytes.value)
        page.single("dendro_query_scanned_lines_total", .counter, "Lines that queries looked at.", queries.lines.value)
        page.begin("dendro_query_blocks_total", .counter, "Blocks that queries had to do with, by what became of them.")
        page.sample(queries.blocksPruned.value, ["outcome": "pruned"])
        page.sample(queries.blocksRead.value, ["outcome": "read"])
        let tails = backend.metrics.tails
        page.single("dendro_tails", .gauge, "Live tails.", tails.running.value)
        page.single("dendro_tail_entries_total", .counter, "Entries sent to live tails.", tails.entries.value)
        page.single(
            "dendro_tail_missed_lines_total", .counter, "Lines that clients of live tails were too slow for.",
            tails.missed.value)
    }

    private mutating func wal(_ store: StoreStatistics) {
        page.single("dendro_wal_bytes", .gauge, "Bytes in segments of the write-ahead log.", store.walBytes)
        page.single("dendro_wal_segments", .gauge, "Segments of the write-ahead log.", store.walSegments)
        page.single(
            "dendro_wal_written_bytes_total", .counter, "Bytes written to the write-ahead log.", store.walBytesWritten)
        page.single("dendro_wal_records_total", .counter, "Records in the write-ahead log.", store.walRecords)
        page.single("dendro_wal_failures_total", .counter, "Writes or syncs that failed.", store.walFailures)
        page.begin("dendro_wal_sync_duration_seconds", .histogram, "Time of a sync of the write-ahead log.")
        page.histogram(
            HistogramSnapshot(
                bounds: store.walSyncBuckets.map(\.upperNanoseconds), counts: store.walSyncBuckets.map(\.count),
                total: store.walSyncs, sumNanoseconds: store.walSyncNanoseconds))
    }

    private mutating func parts(_ store: StoreStatistics) {
        page.single("dendro_head_rows", .gauge, "Rows in memory, not yet in parts.", store.headRows)
        page.single("dendro_head_bytes", .gauge, "Memory of these rows.", store.headBytes)
        page.single("dendro_heads", .gauge, "Heads, open and being sealed.", store.heads)
        page.single("dendro_streams", .gauge, "Streams known.", store.streams)
        page.single("loki_ingester_memory_streams", .gauge, "Streams known, as Loki names it.", store.streams)
        page.single("loki_ingester_memory_chunks", .gauge, "Heads, as Loki names it.", store.heads)
        page.single("dendro_parts", .gauge, "Part files.", store.parts)
        page.single("dendro_part_bytes", .gauge, "Bytes of part files.", store.partBytes)
        page.single("dendro_part_rows", .gauge, "Rows in part files.", store.partRows)
        page.begin(
            "dendro_retention_removals_total", .counter, "UTC days removed: too old, over the size, or disk too full.")
        for reason in store.retiredDaysByReason.keys.sorted() {
            page.sample(store.retiredDaysByReason[reason] ?? 0, ["reason": reason])
        }
        page.begin("dendro_retention_removed_bytes_total", .counter, "Bytes of their part files.")
        for reason in store.retiredBytesByReason.keys.sorted() {
            page.sample(store.retiredBytesByReason[reason] ?? 0, ["reason": reason])
        }
        page.begin("dendro_day_bytes", .gauge, "Bytes of part files by UTC day.")
        for day in store.bytesByDay.keys.sorted() {
            page.sample(store.bytesByDay[day] ?? 0, ["day": day.description])
        }
        page.single("dendro_sealed_parts_total", .counter, "Parts made of heads.", store.sealedParts)
        page.single(
            "dendro_spilled_parts_total", .counter, "Parts written as rows because batches waited.", store.spilledParts)
        page.single(
            "dendro_spilled_parts", .gauge, "Such parts that wait to become columns.", store.waitingSpilledParts)
        page.single(
            "dendro_packed_rows_total", .counter, "Rows encoded anew when parts were merged.", store.packedRows)
        page.single("dendro_merged_parts_total", .counter, "Parts made of parts.", store.mergedParts)
        page.single(
            "dendro_blocks_kept_as_rows_total", .counter,
            "Blocks kept as rows because columns did not give them back byte for byte.", store.refusedColumnBlocks)
        page.single("dendro_seal_failures_total", .counter, "Seals that failed.", store.sealFailures)
        page.single(
            "dendro_deleted_lines_total", .counter, "Lines that delete requests removed from the disk.",
            store.deletedRows)
        page.single(
            "dendro_pending_deletions", .gauge, "Delete requests whose lines are hidden but still on the disk.",
            store.pendingDeletions)
        page.single("dendro_damaged_files_total", .counter, "Files found damaged.", store.damagedFiles)
        page.single("dendro_quarantined_files_total", .counter, "Files set aside.", store.quarantinedFiles)
        page.single("dendro_missing_parts", .gauge, "Parts whose file is gone.", store.missingParts)
        page.single(
            "dendro_evicted_batch_keys_total", .counter, "Keys of repeats forgotten early.", store.evictedBatchKeys)
        page.single("dendro_disk_free_bytes", .gauge, "Free bytes where the data lie.", store.freeBytes)
    }

    private mutating func process() {
        let figures = ProcessFigures.now()
        page.single("process_cpu_seconds_total", .counter, "CPU time, user and system.", figures.cpuSeconds)
        page.single("process_resident_memory_bytes", .gauge, "Resident memory.", figures.residentBytes)
        page.single("process_virtual_memory_bytes", .gauge, "Virtual memory.", figures.virtualBytes)
        page.single("process_open_fds", .gauge, "Open file descriptors.", figures.openFiles)
        page.single("process_max_fds", .gauge, "Limit of open file descriptors.", figures.openFilesLimit)
        page.single("process_threads", .gauge, "Threads of the process.", figures.threads)
        page.single(
            "process_start_time_seconds", .gauge, "Start of the process since 1970.",
            Double(backend.metrics.startedNanoseconds) / 1e9)
    }
}
