import LogQL

/// Takes any regex: the parser is what is looked at.
struct AnyRegex: RegexChecker {
    func fault(in regex: [UInt8]) -> String? { nil }
    func matchesEmpty(_ regex: [UInt8]) -> Bool { false }
}

/// Reads the text in both dialects; what is read must print as text that reads back as the same tree.
@_cdecl("LLVMFuzzerTestOneInput")
public func readAnything(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let text = String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    for dialect in [Dialect.loki, .dendro] {
        let language = Language(dialect: dialect, regexes: AnyRegex())
        guard let tree = try? language.parse(text) else { continue }
        for printed in [tree.description, tree.formatted] {
            // A printed query may exceed the size or depth that a query may have; any other refusal is a fault.
            guard let again = try? language.parse(printed) else { continue }
            // Not a number is no equal of itself: `1 % 0` is one.
            precondition(again == tree || again.description == tree.description, printed)
        }
    }
    return 0
}
