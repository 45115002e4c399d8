// swift-tools-version: 6.2
import PackageDescription

/// Settings of every Swift target; only `Bytes` may be unsafe without saying so.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]
let safe: [SwiftSetting] = strict + [.strictMemorySafety()]

/// One module of the product: its name is its folder's name.
func module(
    _ name: String, at path: String, _ dependencies: [Target.Dependency], settings: [SwiftSetting] = safe,
    exclude: [String] = []
) -> Target {
    .target(name: name, dependencies: dependencies, path: path, exclude: exclude, swiftSettings: settings)
}

/// Tests of one module, in `Tests/<name>Tests`.
func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name + "Tests", dependencies: dependencies, path: "Tests/\(name)Tests", swiftSettings: strict)
}

let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore: Target.Dependency = .product(name: "HummingbirdCore", package: "hummingbird")
let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
    .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOWebSocket", package: "swift-nio"),
]
let tls: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")

let package = Package(
    name: "dendro",
    platforms: [.macOS(.v26)],
    products: [.executable(name: "dendro", targets: ["dendro"])],
    traits: [
        .default(enabledTraits: ["Zstd"]),
        .trait(name: "Zstd", description: "zstd blocks (libzstd); without it new blocks are lz4 or zlib."),
    ],
    dependencies: [
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1", traits: []),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-nio-extras.git", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
    ],
    targets: [
        // storage: RECEIVED -> SAFE -> SMALL -> FOUND
        .target(name: "CPlatform", path: "storage/CPlatform"),
        .systemLibrary(name: "CZlib", path: "storage/CZlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CLZ4", path: "storage/CLZ4", providers: [.apt(["liblz4-dev"])]),
        .systemLibrary(name: "CZstd", path: "storage/CZstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CSQLite", path: "storage/CSQLite", providers: [.apt(["libsqlite3-dev"])]),
        module(
            "Bytes", at: "storage/Bytes",
            ["CPlatform", "CZlib", "CLZ4", .target(name: "CZstd", condition: .when(traits: ["Zstd"]))], settings: strict
        ),
        module("Model", at: "Sources/Model", ["Bytes"]),
        module("Files", at: "storage/Files", ["Bytes", "CPlatform"]),
        module("WAL", at: "storage/WAL", ["Bytes", "Model", "Files"], exclude: ["WAL-FORMAT.md"]),
        module("Columns", at: "storage/Columns", ["Bytes", "Model"]),
        module("Chunks", at: "storage/Chunks", ["Bytes", "Model", "Files", "Columns"]),
        module("Index", at: "storage/Index", ["Bytes", "Model", "CSQLite"]),
        module("Buffer", at: "storage/Buffer", ["Bytes", "Model", "Chunks"]),
        module(
            "Store", at: "storage/Store",
            ["Bytes", "Model", "Files", "WAL", "Columns", "Chunks", "Index", "Buffer", "CPlatform"]),

        // promtail-compat: what the agents and Grafana send and expect
        .systemLibrary(name: "CSnappy", path: "promtail-compat/CSnappy", providers: [.apt(["libsnappy-dev"])]),
        module("Wire", at: "promtail-compat/Wire", ["Bytes", "CSnappy"]),
        module("Push", at: "promtail-compat/Push", ["Bytes", "Model", "Receive", "Wire"]),
        module("Grafana", at: "promtail-compat/Grafana", ["Bytes", "Model", "Query"]),

        // the server
        module("Receive", at: "Sources/Receive", ["Bytes", "Model"]),
        module("LogQL", at: "Sources/LogQL", [], exclude: ["GRAMMAR.md"]),
        .target(
            name: "CRE2", path: "Sources/CRE2", linkerSettings: [.linkedLibrary("re2")]),
        module("Query", at: "Sources/Query", ["Bytes", "Model", "LogQL", "Columns", "Store", "CRE2"]),
        module("Requests", at: "Sources/Requests", ["Bytes", "Model", "Receive", "Index", "Store"]),
        module("Errors", at: "Sources/Errors", ["Bytes", "Model", "Receive", "Index", "Store"]),
        module("Access", at: "Sources/Access", ["Bytes", "Model"]),
        module("Observe", at: "Sources/Observe", ["Bytes", "Model"]),
        .target(name: "CPostgres", path: "Sources/CPostgres", linkerSettings: [.linkedLibrary("dl")]),
        module("Health", at: "Sources/Health", ["Bytes", "CPostgres", "CSQLite"]),
        module(
            "Server", at: "Sources/Server",
            [
                "Bytes", "Model", "Access", "Receive", "Push", "Wire", "Grafana", "LogQL", "Query", "Store", "Observe",
                "Requests", "Errors", "Files", "Health",
                "Yams", hummingbird,
                hummingbirdCore, logging, tls, .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ] + nio),
        .executableTarget(
            name: "dendro",
            dependencies: [
                "Bytes", "Model", "Access", "Receive", "LogQL", "Query", "Index", "Store", "Observe", "Requests",
                "Errors", "Health", "Server",
                "CPlatform", "Yams",
                logging, tls,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ] + nio,
            path: "Sources/dendro", swiftSettings: safe),

        // tests: a folder per target
        tests("Bytes", ["Bytes"]),
        tests("Model", ["Bytes", "Model"]),
        tests("Files", ["Bytes", "Files"]),
        tests("WAL", ["Bytes", "Model", "Files", "WAL"]),
        tests("Buffer", ["Bytes", "Model", "Buffer"]),
        tests("Columns", ["Bytes", "Model", "Columns"]),
        tests("Chunks", ["Bytes", "Model", "Files", "Columns", "Chunks"]),
        tests("Index", ["Bytes", "Model", "Files", "Index", "CSQLite"]),
        tests("Store", ["Bytes", "Model", "Files", "Chunks", "Index", "Store"]),
        tests("Simulation", ["Bytes", "Model", "Files", "Store"]),
        tests("Wire", ["Bytes", "Wire"]),
        tests("Receive", ["Bytes", "Model", "Receive"]),
        tests("Push", ["Bytes", "Model", "Receive", "Wire", "Push"]),
        tests("LogQL", ["LogQL"]),
        tests("Access", ["Bytes", "Model", "Access"]),
        tests("Observe", ["Bytes", "Model", "Observe"]),
        tests("Health", ["Bytes", "Health"]),
        tests("Errors", ["Bytes", "Model", "Index", "Store", "Errors"]),
        tests("Requests", ["Bytes", "Model", "Index", "Store", "Requests"]),
        tests(
            "Server",
            [
                "Bytes", "Model", "Access", "Receive", "Store", "Query", "Observe", "Requests", "Health", "Server",
                hummingbird,
                logging,
                hummingbirdCore, "Yams", .product(name: "HTTPTypes", package: "swift-http-types"),
            ] + nio),
        tests("Query", ["Bytes", "Model", "Files", "Chunks", "Store", "LogQL", "Query"]),
        tests("Grafana", ["Bytes", "Model", "Store", "Query", "Grafana"]),
        tests("EndToEnd", ["Bytes", "Model", "Push", "dendro"]),
        tests("Dendro", ["Bytes", "Model", "Health", "Receive", "Server", "dendro"]),
        tests("Tidy", []),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)
