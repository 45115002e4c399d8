internal import Bytes
internal import Model
internal import Query

/// Writes the `stats` object: the reference's full key set, filled with what is known here (blocks count as chunks).
enum StatisticsWriter {
    static func append(_ statistics: QueryStatistics, to out: inout [UInt8]) {
        let seconds = Double(statistics.executionNanoseconds) / 1e9
        out.append(literal: #"{"summary":{"bytesProcessedPerSecond":"#)
        perSecond(statistics.rawBytes, seconds, to: &out)
        out.append(literal: #","linesProcessedPerSecond":"#)
        perSecond(statistics.rows, seconds, to: &out)
        member(#","totalBytesProcessed":"#, statistics.rawBytes, to: &out)
        member(#","totalLinesProcessed":"#, statistics.rows, to: &out)
        member(#","execTime":"#, seconds, to: &out)
        member(#","queueTime":"#, Double(statistics.queueNanoseconds) / 1e9, to: &out)
        member(#","subqueries":0,"totalEntriesReturned":"#, statistics.entriesReturned, to: &out)
        member(#","splits":0,"shards":0,"totalPostFilterLines":"#, statistics.matchedRows, to: &out)
        member(#","totalStructuredMetadataBytesProcessed":"#, statistics.metadataBytes, to: &out)
        out.append(literal: #"},"querier":{"store":"#)
        store(statistics, isHead: false, to: &out)
        member(#","querierExecTime":"#, seconds, to: &out)
        member(#"},"ingester":{"totalReached":"#, statistics.headRows > 0 ? 1 : 0, to: &out)
        member(#","totalChunksMatched":0,"totalBatches":0,"totalLinesSent":"#, statistics.headRows, to: &out)
        out.append(literal: #","store":"#)
        store(statistics, isHead: true, to: &out)
        out.append(literal: #","recvWaitTime":0},"cache":{"#)
        let caches: [StaticString] = [
            #""chunk":"#, #","index":"#, #","result":"#, #","statsResult":"#, #","volumeResult":"#,
            #","seriesResult":"#,
            #","labelResult":"#, #","instantMetricResult":"#,
        ]
        for cache in caches {
            out.append(literal: cache)
            out.append(
                literal: #"{"entriesFound":0,"entriesRequested":0,"entriesStored":0,"bytesReceived":0,"bytesSent":0,"#)
            out.append(literal: #""requests":0,"downloadTime":0,"queryLengthServed":0}"#)
        }
        member(#"},"index":{"totalChunks":"#, statistics.blocksConsidered, to: &out)
        member(#","postFilterChunks":"#, max(statistics.blocksConsidered - statistics.blocksPruned, 0), to: &out)
        out.append(literal: #","shardsDuration":0,"usedBloomFilters":"#)
        statistics.blocksPruned > 0 ? out.append(literal: "true") : out.append(literal: "false")
        member(#","totalStreams":"#, statistics.streams, to: &out)
        out.append(literal: #","chunkRefsLookupTime":0,"bloomFilterTime":0}}"#)
    }

    private static func store(_ statistics: QueryStatistics, isHead: Bool, to out: inout [UInt8]) {
        let read = isHead ? 0 : statistics.blocksRead
        member(#"{"totalChunksRef":"#, isHead ? 0 : statistics.blocksConsidered, to: &out)
        member(#","totalChunksDownloaded":"#, read, to: &out)
        out.append(literal: #","chunksDownloadTime":0,"queryReferencedStructuredMetadata":"#)
        statistics.metadataBytes > 0 ? out.append(literal: "true") : out.append(literal: "false")
        member(
            #","queryUsedV2Engine":false,"chunk":{"headChunkBytes":"#, isHead ? statistics.headBytes : 0, to: &out)
        member(#","headChunkLines":"#, isHead ? statistics.headRows : 0, to: &out)
        member(
            #","decompressedBytes":"#, isHead ? 0 : max(statistics.rawBytes - statistics.headBytes, 0), to: &out)
        member(#","decompressedLines":"#, isHead ? 0 : max(statistics.rows - statistics.headRows, 0), to: &out)
        member(#","compressedBytes":"#, isHead ? 0 : statistics.storedBytes, to: &out)
        member(#","totalDuplicates":0,"postFilterLines":"#, isHead ? 0 : statistics.matchedRows, to: &out)
        member(
            #","headChunkStructuredMetadataBytes":0,"decompressedStructuredMetadataBytes":"#,
            isHead ? 0 : statistics.metadataBytes, to: &out)
        out.append(
            literal:
                #"},"chunkRefsFetchTime":0,"congestionControlLatency":0,"pipelineWrapperFilteredLines":0,"dataobj":{"#)
        out.append(literal: #""prePredicateDecompressedRows":0,"prePredicateDecompressedBytes":0,"#)
        out.append(literal: #""prePredicateDecompressedStructuredMetadataBytes":0,"postPredicateRows":0,"#)
        out.append(literal: #""postPredicateDecompressedBytes":0,"postPredicateStructuredMetadataBytes":0,"#)
        out.append(literal: #""postFilterRows":0,"pagesScanned":0,"pagesDownloaded":0,"pagesDownloadedBytes":0,"#)
        out.append(literal: #""pageBatches":0,"totalRowsAvailable":0,"totalPageDownloadTime":0}}"#)
    }

    private static func member(_ key: StaticString, _ value: Int, to out: inout [UInt8]) {
        out.append(literal: key)
        NumberText.append(Int64(value), to: &out)
    }

    private static func member(_ key: StaticString, _ value: Double, to out: inout [UInt8]) {
        out.append(literal: key)
        NumberText.append(value, to: &out)
    }

    private static func perSecond(_ amount: Int, _ seconds: Double, to out: inout [UInt8]) {
        let rate = seconds > 0 ? Double(amount) / seconds : 0
        NumberText.append(rate < 1e18 ? Int64(rate) : 0, to: &out)
    }
}
