import Health
import Server

/// Files of rules that the settings name.
enum RuleFiles {
    /// All their groups; a file's name is their namespace.
    static func read(_ paths: [String]) throws(StartError) -> [RuleGroup] {
        var groups: [RuleGroup] = []
        for path in paths {
            let text: String
            do throws(InputError) {
                text = try InputFile.text(path, limitBytes: RuleFile.limitBytes)
            } catch {
                throw StartError("alerts.rules: \(error.description)", code: Exit.badSettings)
            }
            do throws(RuleFault) {
                let name = path.split(separator: "/").last.map(String.init) ?? path
                groups += try RuleFile.groups(text, namespace: name)
            } catch {
                throw StartError("alerts.rules: \(path): \(error.description)", code: Exit.badSettings)
            }
        }
        for index in groups.indices { groups[index].isFixed = true }
        guard groups.count <= RuleGroup.countLimit else {
            throw StartError("alerts.rules: more than \(RuleGroup.countLimit) groups", code: Exit.badSettings)
        }
        return groups
    }
}
