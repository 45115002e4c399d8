public import Bytes
import CSnappy

// Wire: encodings of the protocols: raw snappy blocks and the protobuf wire format.
//
// It may know Bytes and libsnappy, and nothing of messages, logs or HTTP.

/// A snappy block that cannot be decoded.
public enum SnappyError: Error, Hashable, Sendable {
    /// The block says that it holds more than allowed; found before anything is allocated.
    case tooLarge(claimedBytes: Int, limitBytes: Int)
    case corrupt
}

/// Raw snappy blocks (not the framed format).
public enum Snappy {
    /// A copy of at most 64 bytes takes at least 3 bytes of input: no block grows by more than this factor.
    private static let maxExpansion = 22

    /// `input` decompressed; at most `limitBytes` bytes.
    public static func decompress(_ input: borrowing ByteSpan, limitBytes: Int) throws(SnappyError) -> [UInt8] {
        let inputCount = input.count
        var size = 0
        let status = unsafe input.withUnsafeBytes { raw in
            unsafe snappy_uncompressed_length(raw.baseAddress?.assumingMemoryBound(to: CChar.self), inputCount, &size)
        }
        guard inputCount > 0, status == SNAPPY_OK else { throw SnappyError.corrupt }
        guard size >= 0, size <= limitBytes else {
            throw SnappyError.tooLarge(claimedBytes: size, limitBytes: limitBytes)
        }
        guard size / maxExpansion <= inputCount else { throw SnappyError.corrupt }
        var failed = false
        let output = unsafe [UInt8](unsafeUninitializedCapacity: max(size, 1)) { target, initialized in
            var made = size
            let status = unsafe input.withUnsafeBytes { raw in
                unsafe snappy_uncompress(
                    raw.baseAddress?.assumingMemoryBound(to: CChar.self), inputCount,
                    UnsafeMutableRawPointer(target.baseAddress)?.assumingMemoryBound(to: CChar.self), &made)
            }
            failed = status != SNAPPY_OK || made != size
            initialized = failed ? 0 : size
        }
        guard !failed else { throw SnappyError.corrupt }
        return output
    }

    /// `input` compressed, as agents send it.
    public static func compress(_ input: borrowing ByteSpan) -> [UInt8] {
        let inputCount = input.count
        let capacity = snappy_max_compressed_length(inputCount)
        return unsafe [UInt8](unsafeUninitializedCapacity: max(capacity, 1)) { target, initialized in
            var made = capacity
            let status = unsafe input.withUnsafeBytes { raw in
                unsafe snappy_compress(
                    raw.baseAddress?.assumingMemoryBound(to: CChar.self), inputCount,
                    UnsafeMutableRawPointer(target.baseAddress)?.assumingMemoryBound(to: CChar.self), &made)
            }
            initialized = status == SNAPPY_OK ? made : 0
        }
    }
}
