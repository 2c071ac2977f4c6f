import CByteIO

// Elements taken apart into planes: first the lowest byte of every element, then the next one, …
// Bytes of one significance lie together, which compresses far better than elements do. Rotated
// planes are those of the elements' words rotated left by one bit: a float's sign then is its
// lowest bit, and the exponent fills the highest bytes alone.

/// Splits elements into planes.
///
/// Precondition: `source` holds whole elements of `width` bytes, 1, 2, 4 or 8; `planes` has as
/// many bytes.
package func splitPlanes(
  _ source: UnsafeRawBufferPointer, width: Int, rotated: Bool,
  into planes: UnsafeMutableRawBufferPointer
) {
  precondition([1, 2, 4, 8].contains(width), "no elements have \(width) bytes")
  precondition(source.count % width == 0 && planes.count == source.count)
  guard let from = source.baseAddress, let to = planes.baseAddress else { return }
  plumb_split_planes(
    from.assumingMemoryBound(to: UInt8.self), source.count / width, width, rotated ? 1 : 0,
    to.assumingMemoryBound(to: UInt8.self))
}

/// Puts planes together again; the inverse of `splitPlanes`, with the same preconditions.
package func mergePlanes(
  _ planes: UnsafeRawBufferPointer, width: Int, rotated: Bool,
  into target: UnsafeMutableRawBufferPointer
) {
  precondition([1, 2, 4, 8].contains(width), "no elements have \(width) bytes")
  precondition(target.count % width == 0 && planes.count == target.count)
  guard let from = planes.baseAddress, let to = target.baseAddress else { return }
  plumb_merge_planes(
    from.assumingMemoryBound(to: UInt8.self), target.count / width, width, rotated ? 1 : 0,
    to.assumingMemoryBound(to: UInt8.self))
}
