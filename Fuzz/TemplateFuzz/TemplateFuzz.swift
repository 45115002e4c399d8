import Bytes
import LogQL
import Model

@testable import Query

/// The input up to the first line break is the template, the rest is the line it runs on.
@_cdecl("LLVMFuzzerTestOneInput")
public func runAnyTemplate(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = [UInt8](UnsafeBufferPointer(start: start, count: min(count, 4096)))
    let end = bytes.firstIndex(of: 0x0A) ?? bytes.endIndex
    let template = [UInt8](bytes[..<end])
    let line = [UInt8](bytes[end...].dropFirst())
    _ = TemplateTrial.run(template: template, line: line)
    return 0
}

/// Runs a template on a line as `line_format` does behind `logfmt`.
enum TemplateTrial {
    /// The line that comes out; nil if the template is refused or fails.
    static func run(template: [UInt8], line: [UInt8]) -> [UInt8]? {
        let stages: [Stage] = [
            .logfmt(LogfmtParser(isStrict: false, keepsEmpty: true, extractions: [])),
            .lineFormat(Text(bytes: template)),
        ]
        guard let pipeline = try? Pipeline(stages, rowTests: [], names: NameTable(), needed: .all) else { return nil }
        var runner = EntryRunner(pipeline)
        let labels = LabelSet([(name: "app", value: "web")])
        let entry = RowEntry(
            time: 1_795_459_762_123_456_789, stream: 0, lineOffset: 0, lineCount: line.count,
            metadataOffset: line.count, metadataCount: 0)
        guard runner.run(line.span, entry, stream: 0, streamLabels: { labels }) else { return nil }
        return runner.isRewritten ? runner.rewritten : line
    }
}
