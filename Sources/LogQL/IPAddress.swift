extension IPAddress {
    /// Reads an address in full, without zone; nil if the bytes are none.
    public init?(parsing bytes: ArraySlice<UInt8>) {
        if bytes.contains(UInt8(ascii: ":")) {
            guard let value = Self.v6(bytes) else { return nil }
            self.init(isV6: true, value: value)
        } else {
            guard let value = Self.v4(bytes) else { return nil }
            self.init(isV6: false, value: UInt128(value))
        }
    }

    /// Four decimal numbers up to 255 without leading zeros.
    private static func v4(_ bytes: ArraySlice<UInt8>) -> UInt32? {
        var address: UInt32 = 0
        var part: UInt32 = 0
        var digits = 0
        var parts = 1
        for byte in bytes {
            if byte == UInt8(ascii: ".") {
                if digits == 0 || parts == 4 { return nil }
                address = address << 8 | part
                (part, digits) = (0, 0)
                parts &+= 1
                continue
            }
            guard Lexer.isDigit(byte) else { return nil }
            if digits > 0 && part == 0 { return nil }
            part = part &* 10 &+ UInt32(byte &- 0x30)
            digits &+= 1
            if part > 255 { return nil }
        }
        return parts == 4 && digits > 0 ? address << 8 | part : nil
    }

    /// Eight groups of up to four hex digits; `::` once for missing ones; the last 32 bits may be written as IPv4.
    private static func v6(_ bytes: ArraySlice<UInt8>) -> UInt128? {
        var groups: [UInt16] = []
        var gap: Int?
        var index = bytes.startIndex
        if bytes.starts(with: [UInt8(ascii: ":")]) {
            guard bytes.starts(with: [UInt8(ascii: ":"), UInt8(ascii: ":")]) else { return nil }
            gap = 0
            index &+= 2
        }
        while index < bytes.endIndex {
            if groups.count == 8 { return nil }
            let end = bytes[index...].firstIndex(of: UInt8(ascii: ":")) ?? bytes.endIndex
            if bytes[index..<end].contains(UInt8(ascii: ".")) {
                guard end == bytes.endIndex, groups.count <= 6, let low = v4(bytes[index..<end]) else { return nil }
                groups += [UInt16(low >> 16), UInt16(low & 0xFFFF)]
                break
            }
            guard let group = hex(bytes[index..<end]) else { return nil }
            groups.append(group)
            if end == bytes.endIndex { break }
            index = end &+ 1
            if index == bytes.endIndex { return nil }
            if bytes[index] == UInt8(ascii: ":") {
                if gap != nil { return nil }
                gap = groups.count
                index &+= 1
            }
        }
        guard gap == nil ? groups.count == 8 : groups.count < 8 else { return nil }
        if let gap { groups.insert(contentsOf: repeatElement(0, count: 8 &- groups.count), at: gap) }
        return groups.reduce(0) { $0 << 16 | UInt128($1) }
    }

    private static func hex(_ bytes: ArraySlice<UInt8>) -> UInt16? {
        guard (1...4).contains(bytes.count) else { return nil }
        var value: UInt16 = 0
        for byte in bytes {
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte &- 0x30
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte &- 0x61 &+ 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte &- 0x41 &+ 10
            default: return nil
            }
            value = value << 4 | UInt16(digit)
        }
        return value
    }
}

extension IPPattern {
    /// Reads an address, `address/bits`, or `low-high` of one family; nil if the text is none of them.
    public init?(parsing text: Text) {
        let bytes = text.bytes[...]
        if let slash = bytes.firstIndex(of: UInt8(ascii: "/")) {
            guard let address = IPAddress(parsing: bytes[..<slash]) else { return nil }
            let digits = String(decoding: bytes[(slash &+ 1)...], as: UTF8.self)
            let width = address.isV6 ? 128 : 32
            guard let bits = Int(digits), (0...width).contains(bits), digits == "\(bits)" else { return nil }
            // Shifting by the full width gives 0, as wanted.
            let hostMask = (UInt128(1) << UInt128(width &- bits)) &- 1
            self.init(
                text: text, low: IPAddress(isV6: address.isV6, value: address.value & ~hostMask),
                high: IPAddress(isV6: address.isV6, value: address.value | hostMask))
        } else if let dash = bytes.firstIndex(of: UInt8(ascii: "-")) {
            guard let low = IPAddress(parsing: bytes[..<dash]),
                let high = IPAddress(parsing: bytes[(dash &+ 1)...]),
                low.isV6 == high.isV6, low.value <= high.value
            else { return nil }
            self.init(text: text, low: low, high: high)
        } else {
            guard let address = IPAddress(parsing: bytes) else { return nil }
            self.init(text: text, low: address, high: address)
        }
    }
}
