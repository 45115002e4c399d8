import Bytes
import Model

// Entries off the fast path: with metadata of their own, over a limit, out of time, or of a refused stream.
extension BatchBuilder {
    mutating func appendSlowly(time given: Int64, line: borrowing ByteSpan, stream: Int) {
        let limits = options.limits
        var adjustments = streams[stream].adjustments
        var time = given
        if let reason = streams[stream].refusal {
            refuse(reason, stream: stream)
            return
        }
        if time < oldest {
            reject(.tooOld, stream: stream, number: time)
            return
        }
        if time > newest {
            guard limits.futureSeconds.action == .adjust else {
                reject(.tooNew, stream: stream, number: time)
                return
            }
            time = newest
            adjustments.insert(.time)
        }
        if line.count > limits.lineBytes.value, limits.lineBytes.action == .reject {
            reject(.lineTooLong, stream: stream, number: Int64(line.count))
            return
        }
        if let metadataFault {
            reject(metadataFault, stream: stream, number: 0)
            return
        }
        if metadataPairs > limits.metadataPairs.value {
            guard limits.metadataPairs.action == .adjust else {
                reject(.metadataTooMany, stream: stream, number: Int64(metadataPairs))
                return
            }
            adjustments.insert(.metadata)
        }
        if metadataBytes > limits.metadataBytes.value {
            guard limits.metadataBytes.action == .adjust else {
                reject(.metadataTooLarge, stream: stream, number: Int64(metadataBytes))
                return
            }
            adjustments.insert(.metadata)
        }
        let lineEnd = MetadataNames.prefixEnd(line, limit: limits.lineBytes.value)
        complete(line.extracting(0..<lineEnd), stream: stream, cutBytes: line.count - lineEnd, adjustments: adjustments)
        var flags = streams[stream].flags
        for pair in metadata.pairs where indexed.index(of: metadata.bytes.span.extracting(pair.name)) != nil {
            flags.insert(.traced)
        }
        encodedMetadata.removeAll(keepingCapacity: true)
        metadata.encode(to: &encodedMetadata)
        let row = ordinal(stream)
        let encoded = encodedMetadata
        result.batch.append(
            time: time, stream: row, line: line.extracting(0..<lineEnd), metadata: encoded.span, flags: flags)
    }

    /// Adds to the entry's metadata what its stream and its line bring along.
    private mutating func complete(
        _ line: borrowing ByteSpan, stream: Int, cutBytes: Int, adjustments: Adjustments
    ) {
        if options.discoverLevels { addLevel(line, stream: stream) }
        let fixed = streamBytes
        var cursor = PairCursor(streams[stream].fixed)
        while let pair = cursor.next(in: fixed.span) {
            metadata.setIfAbsent(name: fixed.span.extracting(pair.name), value: fixed.span.extracting(pair.value))
        }
        if cutBytes > 0 {
            metadata.set(
                name: [UInt8](FieldName.truncatedBytes.utf8).span, value: [UInt8](String(cutBytes).utf8).span)
        }
        if !adjustments.isEmpty {
            metadata.set(
                name: [UInt8](Adjustments.metadataName.utf8).span, value: [UInt8](adjustments.text.utf8).span)
        }
    }

    /// Sets `detected_level`: from itself, the labels, the metadata's level names, `severity_number`, or the line.
    private mutating func addLevel(_ line: borrowing ByteSpan, stream: Int) {
        let name = BatchBuilder.levelName
        if let own = metadata.find(name.span) {
            let level = LogLevel(metadata.bytes.span.extracting(metadata.pairs[own].value))
            if let level { setLevel(level) }
            return
        }
        if !streams[stream].level.isEmpty {
            let labels = streamBytes
            metadata.set(name: name.span, value: labels.span.extracting(streams[stream].level))
            return
        }
        if let index = BatchBuilder.levelPair(in: metadata) {
            let value = [UInt8](metadata.bytes[metadata.pairs[index].value])
            if let level = LogLevel(value.span) {
                setLevel(level)
            } else {
                metadata.set(name: name.span, value: value.span)
            }
            return
        }
        let severityNumber = BatchBuilder.severityNumberName
        if let number = metadata.find(severityNumber.span) {
            let level = LogLevel(severityNumber: metadata.bytes.span.extracting(metadata.pairs[number].value))
            setLevel(level)
            return
        }
        setLevel(LevelDetector.detect(line))
    }

    private mutating func setLevel(_ level: LogLevel) {
        let index = Int(level.rawValue)
        let end = levelPairEnds[index]
        let start = end - level.name.utf8.count
        let name = BatchBuilder.levelName
        let pairs = levelPairs
        metadata.set(name: name.span, value: pairs.span.extracting(start..<end))
    }

    /// The pair whose name stands first in the list of level names, or nil.
    static func levelPair(in buffer: PairBuffer) -> Int? {
        var best = Int.max
        var result: Int?
        for index in 0..<buffer.count {
            let name = buffer.bytes.span.extracting(buffer.pairs[index].name)
            if let rank = LevelNames.index(of: name), rank < best {
                best = rank
                result = index
            }
        }
        return result
    }
}
