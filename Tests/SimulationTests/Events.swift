extension Simulation {
    /// What happens beside pushes, seals, retention and power cuts.
    struct Events: OptionSet, Sendable {
        let rawValue: Int

        static let faults = Events(rawValue: 1)
        static let deletions = Events(rawValue: 2)
        /// All heads sealed at once, and merges.
        static let merges = Events(rawValue: 4)
        /// Snapshots, and what comes of them after the cuts.
        static let snapshots = Events(rawValue: 8)
        /// Disks that fill up, and have room again later.
        static let fullDisks = Events(rawValue: 16)
        /// Catalogs of a moment before the power cut, as from a backup; not in lives with deletions, which know of
        /// no way back.
        static let oldCatalogs = Events(rawValue: 32)
        /// A flipped bit in a file of some kind.
        static let damage = Events(rawValue: 64)
        /// A second cut while the store opens after the first.
        static let doubleCuts = Events(rawValue: 128)
        /// Syncs that take their time.
        static let slowSyncs = Events(rawValue: 256)
        /// Heads that have to be written as rows.
        static let spills = Events(rawValue: 512)

        /// An encoder that errs: what it makes must not be believed.
        static let encoderErrors = Events(rawValue: 1024)

        static let all = Events(rawValue: 2047)
    }
}
