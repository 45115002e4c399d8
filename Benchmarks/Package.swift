// swift-tools-version: 6.2
import PackageDescription

// Measures single kernels of storage. A package of its own: nobody who builds the product builds this. The modules are
// those of the product, by symbolic links.

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .define("Zstd"),
]

func module(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .target(
        name: name, dependencies: dependencies, path: "Modules/\(name)", exclude: exclude, swiftSettings: strict)
}

let package = Package(
    name: "Benchmarks",
    platforms: [.macOS(.v26)],
    targets: [
        .target(name: "CPlatform", path: "Modules/CPlatform"),
        .systemLibrary(name: "CZlib", path: "Modules/CZlib"),
        .systemLibrary(name: "CLZ4", path: "Modules/CLZ4"),
        .systemLibrary(name: "CZstd", path: "Modules/CZstd"),
        module("Bytes", ["CPlatform", "CZlib", "CLZ4", "CZstd"]),
        module("Model", ["Bytes"]),
        module("Files", ["Bytes", "CPlatform"]),
        module("WAL", ["Bytes", "Model", "Files"], exclude: ["WAL-FORMAT.md"]),
        module("Columns", ["Bytes", "Model"]),
        .executableTarget(
            name: "Kernels", dependencies: ["CPlatform", "Bytes", "Model", "Files", "WAL", "Columns"],
            path: "Kernels", swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
