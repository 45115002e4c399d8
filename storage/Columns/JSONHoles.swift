import Bytes

/// Finds the values in a JSON line: each string's inside and each number or word is a hole, everything else is shape.
struct JSONHoles {
    private(set) var holes: [Slice] = []
    /// For each hole, a hash of its path and kind: values of one path share a column.
    private(set) var paths: [UInt64] = []
    private(set) var kinds: [HoleKind] = []
    /// For each hole its keys, joined by `separator`; `element` for an array. Only after `describe`.
    private(set) var names: [[UInt8]] = []

    /// Control characters cannot stand in keys that were split.
    static let separator: UInt8 = 0x1f
    static let element: UInt8 = 0x1e

    private var at = 0
    private var end = 0
    private var isDescribing = false
    private var name: [UInt8] = []
    /// Of the keys on the way to the value at hand.
    private var pathBytes = 0
    /// 1: may be in a number or word; 2: ends or bends a string (quote, backslash, control character).
    private let classes: [UInt8]

    init() {
        var classes = [UInt8](repeating: 0, count: 256)
        for byte in 0..<256 {
            switch UInt8(byte) {
            case 0x30...0x39, 0x61...0x7a, 0x2d, 0x2b, 0x2e, 0x45: classes[byte] = 1
            case 0..<0x20, 0x22, 0x5c: classes[byte] = 2
            default: break
            }
        }
        self.classes = classes
    }

    /// Splits the line again and notes the names of its holes.
    mutating func describe(_ line: Slice, in arena: borrowing ByteSpan) {
        isDescribing = true
        name.removeAll(keepingCapacity: true)
        names.removeAll(keepingCapacity: true)
        _ = split(line, in: arena)
        isDescribing = false
    }

    /// Whether the line has the texts `pieces[i]` around holes of `kinds`, as it would be split; the holes are noted.
    /// A guess that saves reading the line's grammar: where the texts agree, so do paths.
    mutating func follow(
        _ line: Slice, pieces: [[UInt8]], kinds: [HoleKind], in arena: borrowing ByteSpan
    ) -> Bool {
        holes.removeAll(keepingCapacity: true)
        at = line.offset
        end = line.offset + line.count
        for index in kinds.indices {
            let piece = pieces[index]
            guard end - at >= piece.count, arena.extracting(at..<(at + piece.count)).equals(piece.span) else {
                return false
            }
            at += piece.count
            let start = at
            if kinds[index] == .string {
                guard skipString(in: arena) else { return false }
                holes.append(Slice(start, at - start))
            } else {
                skipWord(in: arena)
                guard isWord(start, in: arena) else { return false }
                holes.append(Slice(start, at - start))
            }
        }
        let last = pieces[kinds.count]
        return at <= end && arena.extracting(at..<end).equals(last.span)
    }

    /// Whether the line is one JSON object that could be split.
    mutating func split(_ line: Slice, in arena: borrowing ByteSpan) -> Bool {
        holes.removeAll(keepingCapacity: true)
        paths.removeAll(keepingCapacity: true)
        kinds.removeAll(keepingCapacity: true)
        at = line.offset
        end = line.offset + line.count
        pathBytes = 0
        guard line.count >= 2, arena[at] == 0x7b else { return false }
        return value(1, depth: 0, in: arena) && at == end
    }

    private mutating func value(_ path: UInt64, depth: Int, in arena: borrowing ByteSpan) -> Bool {
        guard at < end, depth <= ColumnLimits.jsonDepth else { return false }
        switch arena[at] {
        case 0x7b: return object(path, depth: depth, in: arena)
        case 0x5b: return array(path, depth: depth, in: arena)
        case 0x22:
            guard let inner = string(in: arena) else { return false }
            return hole(inner, path &* 31 &+ 1, .string)
        default:
            let start = at
            skipWord(in: arena)
            return isWord(start, in: arena) && hole(Slice(start, at - start), path &* 31 &+ 2, .word)
        }
    }

    private mutating func hole(_ slice: Slice, _ path: UInt64, _ kind: HoleKind) -> Bool {
        guard holes.count < ColumnLimits.holes else { return false }
        holes.append(slice)
        paths.append(path)
        kinds.append(kind)
        if isDescribing { names.append(name) }
        return true
    }

    private mutating func object(_ path: UInt64, depth: Int, in arena: borrowing ByteSpan) -> Bool {
        at += 1
        space(in: arena)
        if at < end, arena[at] == 0x7d {
            at += 1
            return true
        }
        while true {
            guard at < end, arena[at] == 0x22, let key = string(in: arena) else { return false }
            space(in: arena)
            guard at < end, arena[at] == 0x3a else { return false }
            at += 1
            space(in: arena)
            let inner = Hash.hash64(arena.extracting(key.range), seed: path)
            let mark = name.count
            if isDescribing {
                if mark > 0 { name.append(JSONHoles.separator) }
                name.append(span: arena.extracting(key.range))
            }
            pathBytes += key.count + 1
            guard pathBytes <= ColumnLimits.pathBytes, value(inner, depth: depth + 1, in: arena) else { return false }
            pathBytes -= key.count + 1
            if isDescribing { name.removeLast(name.count - mark) }
            space(in: arena)
            guard at < end else { return false }
            at += 1
            if arena[at - 1] == 0x7d { return true }
            guard arena[at - 1] == 0x2c else { return false }
            space(in: arena)
        }
    }

    private mutating func array(_ path: UInt64, depth: Int, in arena: borrowing ByteSpan) -> Bool {
        at += 1
        space(in: arena)
        if at < end, arena[at] == 0x5d {
            at += 1
            return true
        }
        while true {
            if isDescribing { name.append(JSONHoles.element) }
            guard value(path &* 131 &+ 7, depth: depth + 1, in: arena) else { return false }
            if isDescribing { name.removeLast() }
            space(in: arena)
            guard at < end else { return false }
            at += 1
            if arena[at - 1] == 0x5d { return true }
            guard arena[at - 1] == 0x2c else { return false }
            space(in: arena)
        }
    }

    @inline(__always)
    private mutating func space(in arena: borrowing ByteSpan) {
        while at < end, arena[at] == 0x20 || arena[at] == 0x09 { at += 1 }
    }

    /// The inside of the string that starts here, escapes as they are.
    @inline(__always)
    private mutating func string(in arena: borrowing ByteSpan) -> Slice? {
        at += 1
        let start = at
        guard skipString(in: arena) else { return nil }
        at += 1
        return Slice(start, at - 1 - start)
    }

    /// Moves to the quote that ends the string here; false when there is none or a control character stands before it.
    @inline(__always)
    private mutating func skipString(in arena: borrowing ByteSpan) -> Bool {
        while at < end {
            let byte = arena[at]
            if classes[Int(byte)] & 2 == 0 {
                at += 1
            } else if byte == 0x22 {
                return true
            } else if byte == 0x5c {
                at += 2
            } else {
                return false
            }
        }
        return false
    }

    /// Whether the bytes from `start` are what parsers take for a number, or true, false, null: filters rely on it.
    @inline(__always)
    private func isWord(_ start: Int, in arena: borrowing ByteSpan) -> Bool {
        guard at > start else { return false }
        switch arena[start] {
        case 0x30...0x39, 0x2d: return true
        case 0x74: return isEqual(start, [0x74, 0x72, 0x75, 0x65], in: arena)
        case 0x66: return isEqual(start, [0x66, 0x61, 0x6c, 0x73, 0x65], in: arena)
        case 0x6e: return isEqual(start, [0x6e, 0x75, 0x6c, 0x6c], in: arena)
        default: return false
        }
    }

    private func isEqual(_ start: Int, _ word: [UInt8], in arena: borrowing ByteSpan) -> Bool {
        arena.extracting(start..<at).equals(word.span)
    }

    @inline(__always)
    private mutating func skipWord(in arena: borrowing ByteSpan) {
        while at < end, classes[Int(arena[at])] & 1 != 0 { at += 1 }
    }
}
