import JSONText

/// A map in 8 bits: byte b stands for low + b/255 · (high − low).
package struct ByteMap: Sendable, Hashable {
  package let height: Int
  package let width: Int
  package let low: Float
  package let high: Float
  /// Row-major.
  package let bytes: [UInt8]

  /// Rounds values to 256 levels between their least and their largest.
  ///
  /// Precondition: `height * width` finite values.
  package init(height: Int, width: Int, values: some Collection<Float>) {
    precondition(height * width == values.count)
    self.height = height
    self.width = width
    low = values.min() ?? 0
    high = values.max() ?? 0
    bytes = leveled(values, low: low, high: high)
  }

  /// A map that has 256 levels already, which stand for themselves.
  package init(height: Int, width: Int, levels: [UInt8]) {
    precondition(height * width == levels.count)
    self.height = height
    self.width = width
    low = 0
    high = 255
    bytes = levels
  }

  var json: JSONObject {
    [
      "height": .integer(Int64(height)), "width": .integer(Int64(width)),
      "low": .number(Double(low)), "high": .number(Double(high)), "bytes": .string(base64(bytes)),
    ]
  }
}

/// The nearest of 256 levels between `low` and `high` for each value; 0 where they are the same.
package func leveled(_ values: some Collection<Float>, low: Float, high: Float) -> [UInt8] {
  let range = Double(high) - Double(low)
  guard range > 0 else { return [UInt8](repeating: 0, count: values.count) }
  return values.map { value in
    UInt8(min(max(((Double(value) - Double(low)) / range * 255).rounded(), 0), 255))
  }
}
