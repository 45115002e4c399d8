import Bytes

/// How a needle has to lie in a text.
enum MatchPlace: UInt8, Hashable {
    /// Anywhere.
    case inside
    /// The text begins with it.
    case front
    /// The text ends with it.
    case back
    /// The text is it.
    case whole

    /// Whether the needle's end must be the text's.
    var reachesEnd: Bool { self == .back || self == .whole }
    var beginsAtStart: Bool { self == .front || self == .whole }

    /// - Parameter foldsCase: whether ASCII letters count in either case; the needle is in lower case then.
    func holds(for needle: borrowing ByteSpan, in text: borrowing ByteSpan, foldsCase: Bool) -> Bool {
        let size = needle.count
        guard size <= text.count else { return false }
        if foldsCase {
            switch self {
            case .inside: return ByteSearch.find(folded: needle, in: text) != nil
            case .front: return ByteSearch.equals(folded: needle, text.extracting(0..<size))
            case .back: return ByteSearch.equals(folded: needle, text.extracting((text.count - size)..<text.count))
            case .whole: return ByteSearch.equals(folded: needle, text)
            }
        }
        switch self {
        case .inside: return ByteSearch.contains(needle, in: text)
        case .front: return text.extracting(0..<size).equals(needle)
        case .back: return text.extracting((text.count - size)..<text.count).equals(needle)
        case .whole: return text.equals(needle)
        }
    }
}

/// One condition of a straddle: the value of a hole has a part of the needle at a place.
struct StraddleLink: Hashable {
    let hole: Int
    let place: MatchPlace
    let text: [UInt8]
}

/// All ways in which a needle can lie across the constant texts and holes of a shape: each way is a chain of conditions
/// on holes, the constant texts being compared here. Exact: a text has the needle if and only if one way holds.
struct Straddles {
    /// The ways; one without conditions means that every text of the shape has the needle.
    private(set) var ways: [[StraddleLink]] = []
    /// Too many ways to list (holes side by side, say): look at the texts instead.
    private(set) var isOverflown = false
    /// Every text of the shape has the needle.
    private(set) var isAlways = false
    /// Bytes and places looked at so far.
    private(set) var looks = 0

    private let pieces: [[UInt8]]
    private let needle: [UInt8]
    private let place: MatchPlace
    private let foldsCase: Bool
    /// Per hole the bytes that its values can have.
    private let holeBytes: [ByteSet]
    private let needleBytes: ByteSet
    private var links: [StraddleLink] = []
    /// A step is a hole that is entered, or so many looks.
    static let maximumSteps = 2_000
    private static let looksAStep = 32

    /// - Parameters:
    ///   - holes: per hole the bytes that its values can have: ways that need others are left out.
    ///   - withinHoles: whether ways count in which the needle lies in one hole alone, at any place of it.
    ///   - needleBytes: those of the needle, where they are known.
    init(
        _ needle: [UInt8], _ place: MatchPlace, pieces: [[UInt8]], holes: [ByteSet], withinHoles: Bool, foldsCase: Bool,
        needleBytes: ByteSet? = nil
    ) {
        self.pieces = pieces
        self.foldsCase = foldsCase
        holeBytes = holes
        self.needle = needle
        // Asked for only there.
        let isAsked = withinHoles && place == .inside && !foldsCase
        self.needleBytes = needleBytes ?? (isAsked ? ByteSet(of: needle.span) : ByteSet())
        self.place = place
        if place.beginsAtStart {
            walk(piece: 0, from: 0)
        } else {
            startInPieces()
            if !isDone { startInHoles(withinHoles) }
        }
        if isAlways {
            ways = [[]]
            isOverflown = false
        }
    }

    private var holes: Int { pieces.count - 1 }
    private var isDone: Bool { isAlways || isOverflown }

    private mutating func look(_ count: Int) {
        looks += count
        if looks > Straddles.maximumSteps * Straddles.looksAStep { isOverflown = true }
    }

    /// The links so far are a way.
    private mutating func note() {
        if links.isEmpty { isAlways = true }
        look(links.count * 8)
        ways.append(links)
    }

    private mutating func startInPieces() {
        for index in pieces.indices {
            let piece = pieces[index]
            for offset in piece.indices where needle.isEmpty || begins(piece[offset], needle[0]) {
                let size = min(piece.count - offset, needle.count)
                guard agree(piece, offset, 0, size) else {
                    if isDone { return }
                    continue
                }
                if size == needle.count, !place.reachesEnd { return note() }
                // The piece must be used up, else the needle ends in it.
                if size == piece.count - offset { walk(hole: index, from: size) }
                if isDone { return }
            }
        }
    }

    private mutating func startInHoles(_ withinHoles: Bool) {
        for hole in 0..<holes {
            if withinHoles, place == .inside, covers(hole) {
                ways.append([StraddleLink(hole: hole, place: .inside, text: needle)])
            }
            let last = place.reachesEnd ? needle.count : needle.count - 1
            let next = pieces[hole + 1]
            var size = 1
            while size <= last, holeBytes[hole].has(needle[size - 1], foldsCase: foldsCase) {
                if goesOn(in: next, from: size) {
                    links.append(StraddleLink(hole: hole, place: .back, text: Array(needle[0..<size])))
                    walk(piece: hole + 1, from: size)
                    links.removeLast()
                    if isDone { return }
                }
                size += 1
            }
            look(foldsCase ? size + needle.count : size)
            if isDone { return }
        }
    }

    /// Whether a value of the hole can have the needle, as far as its bytes tell.
    private func covers(_ hole: Int) -> Bool {
        foldsCase
            ? holeBytes[hole].covers(needle, foldsCase: true) : holeBytes[hole].isSuperset(of: needleBytes)
    }

    /// Whether the needle from `from` on can go on at the start of a piece: a look ahead that saves making links.
    private mutating func goesOn(in piece: [UInt8], from: Int) -> Bool {
        let size = min(piece.count, needle.count - from)
        if size == 0 { return true }
        guard begins(piece[0], needle[from]) else { return false }
        return agree(piece, 0, from, size)
    }

    /// Whether a byte of a piece can be that of the needle: most are not, and need no more than this.
    @inline(__always)
    private func begins(_ byte: UInt8, _ wanted: UInt8) -> Bool {
        byte == wanted || foldsCase && byte | 0x20 == wanted
    }

    /// The needle from `from` on lies at the start of piece `index`.
    private mutating func walk(piece index: Int, from: Int) {
        if from == needle.count, !place.reachesEnd { return note() }
        let piece = pieces[index]
        let size = min(piece.count, needle.count - from)
        guard agree(piece, 0, from, size) else { return }
        if size < piece.count {
            if !place.reachesEnd { note() }
            return
        }
        walk(hole: index, from: from + size)
    }

    /// The needle from `from` on lies at the start of hole `index`.
    private mutating func walk(hole index: Int, from: Int) {
        look(Straddles.looksAStep)
        guard !isOverflown else { return }
        if from == needle.count, !place.reachesEnd { return note() }
        guard index < holes else {
            if from == needle.count { note() }
            return
        }
        if !place.reachesEnd, canEnd(in: index, from: from) {
            links.append(StraddleLink(hole: index, place: .front, text: Array(needle[from...])))
            note()
            links.removeLast()
        }
        let last = place.reachesEnd ? needle.count : needle.count - 1
        let next = pieces[index + 1]
        var end = from
        while end <= last {
            if end > from, !holeBytes[index].has(needle[end - 1], foldsCase: foldsCase) { break }
            if goesOn(in: next, from: end) {
                links.append(StraddleLink(hole: index, place: .whole, text: Array(needle[from..<end])))
                walk(piece: index + 1, from: end)
                links.removeLast()
                if isDone { return }
            }
            end += 1
        }
        look(end - from)
    }

    /// Whether all the needle from `from` on can stand in hole `index`.
    private mutating func canEnd(in index: Int, from: Int) -> Bool {
        var at = from
        while at < needle.count, holeBytes[index].has(needle[at], foldsCase: foldsCase) { at += 1 }
        look(at - from)
        return at == needle.count
    }

    /// Whether `size` bytes of a piece are those of the needle.
    private mutating func agree(_ piece: [UInt8], _ from: Int, _ needleFrom: Int, _ size: Int) -> Bool {
        var index = 0
        while index < size {
            let byte = piece[from + index]
            let lower = needle[needleFrom + index]
            let isLetter = foldsCase && lower >= 0x61 && lower <= 0x7a
            guard byte == lower || isLetter && byte | 0x20 == lower else { break }
            index += 1
        }
        look(index + 1)
        return index == size
    }
}
