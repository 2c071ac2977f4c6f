import CByteIO

// Bytes coded by their frequencies alone, fractions of bits included; formats/plumb.md §4. Beats
// zstd's Huffman codes on planes of weights' exponents and upper mantissas, in which nothing
// repeats.

/// Whether a part is coded, and not a zstd frame.
func isCoded(_ part: RawSpan) -> Bool {
  part.byteCount > 0 && part.withUnsafeBytes { $0[0] } == 1
}

/// The bytes coded; nil when that takes more than `limit` bytes or nothing is to be gained.
package func codedPart(_ bytes: RawSpan, limit: Int) -> [UInt8]? {
  guard limit > 0 else { return nil }
  let part = [UInt8](unsafeUninitializedCapacity: limit) { target, count in
    count = bytes.withUnsafeBytes { source in
      guard let base = source.baseAddress else { return 0 }
      return plumb_code_part(
        base.assumingMemoryBound(to: UInt8.self), source.count, target.baseAddress, limit)
    }
  }
  return part.isEmpty ? nil : part
}

/// Fills `target` exactly. Errors: `part` is damaged; `target` then holds rubbish.
///
/// - Parameter level: 0 for plain instructions, 1 for AVX2, 2 for AVX-512, as far as there are any.
package func decodePart(
  _ part: RawSpan, into target: inout MutableRawSpan, level: Int = 2
) throws(ByteIOError) {
  let code = target.withUnsafeMutableBytes { target in
    part.withUnsafeBytes { source in
      guard let from = source.baseAddress, let to = target.baseAddress else {
        return Int32(PLUMB_CODED_SIZE)
      }
      return plumb_decode_part(
        from.assumingMemoryBound(to: UInt8.self), source.count,
        to.assumingMemoryBound(to: UInt8.self), target.count, Int32(level))
    }
  }
  guard code != 0 else { return }
  let reason =
    switch Int(code) {
    case PLUMB_CODED_TABLE: "its table of frequencies breaks a rule"
    case PLUMB_CODED_SIZE: "its words are too few or too many"
    case PLUMB_CODED_STATE: "its coders do not end where they began"
    case PLUMB_CODED_CHECKSUM: "its checksum is not that of its bytes"
    default: "it begins as none does"
    }
  throw .corrupt(codec: "rANS", reason: reason)
}
