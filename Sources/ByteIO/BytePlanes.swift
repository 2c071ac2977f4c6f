// Elements taken apart into planes: first the lowest byte of every element, then the next one, …
// Bytes of one significance lie together, which compresses far better than elements do. Rotated
// planes are those of the elements' words rotated left by one bit: a float's sign then is its
// lowest bit, and the exponent fills the highest bytes alone.

/// Splits elements into planes.
///
/// Precondition: `source` holds whole elements of `width` bytes, 1, 2, 4 or 8; `planes` has as
/// many bytes.
func splitPlanes(
  _ source: UnsafeRawBufferPointer, width: Int, rotated: Bool,
  into planes: UnsafeMutableRawBufferPointer
) {
  precondition(source.count % width == 0 && planes.count == source.count)
  guard let from = source.baseAddress, let base = planes.baseAddress else { return }
  let count = source.count / width
  let p = base.assumingMemoryBound(to: UInt8.self)
  switch width {
  case 2:
    let words = from.assumingMemoryBound(to: UInt16.self)
    let (shift, back): (UInt16, UInt16) = rotated ? (1, 15) : (0, 16)
    for i in 0..<count {
      let word = words[i] << shift | words[i] >> back
      p[i] = UInt8(truncatingIfNeeded: word)
      p[count + i] = UInt8(truncatingIfNeeded: word >> 8)
    }
  case 4:
    let words = from.assumingMemoryBound(to: UInt32.self)
    let (shift, back): (UInt32, UInt32) = rotated ? (1, 31) : (0, 32)
    for i in 0..<count {
      let word = words[i] << shift | words[i] >> back
      p[i] = UInt8(truncatingIfNeeded: word)
      p[count + i] = UInt8(truncatingIfNeeded: word >> 8)
      p[2 * count + i] = UInt8(truncatingIfNeeded: word >> 16)
      p[3 * count + i] = UInt8(truncatingIfNeeded: word >> 24)
    }
  case 8:
    let words = from.assumingMemoryBound(to: UInt64.self)
    let (shift, back): (UInt64, UInt64) = rotated ? (1, 63) : (0, 64)
    for plane in 0..<8 {
      let place = UInt64(8 * plane)
      for i in 0..<count {
        let word = words[i] << shift | words[i] >> back
        p[plane * count + i] = UInt8(truncatingIfNeeded: word >> place)
      }
    }
  default:
    precondition(width == 1, "no elements have \(width) bytes")
    planes.copyMemory(from: source)
  }
}

/// Puts planes together again; the inverse of `splitPlanes`, with the same preconditions.
func mergePlanes(
  _ planes: UnsafeRawBufferPointer, width: Int, rotated: Bool,
  into target: UnsafeMutableRawBufferPointer
) {
  precondition(target.count % width == 0 && planes.count == target.count)
  guard let from = planes.baseAddress, let base = target.baseAddress else { return }
  let count = target.count / width
  let p = from.assumingMemoryBound(to: UInt8.self)
  switch width {
  case 2:
    let words = base.assumingMemoryBound(to: UInt16.self)
    let (shift, back): (UInt16, UInt16) = rotated ? (1, 15) : (0, 16)
    for i in 0..<count {
      let word = UInt16(p[i]) | UInt16(p[count + i]) << 8
      words[i] = word >> shift | word << back
    }
  case 4:
    let words = base.assumingMemoryBound(to: UInt32.self)
    let (shift, back): (UInt32, UInt32) = rotated ? (1, 31) : (0, 32)
    for i in 0..<count {
      let low = UInt32(p[i]) | UInt32(p[count + i]) << 8
      let word = low | UInt32(p[2 * count + i]) << 16 | UInt32(p[3 * count + i]) << 24
      words[i] = word >> shift | word << back
    }
  case 8:
    let words = base.assumingMemoryBound(to: UInt64.self)
    let (shift, back): (UInt64, UInt64) = rotated ? (1, 63) : (0, 64)
    for i in 0..<count {
      var word: UInt64 = 0
      for plane in 0..<8 { word |= UInt64(p[plane * count + i]) << UInt64(8 * plane) }
      words[i] = word >> shift | word << back
    }
  default:
    precondition(width == 1, "no elements have \(width) bytes")
    target.copyMemory(from: planes)
  }
}
