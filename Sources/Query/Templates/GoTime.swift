internal import Bytes
internal import Model

/// Times in the layouts of Go's time package.
enum GoTime {
    private static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]
    private static let days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
    /// Longer ones stand before those that begin like them.
    private static let chunks = [
        "January", "Jan", "Monday", "Mon", "MST", "2006", "-07:00:00", "-07:00", "-0700", "-07", "Z07:00", "Z0700",
        "002", "01", "02", "03", "04", "05", "06", "15", "_2", "PM", "pm", "1", "2", "3", "4", "5",
    ]

    private enum Piece {
        case literal(String)
        case chunk(String)
        /// Digits of a fraction, the separator in front; true if trailing zeros go.
        case fraction(String, digits: Int, isShort: Bool)
    }

    private static func pieces(_ layout: String) -> [Piece] {
        var rest = Substring(layout)
        var found: [Piece] = []
        var literal = ""
        while let first = rest.first {
            if first == "." || first == ",", let digit = rest.dropFirst().first, digit == "0" || digit == "9" {
                let run = rest.dropFirst().prefix { $0 == digit }
                let after = rest.dropFirst(1 + run.count).first
                if after.map({ !$0.isNumber }) ?? true {
                    if !literal.isEmpty { found.append(.literal(literal)) }
                    literal = ""
                    found.append(.fraction(String(first), digits: run.count, isShort: digit == "9"))
                    rest = rest.dropFirst(1 + run.count)
                    continue
                }
            }
            if let chunk = chunks.first(where: { rest.hasPrefix($0) }) {
                if !literal.isEmpty { found.append(.literal(literal)) }
                literal = ""
                found.append(.chunk(chunk))
                rest = rest.dropFirst(chunk.count)
            } else {
                literal.append(first)
                rest = rest.dropFirst()
            }
        }
        if !literal.isEmpty { found.append(.literal(literal)) }
        return found
    }

    private static func padded(_ value: Int64, _ width: Int, _ pad: String = "0") -> String {
        let digits = String(value)
        return String(repeating: pad, count: max(width - digits.count, 0)) + digits
    }

    /// `time` in nanoseconds, shown `offset` seconds east of UTC.
    static func format(_ time: Int64, _ offset: Int, _ layout: String) -> String {
        let (quotient, remainder) = time.quotientAndRemainder(dividingBy: Nanoseconds.perSecond)
        let nanoseconds = remainder < 0 ? remainder + Nanoseconds.perSecond : remainder
        let local = (remainder < 0 ? quotient - 1 : quotient) + Int64(offset)
        let day = local >= 0 ? local / 86400 : (local - 86399) / 86400
        let clock = local - day * 86400
        let date = CivilDate(day: day)
        var text = ""
        for piece in pieces(layout) {
            switch piece {
            case .literal(let literal): text += literal
            case .fraction(let separator, let digits, let isShort):
                var fraction = String(padded(nanoseconds, 9).prefix(digits))
                if isShort { while fraction.hasSuffix("0") { fraction.removeLast() } }
                if !fraction.isEmpty { text += separator + fraction }
            case .chunk(let chunk): text += self.text(chunk, date, day, clock, offset)
            }
        }
        return text
    }

    private static func text(_ chunk: String, _ date: CivilDate, _ day: Int64, _ clock: Int64, _ offset: Int) -> String
    {
        let hour = clock / 3600
        let month = months[Int(date.month - 1)]
        let weekday = days[Int(((day + 4) % 7 + 7) % 7)]
        switch chunk {
        case "January": return month
        case "Jan": return String(month.prefix(3))
        case "Monday": return weekday
        case "Mon": return String(weekday.prefix(3))
        case "2006": return padded(date.year, 4)
        case "06": return padded(date.year % 100, 2)
        case "01": return padded(date.month, 2)
        case "1": return String(date.month)
        case "02": return padded(date.day, 2)
        case "2": return String(date.day)
        case "_2": return padded(date.day, 2, " ")
        case "002": return padded(day - CivilDate(year: date.year, month: 1, day: 1).dayNumber + 1, 3)
        case "15": return padded(hour, 2)
        case "03": return padded((hour + 11) % 12 + 1, 2)
        case "3": return String((hour + 11) % 12 + 1)
        case "04": return padded(clock / 60 % 60, 2)
        case "4": return String(clock / 60 % 60)
        case "05": return padded(clock % 60, 2)
        case "5": return String(clock % 60)
        case "PM": return hour >= 12 ? "PM" : "AM"
        case "pm": return hour >= 12 ? "pm" : "am"
        default: return zone(chunk, offset)
        }
    }

    private static func zone(_ chunk: String, _ offset: Int) -> String {
        if chunk == "MST" { return offset == 0 ? "UTC" : zone("-0700", offset) }
        if chunk.hasPrefix("Z"), offset == 0 { return "Z" }
        let minutes = Int64(offset.magnitude / 60)
        let sign = offset < 0 ? "-" : "+"
        let hours = padded(minutes / 60, 2)
        switch chunk {
        case "-07": return sign + hours
        case "-0700", "Z0700": return sign + hours + padded(minutes % 60, 2)
        case "-07:00:00": return sign + hours + ":" + padded(minutes % 60, 2) + ":00"
        default: return sign + hours + ":" + padded(minutes % 60, 2)
        }
    }

    private struct Parsed {
        var date = CivilDate(year: 0, month: 1, day: 1)
        var hour: Int64 = 0
        var minute: Int64 = 0
        var second: Int64 = 0
        var nanoseconds: Int64 = 0
        var isAfternoon: Bool?
        var offset: Int?
    }

    /// The time that `text` shows in `layout`; a text without zone is in `zone`. Nil if it does not fit.
    static func parse(_ layout: String, _ text: String, zone: String = "UTC") -> (time: Int64, offset: Int)? {
        var parsed = Parsed()
        var rest = Substring(text)
        for piece in pieces(layout) {
            switch piece {
            case .literal(let literal):
                guard rest.hasPrefix(literal) else { return nil }
                rest = rest.dropFirst(literal.count)
            case .fraction(_, let digits, let isShort):
                guard read(fraction: digits, isShort, &rest, &parsed) else { return nil }
            case .chunk(let chunk):
                guard read(chunk, &rest, &parsed) else { return nil }
                if chunk == "05" || chunk == "5", rest.first == ".", rest.dropFirst().first?.isNumber ?? false {
                    guard read(fraction: 9, true, &rest, &parsed) else { return nil }
                }
            }
        }
        guard rest.isEmpty else { return nil }
        return finish(parsed, zone)
    }

    private static func finish(_ parsed: Parsed, _ zone: String) -> (time: Int64, offset: Int)? {
        var hour = parsed.hour
        if parsed.isAfternoon == true, hour < 12 { hour += 12 }
        if parsed.isAfternoon == false, hour == 12 { hour = 0 }
        let date = parsed.date
        let day = date.dayNumber
        let back = CivilDate(day: day)
        guard back == date, hour < 24, parsed.minute < 60, parsed.second < 60 else { return nil }
        let wall = day * 86400 + hour * 3600 + parsed.minute * 60 + parsed.second
        let offset = parsed.offset ?? GoZone.offset(zone, wallSeconds: wall)
        let (scaled, overflow) = (wall - Int64(offset)).multipliedReportingOverflow(by: Nanoseconds.perSecond)
        let (time, over) = scaled.addingReportingOverflow(parsed.nanoseconds)
        return overflow || over ? nil : (time, offset)
    }

    private static func read(fraction digits: Int, _ isShort: Bool, _ rest: inout Substring, _ parsed: inout Parsed)
        -> Bool
    {
        guard rest.first == "." || rest.first == "," else { return isShort }
        let run = rest.dropFirst().prefix { $0.isASCII && $0.isNumber }
        guard isShort ? !run.isEmpty && run.count <= 9 : run.count == digits && digits <= 9 else { return false }
        parsed.nanoseconds = Int64(run + String(repeating: "0", count: 9 - run.count)) ?? 0
        rest = rest.dropFirst(1 + run.count)
        return true
    }

    private static func number(_ rest: inout Substring, _ digits: ClosedRange<Int>) -> Int64? {
        let run = rest.prefix(digits.upperBound).prefix { $0.isASCII && $0.isNumber }
        guard run.count >= digits.lowerBound, let value = Int64(run) else { return nil }
        rest = rest.dropFirst(run.count)
        return value
    }

    private static func read(_ chunk: String, _ rest: inout Substring, _ parsed: inout Parsed) -> Bool {
        switch chunk {
        case "January", "Jan", "Monday", "Mon": return read(name: chunk, &rest, &parsed)
        case "2006": return set(&parsed.date.year, number(&rest, 4...4))
        case "06": return set(&parsed.date.year, number(&rest, 2...2).map { $0 >= 69 ? $0 + 1900 : $0 + 2000 })
        case "01": return set(&parsed.date.month, number(&rest, 2...2))
        case "1": return set(&parsed.date.month, number(&rest, 1...2))
        case "02": return set(&parsed.date.day, number(&rest, 2...2))
        case "2", "_2":
            while chunk == "_2", rest.first == " " { rest = rest.dropFirst() }
            return set(&parsed.date.day, number(&rest, 1...2))
        case "15": return set(&parsed.hour, number(&rest, 2...2))
        case "03": return set(&parsed.hour, number(&rest, 2...2))
        case "3": return set(&parsed.hour, number(&rest, 1...2))
        case "04": return set(&parsed.minute, number(&rest, 2...2))
        case "4": return set(&parsed.minute, number(&rest, 1...2))
        case "05": return set(&parsed.second, number(&rest, 2...2))
        case "5": return set(&parsed.second, number(&rest, 1...2))
        case "PM", "pm":
            let mark = rest.prefix(2).uppercased()
            guard mark == "AM" || mark == "PM" else { return false }
            parsed.isAfternoon = mark == "PM"
            rest = rest.dropFirst(2)
            return true
        default: return read(zone: chunk, &rest, &parsed)
        }
    }

    private static func set(_ field: inout Int64, _ value: Int64?) -> Bool {
        guard let value else { return false }
        field = value
        return true
    }

    private static func read(name chunk: String, _ rest: inout Substring, _ parsed: inout Parsed) -> Bool {
        let isMonth = chunk.hasPrefix("J")
        let isShort = chunk == "Jan" || chunk == "Mon"
        for (index, name) in (isMonth ? months : days).enumerated() {
            let wanted = isShort ? String(name.prefix(3)) : name
            guard rest.prefix(wanted.count).lowercased() == wanted.lowercased() else { continue }
            rest = rest.dropFirst(wanted.count)
            if isMonth { parsed.date.month = Int64(index + 1) }
            return true
        }
        return false
    }

    private static func read(zone chunk: String, _ rest: inout Substring, _ parsed: inout Parsed) -> Bool {
        if chunk == "MST" {
            let name = rest.prefix { $0.isASCII && $0.isLetter }
            guard name.count >= 3 else { return false }
            parsed.offset = 0
            rest = rest.dropFirst(name.count)
            return true
        }
        if chunk.hasPrefix("Z"), rest.first == "Z" {
            parsed.offset = 0
            rest = rest.dropFirst()
            return true
        }
        guard let sign = rest.first, sign == "+" || sign == "-" else { return false }
        rest = rest.dropFirst()
        guard let hours = number(&rest, 2...2) else { return false }
        var minutes: Int64 = 0
        if chunk != "-07" {
            if chunk.contains(":") {
                guard rest.first == ":" else { return false }
                rest = rest.dropFirst()
            }
            guard let value = number(&rest, 2...2) else { return false }
            minutes = value
        }
        let seconds = Int(hours * 3600 + minutes * 60)
        parsed.offset = sign == "-" ? -seconds : seconds
        return true
    }

    /// A method of Go's time.Time that takes no argument.
    static func field(_ name: String, _ time: Int64, _ offset: Int) throws(TemplateFault) -> TemplateValue {
        switch name {
        case "Year": return number(format(time, offset, "2006"))
        case "Month": return .text(format(time, offset, "January"))
        case "Day": return number(format(time, offset, "2"))
        case "Hour": return number(format(time, offset, "15"))
        case "Minute": return number(format(time, offset, "4"))
        case "Second": return number(format(time, offset, "5"))
        case "Nanosecond": return number(String(format(time, offset, ".000000000").dropFirst()))
        case "YearDay": return number(format(time, offset, "002"))
        case "Weekday": return .text(format(time, offset, "Monday"))
        case "Unix": return .int(floor(time, Nanoseconds.perSecond))
        case "UnixMilli": return .int(floor(time, Nanoseconds.perMillisecond))
        case "UnixMicro": return .int(floor(time, 1000))
        case "UnixNano": return .int(time)
        case "UTC", "Local": return .time(time, offsetSeconds: 0)
        case "String": return .text(format(time, offset, "2006-01-02 15:04:05.999999999 -0700 MST"))
        default: throw TemplateFault("can't evaluate field \(name) in type time.Time")
        }
    }

    private static func number(_ digits: String) -> TemplateValue { .int(Int64(digits) ?? 0) }

    /// `value` in whole units, towards the past.
    static func floor(_ value: Int64, _ unit: Int64) -> Int64 {
        value % unit < 0 ? value / unit - 1 : value / unit
    }
}
