import ByteIO
import Testing

/// Planes as formats/plumb.md §4 defines them, at every remainder of a vector's length.
@Test(arguments: [1, 2, 4, 8], [false, true])
func planesAreThoseOfTheDefinition(width: Int, rotated: Bool) {
  for count in Array(0...70) + [1000, 4099] {
    let source = (0..<count * width).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }
    var expected = [UInt8](repeating: 0, count: count * width)
    for i in 0..<count {
      var element = (0..<width).reduce(UInt64(0)) { word, byte in
        word | UInt64(source[i * width + byte]) << (8 * byte)
      }
      if rotated && width > 1 {
        element = element << 1 | element >> (8 * UInt64(width) - 1)
      }
      for plane in 0..<width {
        expected[plane * count + i] = UInt8(truncatingIfNeeded: element >> (8 * UInt64(plane)))
      }
    }
    var planes = expected.map { ~$0 }, back = source.map { ~$0 }
    source.withUnsafeBytes { from in
      planes.withUnsafeMutableBytes { splitPlanes(from, width: width, rotated: rotated, into: $0) }
    }
    planes.withUnsafeBytes { from in
      back.withUnsafeMutableBytes { mergePlanes(from, width: width, rotated: rotated, into: $0) }
    }
    #expect(planes == expected, "\(count) elements")
    #expect(back == source, "\(count) elements")
  }
}
