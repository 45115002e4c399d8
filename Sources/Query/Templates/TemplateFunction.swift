/// The functions that templates may call; the raw value is the name as written.
enum TemplateFunction: String, Sendable, CaseIterable {
    case line = "__line__"
    case timestamp = "__timestamp__"
    // Go's own.
    case and, or, not, eq, ne, lt, le, gt, ge, len, index, slice, print, printf, println, html, js, urlquery, call
    // Text, the subject first.
    case toLowerGo = "ToLower"
    case toUpperGo = "ToUpper"
    case replaceGo = "Replace"
    case trimGo = "Trim"
    case trimLeftGo = "TrimLeft"
    case trimRightGo = "TrimRight"
    case trimPrefixGo = "TrimPrefix"
    case trimSuffixGo = "TrimSuffix"
    case trimSpaceGo = "TrimSpace"
    // Text, the subject last.
    case lower, upper, title, replace, trim, trimAll, trimPrefix, trimSuffix, regexReplaceAll, regexReplaceAllLiteral
    case count, trunc, substr, alignLeft, alignRight, indent, nindent, contains, hasPrefix, hasSuffix
    case `repeat`
    case b64enc, b64dec, urlencode, urldecode
    // Numbers.
    case int, float64, add, sub, mul, div, mod, addf, subf, mulf, divf, max, min, maxf, minf, ceil, floor, round
    case bytes, duration
    case durationSeconds = "duration_seconds"
    // Data and time.
    case fromJson, now, date, toDate, toDateInZone, unixEpoch, unixEpochMillis, unixEpochNanos, unixToTime
    case `default`
    // In texts of alerts only; their names cannot be written elsewhere.
    case humanize = "alert.humanize"
    case humanize1024 = "alert.humanize1024"
    case humanizeDuration = "alert.humanizeDuration"
    case humanizePercentage = "alert.humanizePercentage"
    case humanizeTimestamp = "alert.humanizeTimestamp"
    case alertToUpper = "alert.toUpper"
    case alertToLower = "alert.toLower"
}
