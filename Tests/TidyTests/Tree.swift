import Foundation

/// A text file of the repository.
struct TextFile: Sendable {
    /// Path below the repository's root.
    let path: String
    let lines: [String]

    var isSwift: Bool { path.hasSuffix(".swift") }
    /// Part of what is shipped, as opposed to tests and papers.
    var isProduct: Bool { Tree.productFolders.contains { path.hasPrefix($0 + "/") } }
    var name: String { String(path.split(separator: "/").last ?? "") }
    var folder: String { path.split(separator: "/").dropLast().joined(separator: "/") }

    /// Lines whose code, without comment at the end and without texts in quotes, contains `pattern`, as `path:number`.
    /// Only lines with `word` are looked at closely.
    func places(of pattern: Regex<Substring>, word: String) -> [String] {
        var found: [String] = []
        for (index, line) in lines.enumerated() where line.contains(word) && TextFile.code(in: line).contains(pattern) {
            found.append("\(path):\(index + 1)")
        }
        return found
    }

    /// Modules that the file imports.
    var imports: [String] {
        lines.compactMap { line in
            guard line.contains("import "),
                let match = line.firstMatch(of: /^(?:@\w+ )?(?:public |package |private )?import (?:\w+ )?(\w+)/)
            else {
                return nil
            }
            return String(match.1)
        }
    }

    static func code(in line: String) -> String {
        var code = line
        code.replace(/"(?:[^"\\]|\\.)*"/, with: "\"\"")
        if let comment = code.firstRange(of: "//") { code = String(code[..<comment.lowerBound]) }
        return code
    }
}

/// The repository's files, read once.
enum Tree {
    static let productFolders = ["Sources", "storage", "promtail-compat"]
    private static let folders = productFolders + ["Tests", "Benchmarks", "Fuzz", ".ci"]
    private static let endings = ["swift", "c", "h", "cpp", "md", "sh", "py", "yaml", "yml", "modulemap", "txt"]

    static let root: URL = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static let files: [TextFile] = {
        var paths = (try? FileManager.default.contentsOfDirectory(atPath: root.path)) ?? []
        paths.removeAll { isFolder($0) }
        for folder in folders {
            let below = FileManager.default.enumerator(atPath: root.path + "/" + folder)
            while let path = below?.nextObject() as? String { paths.append(folder + "/" + path) }
        }
        return paths.sorted().filter(isText).compactMap { path in
            guard let text = try? String(contentsOf: root.appendingPathComponent(path), encoding: .utf8) else {
                return nil
            }
            return TextFile(
                path: path, lines: text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init))
        }
    }()

    static let swiftFiles = files.filter(\.isSwift)
    static let product = swiftFiles.filter(\.isProduct)

    private static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: root.path + "/" + path, isDirectory: &isFolder)
            && isFolder.boolValue
    }

    private static func isText(_ path: String) -> Bool {
        if path.contains("/Fixtures/") || path.contains("/.build") || isFolder(path) { return false }
        let name = path.split(separator: "/").last ?? ""
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else {
            return ["Makefile", "run", ".gitignore", ".editorconfig", ".swift-format"].contains(name)
        }
        return endings.contains(String(name[name.index(after: dot)...]))
    }
}
