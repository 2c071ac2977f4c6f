// float32 to and from the 16-bit float types in bulk: straight-line code that the compiler turns
// into vector code. The same results as HalfPrecision.swift.

/// What rounding to a narrower type has done.
package struct Rounding: Hashable, Sendable {
  /// The largest absolute error.
  package var largestError: Float = 0
  /// A finite number that became infinite; nil when there is none.
  package var overflow: Float?

  package init(largestError: Float = 0, overflow: Float? = nil) {
    self.largestError = largestError
    self.overflow = overflow
  }
}

extension Tensor {
  /// Copies some elements, by row-major index, as elements of `target`: the tensor's own type, or
  /// f16 or bf16 for an f32 tensor, rounded to nearest. Traps for other types and when `bytes`
  /// has not the elements' size.
  @discardableResult
  package func copy(
    elements range: Range<Int>, as target: ElementType, into bytes: inout MutableRawSpan
  ) -> Rounding {
    precondition(bytes.byteCount == range.count * target.byteCount)
    return withUnsafeBytes { source in
      let part = UnsafeRawBufferPointer(
        rebasing: source[range.lowerBound * type.byteCount..<range.upperBound * type.byteCount])
      return bytes.withUnsafeMutableBytes { bytes in
        if target == type {
          bytes.copyMemory(from: part)
          return Rounding()
        }
        precondition(type == .f32, "\(type) is not rounded to \(target)")
        let words = part.assumingMemoryBound(to: UInt32.self)
        let halves = bytes.assumingMemoryBound(to: UInt16.self)
        switch target {
        case .f16: return narrow(words, into: halves, halfBits, floatBits(ofHalf:))
        case .bf16: return narrow(words, into: halves, brainBits, floatBits(ofBrain:))
        case .f32, .f64, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .bool:
          preconditionFailure("\(type) is not rounded to \(target)")
        }
      }
    }
  }

  /// Whether every element of a float32 tensor is a number that `narrow`, f16 or bf16, holds
  /// exactly, NaN patterns and signed zeros included. False for other types.
  package func isExact(in narrow: ElementType) -> Bool {
    guard type == .f32 else { return false }
    return withUnsafeBytes { bytes in
      let words = bytes.assumingMemoryBound(to: UInt32.self)
      switch narrow {
      case .f16: return allSurvive(words, halfBits, floatBits(ofHalf:))
      case .bf16: return allSurvive(words, brainBits, floatBits(ofBrain:))
      case .f32, .f64, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .bool: return false
      }
    }
  }
}

/// f16 or bf16 elements as float32. Traps for other types, and when `target` has not twice the
/// bytes of `source`.
package func widen(_ source: RawSpan, of type: ElementType, into target: inout MutableRawSpan) {
  precondition(target.byteCount == 2 * source.byteCount)
  source.withUnsafeBytes { source in
    target.withUnsafeMutableBytes { target in
      let halves = source.assumingMemoryBound(to: UInt16.self)
      let words = target.assumingMemoryBound(to: UInt32.self)
      switch type {
      case .f16: for i in 0..<halves.count { words[i] = floatBits(ofHalf: UInt32(halves[i])) }
      case .bf16: for i in 0..<halves.count { words[i] = UInt32(halves[i]) << 16 }
      case .f32, .f64, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .bool:
        preconditionFailure("\(type) is not widened")
      }
    }
  }
}

@inline(__always)
private func narrow(
  _ source: UnsafeBufferPointer<UInt32>, into target: UnsafeMutableBufferPointer<UInt16>,
  _ down: (UInt32) -> UInt32, _ up: (UInt32) -> UInt32
) -> Rounding {
  // The largest error as a bit pattern: positive floats order as their patterns do.
  var worst: Int32 = 0
  var overflow: Int32 = 0
  for i in 0..<source.count {
    let word = source[i]
    let half = down(word)
    target[i] = UInt16(truncatingIfNeeded: half)
    let back = up(half)
    let error = Float(bitPattern: word) - Float(bitPattern: back)
    let isFinite = Int32(truncatingIfNeeded: word & 0x7fff_ffff) < 0x7f80_0000
    let magnitude = Int32(truncatingIfNeeded: error.bitPattern & 0x7fff_ffff)
    worst = max(worst, isFinite ? magnitude : 0)
    let isInfinite = back & 0x7fff_ffff == 0x7f80_0000
    overflow |= isFinite && isInfinite ? 1 : 0
  }
  guard overflow != 0 else {
    return Rounding(largestError: Float(bitPattern: UInt32(bitPattern: worst)))
  }
  let place = source.first { word in
    Float(bitPattern: word).isFinite && up(down(word)) & 0x7fff_ffff == 0x7f80_0000
  }
  return Rounding(largestError: .infinity, overflow: place.map { Float(bitPattern: $0) })
}

@inline(__always)
private func allSurvive(
  _ source: UnsafeBufferPointer<UInt32>, _ down: (UInt32) -> UInt32, _ up: (UInt32) -> UInt32
) -> Bool {
  // In pieces, so that most tensors are given up at once.
  let step = 4096
  for start in stride(from: 0, to: source.count, by: step) {
    var difference: UInt32 = 0
    for i in start..<min(start + step, source.count) {
      difference |= source[i] ^ up(down(source[i]))
    }
    if difference != 0 { return false }
  }
  return true
}

/// binary32 → binary16 as patterns, to nearest, ties to even; see `halfFromFloat`.
@inline(__always)
private func halfBits(_ bits: UInt32) -> UInt32 {
  let magnitude = bits & 0x7fff_ffff
  let order = Int32(truncatingIfNeeded: magnitude)
  let normal = (magnitude &+ 0xfff &+ ((magnitude >> 13) & 1) &- 0x3800_0000) >> 13
  let subnormal = (Float(bitPattern: magnitude) + 0.5).bitPattern &- 0x3f00_0000
  let notANumber = 0x7e00 | (magnitude >> 13) & 0x3ff
  var half = order < 0x3880_0000 ? subnormal : normal
  half = order >= 0x477f_f000 ? 0x7c00 : half
  half = order > 0x7f80_0000 ? notANumber : half
  return half | (bits >> 16) & 0x8000
}

/// binary16 → binary32 as patterns, exact.
@inline(__always)
private func floatBits(ofHalf half: UInt32) -> UInt32 {
  let shifted = (half & 0x7fff) << 13
  let exponent = Int32(truncatingIfNeeded: shifted & 0x0f80_0000)
  // 113 << 23 is 2⁻¹⁴, whose subtraction leaves a subnormal's own value.
  let small = Float(bitPattern: shifted &+ 0x3880_0000) - Float(bitPattern: 0x3880_0000)
  var word = shifted &+ 0x3800_0000
  word = exponent == 0x0f80_0000 ? shifted &+ 0x7000_0000 : word
  word = exponent == 0 ? small.bitPattern : word
  return word | (half & 0x8000) << 16
}

/// binary32 → bfloat16 as patterns, to nearest, ties to even; see `bfloat16FromFloat`.
@inline(__always)
private func brainBits(_ bits: UInt32) -> UInt32 {
  let rounded = (bits &+ 0x7fff &+ ((bits >> 16) & 1)) >> 16
  let isNaN = Int32(truncatingIfNeeded: bits & 0x7fff_ffff) > 0x7f80_0000
  return isNaN ? bits >> 16 | 0x40 : rounded
}

@inline(__always)
private func floatBits(ofBrain bits: UInt32) -> UInt32 { bits << 16 }
