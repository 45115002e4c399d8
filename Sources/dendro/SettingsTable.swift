import Access
import Logging
import Model

extension Settings {
    /// Every setting, in the order in which they are shown.
    static var options: [Setting] { general + ingest + storage + healthOptions + limitOptions }

    private static var general: [Setting] {
        [
            Setting(
                "listen", \.listen, .text, "Address and port to listen on; other than loopback only with tokens."),
            Setting("data_dir", \.dataFolder, .text, "Folder of all data."),
            Setting(
                "tls.certificate", \.certificateFile, .text,
                "PEM file with the certificate and those between it and a root: HTTPS instead of HTTP."),
            Setting("tls.key", \.keyFile, .text, "PEM file with the certificate's private key."),
            Setting(
                "tls.client_ca", \.clientCAFile, .text,
                "PEM file with the roots of client certificates: who has none is refused."),
            Setting(
                "access.mode", \.accessMode, .choice(AccessControl.Mode.allCases.map(\.rawValue)),
                "When a token is asked for: auto is as soon as one was made, and always beyond loopback."),
            Setting(
                "access.tenants", \.hasTenants, .flag, "Whether tokens may belong to tenants, which share nothing."),
            Setting(
                "access.lines_per_second", \.tokenLinesPerSecond, .number(0...1_000_000_000),
                "Lines that a token without a limit of its own may push in a second; 0 is any."),
            Setting(
                "access.bytes_per_second", \.tokenBytesPerSecond, .bytes,
                "Bytes of lines that such a token may push in a second; 0 is any."),
            Setting("http.prefix", \.prefix, .text, "Path in front of every route, such as /logs."),
            Setting("http.idle", \.idleSeconds, .seconds, "How long a connection may stay without a request."),
            Setting(
                "http.head_timeout", \.headSeconds, .seconds,
                "How long a request's head may take to arrive, and a TLS handshake."),
            Setting(
                "http.body_pause", \.bodyPauseSeconds, .seconds, "How long a request's body may pause while it arrives."
            ),
            Setting("http.body_timeout", \.bodySeconds, .seconds, "How long a request's body may take to arrive."),
            Setting("http.connections", \.connections, .number(1...1_000_000), "Connections at once."),
            Setting("http.loops", \.loops, .number(1...64), "Threads that serve connections."),
            Setting(
                "http.cors_origins", \.corsOrigins, .names,
                "Origins whose pages may read answers (CORS), such as https://grafana.example; * is any."),
            Setting("http.tails", \.tailsLimit, .number(0...10_000), "Live tails at once."),
            Setting("http.body_budget", \.bodyBudgetBytes, .bytes, "Memory of all request bodies being received."),
            Setting(
                "log.level", \.logLevel, .choice(Logger.Level.allCases.map(\.rawValue)),
                "Least level of the server's own log lines."),
            Setting(
                "log.slow_request_ms", \.slowMilliseconds, .number(0...3_600_000),
                "Requests slower than this are logged as warnings."),
            Setting(
                "log.own_lines", \.storesOwnLines, .flag,
                "Whether answered requests and warnings of the server itself are stored as lines of the app dendro."),
        ]
    }

    private static var ingest: [Setting] {
        [
            Setting(
                "ingest.label_fields", \.labelFields, .names, "Fields of pushed JSON lines that become stream labels."),
            Setting(
                "ingest.service_name_fields", \.serviceNameFields, .names,
                "Labels that supply service_name where it is missing, first present wins; empty turns it off."),
            Setting(
                "ingest.otlp_labels", \.resourceLabels, .names,
                "Resource attributes of OpenTelemetry records that become stream labels; the others are metadata."),
            Setting(
                "ingest.label_values", \.labelValues, .number(1...1_000_000),
                "Values of one label in a day beyond which it is kept as metadata from then on."),
            Setting(
                "ingest.streams", \.streams, .number(1...10_000_000),
                "Streams in a day beyond which the label with most values is kept as metadata from then on."),
            Setting(
                "ingest.duplicates", \.duplicates, .choice(["drop", "keep"]),
                "Whether of equal entries (stream, time, line, metadata) one is kept or all."),
            Setting(
                "scrub.rules", \.scrubRules, .names,
                "What is taken out of lines before they are stored: keys, urls, tokens, cards, aws, pem; none."),
            Setting(
                "scrub.exempt_apps", \.scrubExemptApps, .names,
                "Values of the label app whose lines stay as they are."),
            Setting(
                "fields.high_cardinality", \.highCardinality, .names,
                "Labels kept as metadata of each line: they cost no stream."),
            Setting("fields.indexed", \.indexed, .names, "Metadata that lookups by value are fast for."),
        ]
    }

    private static var storage: [Setting] {
        [
            Setting("retention.days", \.retentionDays, .number(1...36_500), "Whole days older than this are removed."),
            Setting(
                "retention.max_bytes", \.retentionMaximumBytes, .bytes,
                "Size of all parts beyond which the oldest days are removed, but never today; 0 means any."),
            Setting(
                "retention.min_free", \.retentionFreeBytes, .bytes,
                "Free disk below which the oldest days are removed, but never today; 0 means never."),
            Setting(
                "deletion.cancel_period", \.deletionDelaySeconds, .seconds,
                "How long a delete request can be cancelled before its lines leave the disk; they are hidden at once."),
            Setting("storage.codec", \.codec, .choice(["zstd", "lz4", "zlib"]), "Compression of new blocks."),
            Setting("storage.head_budget", \.headBudgetBytes, .bytes, "Memory of all lines not yet in part files."),
            Setting(
                "storage.head_rows", \.headRows, .number(1...1_000_000), "Lines after which a head becomes a part."),
            Setting("storage.head_bytes", \.headBytes, .bytes, "Bytes after which a head becomes a part."),
            Setting("storage.head_age", \.headAgeSeconds, .seconds, "Age after which a head becomes a part."),
            Setting(
                "storage.wal_budget", \.walBudgetBytes, .bytes,
                "Size of the write-ahead log beyond which heads are sealed."),
            Setting("storage.min_free", \.minimumFreeBytes, .bytes, "Free disk below which nothing is taken."),
            Setting(
                "storage.workers", \.workers, .number(1...64), "Threads that scan, and as many that seal and merge."),
        ]
    }

    private static var limitOptions: [Setting] {
        limit("body_bytes", \.bodyBytes, .bytes, "A request body as received.")
            + limit("inflated_bytes", \.inflatedBytes, .bytes, "A request body after decompression.")
            + limit("request_streams", \.requestStreams, .anyNumber, "Streams in one request.")
            + limit("request_entries", \.requestEntries, .anyNumber, "Entries in one request.")
            + limit("nesting_depth", \.nestingDepth, .number(1...127), "Nesting of JSON.")
            + limit("line_bytes", \.lineBytes, .bytes, "One line.")
            + limit("labels_per_stream", \.labelsPerStream, .anyNumber, "Labels of a stream.")
            + limit("label_name_bytes", \.labelNameBytes, .bytes, "A label's name.")
            + limit("label_value_bytes", \.labelValueBytes, .bytes, "A label's value.")
            + limit("metadata_pairs", \.metadataPairs, .anyNumber, "Metadata pairs of an entry.")
            + limit("metadata_bytes", \.metadataBytes, .bytes, "Metadata of an entry.")
            + limit("future", \.futureSeconds, .seconds, "How far in the future an entry may lie.")
            + [
                Setting(
                    "limits.max_age", \.maxAgeSeconds, .seconds,
                    "How old an entry may be; 0 means as old as the retention keeps.")
            ]
            + limit("query_entries", \.queryEntries, .anyNumber, "Entries one query may ask for.")
            + limit("query_series", \.querySeries, .anyNumber, "Series one query may return.")
            + limit("query_points", \.queryPoints, .anyNumber, "Points of one series.")
            + limit("query_range", \.queryRangeSeconds, .seconds, "Time range of a query; 0 means any.")
            + limit("query_text_bytes", \.queryTextBytes, .bytes, "A query's text.")
            + limit("query_memory", \.queryMemoryBytes, .bytes, "Memory of one query.")
            + limit("all_queries_memory", \.allQueriesMemoryBytes, .bytes, "Memory of all queries together.")
            + limit("query_time", \.querySeconds, .seconds, "Time of one query.")
    }

    /// A limit's number and its action.
    private static func limit(
        _ name: String, _ path: WritableKeyPath<Limits, Limit>, _ form: ValueForm<Int>, _ help: String
    ) -> [Setting] {
        let root: WritableKeyPath<Settings, Limits> = \.limits
        let number: WritableKeyPath<Limit, Int> = \.value
        let action: WritableKeyPath<Limit, LimitAction> = \.action
        let value: WritableKeyPath<Settings, Limit> = root.appending(path: path)
        let valueKey = "limits." + name
        let stem = ["_bytes"].first { name.hasSuffix($0) }.map { String(name.dropLast($0.count)) } ?? name
        return [
            Setting(valueKey, value.appending(path: number), form, help),
            Setting(
                "limits.\(stem)_action", value.appending(path: action),
                .action, "What happens beyond \(valueKey)."),
        ]
    }
}

extension ValueForm where Value == Int {
    fileprivate static var anyNumber: ValueForm { .number(1...1_000_000_000) }
}
