import Foundation
import Query
import Testing
import Yams

@testable import Server

/// The configurations of clients and of Grafana that lie in the repository.
@Suite struct ClientFilesTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static func files(_ folder: String, _ kinds: String...) -> [URL] {
        let all = FileManager.default.enumerator(at: root.appending(path: folder), includingPropertiesForKeys: nil)
        return (all?.compactMap { $0 as? URL } ?? []).filter { kinds.contains($0.pathExtension) }
            .sorted { $0.path < $1.path }
    }

    @Test func yamlAndJSONCanBeRead() throws {
        let yaml = ["promtail-compat/clients", "deploy"].flatMap { Self.files($0, "yaml", "yml") }
        #expect(yaml.count >= 6)
        for file in yaml {
            let node = try Yams.compose(yaml: String(contentsOf: file, encoding: .utf8))
            #expect(node?.mapping?.isEmpty == false, "\(file.lastPathComponent)")
        }
        let json = ["promtail-compat/clients", "deploy"].flatMap { Self.files($0, "json") }
        #expect(json.count == 4)
        for file in json {
            #expect(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) is [String: Any])
        }
    }

    /// What has to be changed is marked, once a file.
    @Test func oneLineIsToBeChanged() throws {
        let files =
            Self.files("promtail-compat/clients", "yaml", "alloy", "toml", "conf")
            + ["python_logging_loki.py", "python_otlp.py"].map {
                Self.root.appending(path: "promtail-compat/clients/" + $0)
            }
        #expect(files.count == 9)
        for file in files {
            let marks = try String(contentsOf: file, encoding: .utf8).components(separatedBy: "CHANGE").count - 1
            #expect(marks == 1, "\(file.lastPathComponent)")
        }
    }

    /// Every query of the dashboards is one that this server understands, every metric one that it has.
    @Test func dashboardsAskWhatCanBeAnswered() throws {
        let backend = Backend.fake()
        let executor = QueryExecutor(scheduler: backend.scheduler)
        let metrics = String(decoding: MetricsPage(backend).bytes, as: UTF8.self)
        var queries = 0
        for file in Self.files("deploy/grafana/dashboards", "json") {
            let object = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any]
            for panel in object?["panels"] as? [[String: Any]] ?? [] {
                let isLoki = (panel["datasource"] as? [String: String])?["type"] == "loki"
                for target in panel["targets"] as? [[String: Any]] ?? [] {
                    let text = try #require(target["expr"] as? String)
                    queries += 1
                    if isLoki {
                        _ = try executor.parse(Self.filled(text))
                    } else {
                        let names = text.matches(of: #/dendro_[a-z_]+/#).map { String($0.0) }
                        #expect(!names.isEmpty)
                        for name in names {
                            let base = name.hasSuffix("_bucket") ? String(name.dropLast(7)) : name
                            #expect(metrics.contains("# TYPE \(base) "), "\(name)")
                        }
                    }
                }
            }
        }
        #expect(queries > 30)
    }

    /// The text as Grafana fills it in.
    private static func filled(_ text: String) -> String {
        var text = text
        for (name, value) in [
            ("$__auto", "1m"), ("$__range", "1h"), ("$service", ".+"), ("$level", ".*"), ("$search", ""),
            ("$slow", "500"),
        ] { text = text.replacingOccurrences(of: name, with: value) }
        return text
    }
}
