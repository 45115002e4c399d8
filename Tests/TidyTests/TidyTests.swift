import Testing

/// Style as a test: what of CONTRIBUTING.md a machine can check.
@Suite struct TidyTests {
    @Test func theTreeIsFound() {
        #expect(Tree.product.count > 50)
        #expect(Tree.files.contains { $0.path == "Package.swift" })
    }

    @Test func linesAreShort() {
        let long = Tree.files.filter { !$0.path.hasSuffix(".md") }.flatMap { file in
            file.lines.indices.filter { file.lines[$0].count > 120 }.map { "\(file.path):\($0 + 1)" }
        }
        #expect(long == [])
    }

    @Test func filesAreShort() {
        #expect(Tree.product.filter { $0.lines.count > 401 }.map(\.path) == [])
    }

    @Test func functionsAreShort() {
        #expect(Tree.product.flatMap(longFunctions) == [])
    }

    @Test func spaceIsClean() {
        let dirty = Tree.files.flatMap { file in
            file.lines.indices
                .filter { index in
                    let line = file.lines[index]
                    return line.last?.isWhitespace == true || (file.isSwift && line.contains("\t"))
                }
                .map { "\(file.path):\($0 + 1)" }
        }
        #expect(dirty == [])
        #expect(Tree.files.filter { !$0.lines.isEmpty && $0.lines.last != "" }.map(\.path) == [])
    }

    @Test func nothingIsLeftOver() {
        let marks = ["TO" + "DO", "FIX" + "ME", "XX" + "X"]
        let found = Tree.files.flatMap { file in
            file.lines.indices.filter { index in marks.contains { file.lines[index].contains($0) } }
                .map { "\(file.path):\($0 + 1)" }
        }
        #expect(found == [])
    }

    @Test func librariesDoNotStopOrPrint() {
        let libraries = Tree.product.filter { !$0.path.hasPrefix("Sources/dendro/") }
        let calls: [(word: String, pattern: Regex<Substring>)] = [
            ("fatalError", /(?:^|[^\w.])fatalError\(/), ("try!", /(?:^|[^\w.])try!/),
            ("rint(", /(?:^|[^\w.\s]|\b(?:in|else|return))\s*(?:debugPrint|print)\([^&]/),
            ("exit(", /(?:^|[^\w.])exit\(/), ("abort(", /(?:^|[^\w.])abort\(/),
        ]
        for call in calls { #expect(libraries.flatMap { $0.places(of: call.pattern, word: call.word) } == []) }
    }

    @Test func noMachineIsNamed() {
        let folders = ["work", "home", "root", "Users", "opt"].map { "/" + $0 + "/" }
        let found = Tree.files.flatMap { file in
            file.lines.indices
                .filter { index in
                    folders.contains { folder in
                        file.lines[index].ranges(of: folder).contains { range in
                            // A path starts a word; in `/a/root/b` or `https://host/opt/x` it does not.
                            guard range.lowerBound > file.lines[index].startIndex else { return true }
                            let before = file.lines[index][file.lines[index].index(before: range.lowerBound)]
                            return before.isWhitespace || "\"'`(=:,".contains(before)
                        }
                    }
                }
                .map { "\(file.path):\($0 + 1)" }
        }
        #expect(found == [])
    }

    @Test func foundationStaysOut() {
        #expect(Tree.product.filter { $0.imports.contains("Foundation") }.map(\.path) == [])
        let pure = ["storage/", "Sources/Model/", "Sources/Receive/", "Sources/LogQL/", "Sources/Query/"]
        let pureFiles = Tree.product.filter { file in pure.contains { file.path.hasPrefix($0) } }
        #expect(pureFiles.filter { $0.imports.contains("FoundationEssentials") }.map(\.path) == [])
    }

    @Test func storageKnowsNothingAbove() {
        let known: Set = [
            "Bytes", "Model", "Files", "WAL", "Chunks", "Columns", "Index", "Buffer", "Store", "CPlatform", "CZlib",
            "CLZ4",
            "CZstd", "CSQLite", "Glibc", "Synchronization",
        ]
        let strangers = Tree.product.filter { $0.path.hasPrefix("storage/") }
            .flatMap { file in file.imports.filter { !known.contains($0) }.map { "\(file.path): \($0)" } }
        #expect(strangers == [])
    }

    @Test func onlyTheServerKnowsHTTP() {
        let network: Set = ["NIOCore", "NIOPosix", "NIOHTTP1", "Hummingbird", "HummingbirdCore", "HTTPTypes"]
        let others = Tree.product.filter { file in
            !file.path.hasPrefix("Sources/Server/") && !file.path.hasPrefix("Sources/dendro/")
        }
        #expect(others.filter { !network.isDisjoint(with: $0.imports) }.map(\.path) == [])
    }

    @Test func targetsIntroduceThemselves() {
        let targets = Set(Tree.product.map { $0.path.split(separator: "/").prefix(2).joined(separator: "/") })
        for target in targets.sorted() where target != "Sources/dendro" {
            let name = target.split(separator: "/").last ?? ""
            let opening = "// \(name): "
            let isIntroduced = Tree.product.contains { file in
                file.path.hasPrefix(target + "/") && file.lines.contains { $0.hasPrefix(opening) }
            }
            #expect(isIntroduced, "no file of \(target) has a line that begins with \(opening)")
        }
    }

    @Test func readmeNamesEveryOption() {
        let readme = Tree.files.first { $0.path == "README.md" }?.lines ?? []
        let table = Tree.files.first { $0.path == "Sources/dendro/SettingsTable.swift" }?.lines ?? []
        let text = table.joined(separator: "\n")
        let keys = text.matches(of: /Setting\(\s*"([\w.]+)"/).map { String($0.1) }
        let limits = text.matches(of: /limit\("(\w+)"/).map { "limits." + $0.1 }
        #expect(keys.count > 20 && limits.count > 15)
        for key in keys + limits {
            let environment = "DENDRO_" + key.uppercased().replacing(".", with: "_")
            let flag = "--" + key.replacing(".", with: "-").replacing("_", with: "-")
            let isNamed = readme.contains { line in
                [key, environment, flag].allSatisfy { line.contains("| `\($0)` |") }
            }
            #expect(isNamed, "README.md does not name \(key), \(environment) and \(flag) in one row")
        }
    }

    @Test func namesAreNounsOfTheDomain() {
        let empty = ["Util", "Utils", "Helper", "Helpers", "Manager", "Common", "Misc"]
        let vague = Tree.files.filter(\.isProduct).filter { file in
            let stem = file.name.split(separator: ".").first.map(String.init) ?? ""
            return empty.contains { stem.hasSuffix($0) || file.folder.split(separator: "/").contains(Substring($0)) }
        }
        #expect(vague.map(\.path) == [])
    }

    /// Functions of over 60 lines, as `path:number`. Relies on the formatter: the closing brace stands under the first
    /// line's first letter.
    private func longFunctions(_ file: TextFile) -> [String] {
        var long: [String] = []
        for (index, line) in file.lines.enumerated() {
            guard line.contains("func ") || line.contains("init"),
                line.contains(/^\s*(?:@\w+(?:\([^)]*\))? )*(?:[a-z]+(?:\(set\))? )*(?:func |init[?(<]|deinit)/)
            else {
                continue
            }
            let indentation = line.prefix { $0 == " " }
            let rest = file.lines[(index + 1)...]
            guard let end = rest.firstIndex(where: { $0.hasPrefix(indentation + "}") || $0 == indentation + "}" })
            else {
                continue
            }
            // A requirement of a protocol has no body: the brace found is then that of something later.
            let isOneLine = line.hasSuffix("}") || !file.lines[index..<end].contains { $0.hasSuffix("{") }
            if !isOneLine, end - index + 1 > 60, hasBody(file.lines[index..<end], indentation: indentation.count) {
                long.append("\(file.path):\(index + 1)")
            }
        }
        return long
    }

    /// Whether the declaration at the start of `lines` opens a brace before anything else begins at its indentation.
    private func hasBody(_ lines: ArraySlice<String>, indentation: Int) -> Bool {
        for (offset, line) in lines.enumerated() {
            if line.hasSuffix("{") { return true }
            if offset > 0, line.isEmpty { return false }
            let isContinuation = line.hasPrefix(String(repeating: " ", count: indentation) + ")")
            if offset > 0, !isContinuation, line.prefix(while: { $0 == " " }).count <= indentation { return false }
        }
        return false
    }
}
