import Bytes

extension ColumnWriter {
    /// Numbers, timestamps, addresses and hexadecimal: the encoding used, or nil if no one holds for all values.
    mutating func typed(
        _ input: ColumnInput, in arena: borrowing ByteSpan, context: RowContext
    ) -> ColumnEncoding? {
        let (prefix, suffix) = Self.affixes(input.values, in: arena)
        var inner = input
        if prefix + suffix > 0 {
            for index in inner.values.indices {
                let value = inner.values[index]
                inner.values[index] = Slice(value.offset + prefix, value.count - prefix - suffix)
            }
        }
        if let found = numbers(inner, in: arena, context: context, (prefix, suffix)) { return found }
        if hexadecimal(inner.values, in: arena, (prefix, suffix)) { return .hex }
        return prefix + suffix > 0 && hexadecimal(input.values, in: arena, (0, 0)) ? .hex : nil
    }

    /// Bytes that all values begin and end with; digits are left to the values, so that numbers stay whole.
    private static func affixes(_ values: [Slice], in arena: borrowing ByteSpan) -> (prefix: Int, suffix: Int) {
        let first = values[0]
        var prefix = first.count
        var suffix = first.count
        var shortest = first.count
        for value in values {
            shortest = min(shortest, value.count)
            prefix = min(prefix, value.count)
            suffix = min(suffix, value.count)
            var same = 0
            while same < prefix && arena[first.offset + same] == arena[value.offset + same] { same += 1 }
            prefix = same
            same = 0
            let firstEnd = first.offset + first.count - 1
            let end = value.offset + value.count - 1
            while same < suffix && arena[firstEnd - same] == arena[end - same] { same += 1 }
            suffix = same
            if prefix == 0 && suffix == 0 { return (0, 0) }
        }
        func isLoose(_ byte: UInt8) -> Bool {
            byte &- 0x30 < 10 || byte &- 0x61 < 6 || byte == 0x2d || byte == 0x2e
        }
        while prefix > 0 && isLoose(arena[first.offset + prefix - 1]) { prefix -= 1 }
        while suffix > 0 && isLoose(arena[first.offset + first.count - suffix]) { suffix -= 1 }
        // A date that all values share is no prefix: the whole is one number.
        if first.count >= 19, TimestampText(arena.extracting(first.offset..<(first.offset + 19))) != nil { prefix = 0 }
        return shortest < prefix + suffix ? (0, 0) : (prefix, suffix)
    }

    private mutating func begin(
        _ encoding: ColumnEncoding, _ value: Slice, _ affixes: (prefix: Int, suffix: Int), in arena: borrowing ByteSpan
    ) {
        guard affixes.prefix + affixes.suffix > 0 else { return tree.append(encoding.rawValue) }
        tree.append(encoding.rawValue | ColumnEncoding.affixFlag)
        tree.appendVarint(affixes.prefix)
        tree.append(span: arena.extracting((value.offset - affixes.prefix)..<value.offset))
        tree.appendVarint(affixes.suffix)
        let end = value.offset + value.count
        tree.append(span: arena.extracting(end..<(end + affixes.suffix)))
    }

    private mutating func numbers(
        _ input: ColumnInput, in arena: borrowing ByteSpan, context: RowContext, _ affixes: (prefix: Int, suffix: Int)
    ) -> ColumnEncoding? {
        let values = input.values
        let first = values[0]
        let text = arena.extracting(first.range)
        let key = input.key &+ 0x31
        if let spelling = TimestampText(text) {
            guard let numbers = Self.all(values, in: arena, { spelling.parse($0) }) else { return nil }
            return timestamps(numbers, spelling, input, context: context, affixes, in: arena)
        }
        if TypedValue.integer(text) != nil, let numbers = Self.all(values, in: arena, { TypedValue.integer($0) }) {
            begin(.integer, first, affixes, in: arena)
            integers(numbers, key: key)
            return .integer
        }
        let width = first.count
        if TypedValue.digits(text) != nil,
            let numbers = Self.all(values, in: arena, { $0.count == width ? TypedValue.digits($0) : nil })
        {
            begin(.digits, first, affixes, in: arena)
            tree.append(UInt8(width))
            integers(numbers, key: key)
            return .digits
        }
        if TypedValue.decimal(text) != nil, decimals(values, in: arena, affixes, key: key) { return .decimal }
        if TypedValue.address(text) != nil, let numbers = Self.all(values, in: arena, { TypedValue.address($0) }) {
            begin(.address, first, affixes, in: arena)
            integers(numbers, key: key)
            return .address
        }
        return nil
    }

    private mutating func timestamps(
        _ numbers: [Int64], _ spelling: TimestampText, _ input: ColumnInput, context: RowContext,
        _ affixes: (prefix: Int, suffix: Int), in arena: borrowing ByteSpan
    ) -> ColumnEncoding {
        var unit: Int64 = 1
        for _ in spelling.places..<9 { unit *= 10 }
        let isRelative = input.rows != nil
        begin(isRelative ? .rowTime : .timestamp, input.values[0], affixes, in: arena)
        tree.append(spelling.separator)
        tree.append(spelling.point)
        tree.append(UInt8(spelling.places))
        var values = numbers
        if let rows = input.rows {
            for index in values.indices {
                values[index] = values[index] &- TimestampText.units(context.times[Int(rows[index])], of: unit)
            }
        }
        integers(values, key: input.key &+ 0x31)
        return isRelative ? .rowTime : .timestamp
    }

    private mutating func decimals(
        _ values: [Slice], in arena: borrowing ByteSpan, _ affixes: (prefix: Int, suffix: Int), key: UInt64
    ) -> Bool {
        var mantissas = [Int64](repeating: 0, count: values.count)
        var places = [Int64](repeating: 0, count: values.count)
        for index in values.indices {
            guard let (mantissa, digits) = TypedValue.decimal(arena.extracting(values[index].range)) else {
                return false
            }
            mantissas[index] = mantissa
            places[index] = digits
        }
        begin(.decimal, values[0], affixes, in: arena)
        integers(mantissas, key: key)
        integers(places, key: key &+ 1)
        return true
    }

    /// Lower-case hexadecimal of one width, or UUIDs: half a byte a digit.
    private mutating func hexadecimal(
        _ values: [Slice], in arena: borrowing ByteSpan, _ affixes: (prefix: Int, suffix: Int)
    ) -> Bool {
        let width = values[0].count
        guard width >= 4, width <= 255 else { return false }
        let isUUID = width == 36 && arena[values[0].offset + 8] == 0x2d
        var blob: [UInt8] = []
        blob.reserveCapacity(values.count * (isUUID ? 16 : (width + 1) / 2))
        for value in values {
            guard value.count == width else { return false }
            let text = arena.extracting(value.range)
            var high: UInt8 = 0
            var isLow = false
            for index in 0..<width {
                if isUUID, index == 8 || index == 13 || index == 18 || index == 23 {
                    guard text[index] == 0x2d else { return false }
                    continue
                }
                let digit = TypedValue.nibble(text[index])
                guard digit < 16 else { return false }
                if isLow { blob.append(high | digit) } else { high = digit << 4 }
                isLow.toggle()
            }
            if isLow { blob.append(high) }
        }
        begin(isUUID ? .uuid : .hex, values[0], affixes, in: arena)
        tree.append(UInt8(width))
        stream(blob)
        return true
    }

    /// `parse` of every value, or nil as soon as one fails.
    @inline(__always)
    private static func all(
        _ values: [Slice], in arena: borrowing ByteSpan, _ parse: (borrowing ByteSpan) -> Int64?
    ) -> [Int64]? {
        var numbers = [Int64](repeating: 0, count: values.count)
        for index in values.indices {
            guard let number = parse(arena.extracting(values[index].range)) else { return nil }
            numbers[index] = number
        }
        return numbers
    }
}
