// swift-tools-version: 6.2
import PackageDescription

// Fuzz targets (libFuzzer). A package of its own, so that the product is never built with a fuzzer inside. The modules
// are those of the product, by symbolic links.

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .define("Zstd"),
]
/// Code whose branches guide the fuzzer.
let guided: [SwiftSetting] = strict + [.unsafeFlags(["-sanitize=fuzzer", "-parse-as-library"])]

/// The same, open to `@testable` imports.
let testable = guided + [.unsafeFlags(["-enable-testing"])]

func module(
    _ name: String, _ dependencies: [Target.Dependency], _ settings: [SwiftSetting] = strict, exclude: [String] = []
) -> Target {
    .target(
        name: name, dependencies: dependencies, path: "Modules/\(name)", exclude: exclude, swiftSettings: settings)
}

func fuzz(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies, path: name, swiftSettings: guided,
        linkerSettings: [.unsafeFlags(["-sanitize=fuzzer"])])
}

let package = Package(
    name: "Fuzz",
    targets: [
        .target(name: "CPlatform", path: "Modules/CPlatform"),
        .systemLibrary(name: "CZlib", path: "Modules/CZlib"),
        .systemLibrary(name: "CLZ4", path: "Modules/CLZ4"),
        .systemLibrary(name: "CZstd", path: "Modules/CZstd"),
        .systemLibrary(name: "CSQLite", path: "Modules/CSQLite"),
        .target(name: "CRE2", path: "Modules/CRE2", linkerSettings: [.linkedLibrary("re2")]),
        module("Bytes", ["CPlatform", "CZlib", "CLZ4", "CZstd"]),
        module("Model", ["Bytes"]),
        module("Files", ["Bytes", "CPlatform"]),
        module("WAL", ["Bytes", "Model", "Files"], testable, exclude: ["WAL-FORMAT.md"]),
        module("Columns", ["Bytes", "Model"], testable),
        module("Chunks", ["Bytes", "Model", "Files", "Columns"], testable),
        .systemLibrary(name: "CSnappy", path: "Modules/CSnappy"),
        module("Receive", ["Bytes", "Model"], guided),
        module("Wire", ["Bytes", "CSnappy"], guided),
        module("Push", ["Bytes", "Model", "Receive", "Wire"], guided),
        module("Parameters", ["Bytes", "Model"], testable),
        module("Index", ["Bytes", "Model", "CSQLite"]),
        module("Buffer", ["Bytes", "Model", "Chunks"]),
        module(
            "Store", ["Bytes", "Model", "Files", "WAL", "Columns", "Chunks", "Index", "Buffer", "CPlatform"]),
        module("LogQL", [], guided, exclude: ["GRAMMAR.md"]),
        module("Query", ["Bytes", "Model", "LogQL", "Columns", "Store", "CRE2"], testable),
        fuzz("ParserFuzz", ["LogQL"]),
        fuzz("LineFuzz", ["Bytes", "Model", "Columns"]),
        fuzz("BlockFuzz", ["Bytes", "Model", "Columns"]),
        fuzz(
            "WireFuzz",
            ["Bytes", "Model", "Files", "WAL", "Chunks", "Receive", "Wire", "Push", "Parameters", "Query"]),
        fuzz("TemplateFuzz", ["Query", "Bytes", "Model", "LogQL", "Store"]),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)
