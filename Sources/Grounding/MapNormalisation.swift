/// norm and u8 of method.md §9 as the method's released code computes them: the map is rounded to
/// float16 first, and so is every elementwise result after it (GtG, arXiv 2507.12236).
package enum MapNormalisation {
  /// norm(x) = (x − min)/(max − min), each value a float16, the smallest 0, the largest 1.
  ///
  /// - Throws: `flatMap` when all values are the same float16, `notFinite`.
  package static func normalised(
    _ map: Raster<Float>, as name: GroundingMap
  ) throws(GroundingError) -> Raster<Float> {
    let rounded = map.values.map(half)
    if let index = rounded.firstIndex(where: { !$0.isFinite }) {
      throw .notFinite(what: "The \(name.rawValue)", index: index)
    }
    guard let low = rounded.min(), let high = rounded.max(), low < high else {
      throw .flatMap(name)
    }
    let range = half(high - low)
    return Raster(
      height: map.height, width: map.width,
      trusted: rounded.map { half(half($0 - low) / range) })
  }

  /// u8(x) = trunc(255 · norm(x)).
  ///
  /// - Throws: as `normalised`.
  package static func bytes(
    _ map: Raster<Float>, as name: GroundingMap
  ) throws(GroundingError) -> Raster<UInt8> {
    let normalised = try normalised(map, as: name)
    return Raster(
      height: map.height, width: map.width,
      trusted: normalised.values.map { UInt8(half($0 * 255)) })
  }

  /// norm of an 8-bit map.
  ///
  /// - Throws: `flatMap`.
  package static func normalised(
    _ map: Raster<UInt8>, as name: GroundingMap
  ) throws(GroundingError) -> Raster<Float> {
    try normalised(
      Raster(height: map.height, width: map.width, trusted: map.values.map { Float($0) }),
      as: name)
  }
}
