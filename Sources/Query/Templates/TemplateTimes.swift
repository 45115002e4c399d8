internal import Bytes
internal import Model

/// Functions on times.
enum TemplateTimes {
    /// Go's zero time, 0001-01-01, does not fit into nanoseconds; the earliest that does stands for it.
    private static let zero = TemplateValue.time(.min, offsetSeconds: 0)

    static func call(_ function: TemplateFunction, _ list: TemplateArguments) throws(TemplateFault) -> TemplateValue {
        switch function {
        case .now:
            try list.expect(0)
            return .time(SystemClock().nowNanoseconds(), offsetSeconds: 0)
        case .date:
            try list.expect(2)
            return try date(try list.text(0), list[1])
        case .toDate:
            try list.expect(2)
            return parsed(try list.text(0), "UTC", try list.text(1))
        case .toDateInZone:
            try list.expect(3)
            return parsed(try list.text(0), try list.text(1).text, try list.text(2))
        case .unixToTime:
            try list.expect(1)
            return try unixToTime(try list.text(0), list)
        default:
            try list.expect(1)
            guard case .time(let time, _) = list[0] else {
                throw TemplateFault("wrong type for value; expected time.Time; got \(list[0].typeName)")
            }
            return epoch(function, time)
        }
    }

    private static func parsed(_ layout: [UInt8], _ zone: String, _ text: [UInt8]) -> TemplateValue {
        guard let found = GoTime.parse(layout.text, text.text, zone: zone) else { return zero }
        return .time(found.time, offsetSeconds: found.offset)
    }

    private static func date(_ layout: [UInt8], _ value: TemplateValue) throws(TemplateFault) -> TemplateValue {
        switch value {
        case .time(let time, _): return .text(GoTime.format(time, 0, layout.text))
        case .int(let seconds):
            let (time, overflow) = seconds.multipliedReportingOverflow(by: Nanoseconds.perSecond)
            if overflow { throw TemplateFault("error calling date: time out of range") }
            return .text(GoTime.format(time, 0, layout.text))
        default: return .text(GoTime.format(SystemClock().nowNanoseconds(), 0, layout.text))
        }
    }

    private static func epoch(_ function: TemplateFunction, _ time: Int64) -> TemplateValue {
        if time == .min {
            switch function {
            case .unixEpoch: return .text("-62135596800")
            case .unixEpochMillis: return .text("-62135596800000")
            default: return .text("-6795364578871345152")
            }
        }
        switch function {
        case .unixEpoch: return .text(String(GoTime.floor(time, Nanoseconds.perSecond)))
        case .unixEpochMillis: return .text(String(GoTime.floor(time, Nanoseconds.perMillisecond)))
        default: return .text(String(time))
        }
    }

    private static func unixToTime(_ text: [UInt8], _ list: TemplateArguments) throws(TemplateFault) -> TemplateValue {
        let units: [Int: Int64] = [
            5: Nanoseconds.perDay, 10: Nanoseconds.perSecond, 13: Nanoseconds.perMillisecond, 16: 1000, 19: 1,
        ]
        guard let number = Int64(text.text), let unit = units[text.count] else {
            throw list.failed("unable to parse time '\(text.text)'")
        }
        let (time, overflow) = number.multipliedReportingOverflow(by: unit)
        if overflow { throw list.failed("unable to parse time '\(text.text)'") }
        return .time(time, offsetSeconds: 0)
    }
}
