/// Splits elements into planes: first the lowest byte of every element, then the next one, … Bytes
/// of one significance lie together, which compresses far better than elements do.
///
/// Precondition: `bytes` holds whole elements of `width` bytes.
package func bytePlanes(_ bytes: RawSpan, width: Int) -> [[UInt8]] {
  precondition(width > 0 && bytes.byteCount % width == 0)
  let count = bytes.byteCount / width
  return bytes.withUnsafeBytes { source in
    (0..<width).map { plane in
      [UInt8](unsafeUninitializedCapacity: count) { target, filled in
        for i in 0..<count { target[i] = source[i * width + plane] }
        filled = count
      }
    }
  }
}

/// Puts planes together again; the inverse of `bytePlanes`.
///
/// Precondition: `planes` holds one plane after the other, as many bytes as `target`, which holds
/// whole elements of `width` bytes.
package func mergeBytePlanes(
  _ planes: [UInt8], width: Int, into target: UnsafeMutableRawBufferPointer
) {
  precondition(width > 0 && target.count % width == 0 && planes.count == target.count)
  let count = target.count / width
  guard count > 0, let base = target.baseAddress else { return }
  planes.withUnsafeBufferPointer { planes in
    guard let p = planes.baseAddress else { return }
    // Two and four bytes are whole-word stores, which the compiler turns into vector code.
    switch width {
    case 2:
      let words = base.assumingMemoryBound(to: UInt16.self)
      for i in 0..<count { words[i] = UInt16(p[i]) | UInt16(p[count + i]) << 8 }
    case 4:
      let words = base.assumingMemoryBound(to: UInt32.self)
      for i in 0..<count {
        let low = UInt32(p[i]) | UInt32(p[count + i]) << 8
        words[i] = low | UInt32(p[2 * count + i]) << 16 | UInt32(p[3 * count + i]) << 24
      }
    default:
      let bytes = base.assumingMemoryBound(to: UInt8.self)
      for i in 0..<count {
        for plane in 0..<width { bytes[i * width + plane] = p[plane * count + i] }
      }
    }
  }
}
