import TensorBase

/// How many elements share a scale: one for all when the scale has one element; else one per
/// entry of `axis`, or, when `block` is there, one per `block` entries and every place on the
/// other axes.
package struct ScaleLayout: Sendable {
  package var axis: Int
  package var block: Int?

  package init(axis: Int, block: Int?) {
    self.axis = axis
    self.block = block
  }
}

/// out = saturate(round(x / scale) + zero), halves to even; x and scale float or i32, out and zero
/// of an integer type of at most 16 bits. x and scale are rounded to `precision` before they are
/// divided, and so is the quotient.
package func quantize(
  _ out: MutableTensorView, _ x: TensorView, scale: TensorView, zero: TensorView?,
  _ layout: ScaleLayout, precision: ElementType, threads: Int
) {
  let type = out.type
  let (lowest, highest): (Float, Float) =
    switch type {
    case .i8: (-128, 127)
    case .u8: (0, 255)
    case .i16: (-32_768, 32_767)
    case .u16: (0, 65_535)
    case .f32, .f16, .bf16, .f64, .i32, .i64, .u32, .u64, .bool:
      preconditionFailure("quantized to \(type)")
    }
  let isSingle = precision == .f32 && (x.type == .f32 || x.type == .i32)
  forScaledRuns(x.shape, scale, layout, threads: threads) { run in
    if x.type == .f32 && precision == .f32 && scale.type == .f32 && run.scaleStep == 0 {
      let divisor = scale.floats[run.scale], from = x.floats + run.first
      let shift = zero.map { Float(Elements.integer($0.base, run.scale, $0.type)) } ?? 0
      /// The integer that stands for element i.
      func level(_ i: Int) -> Float {
        let value = (from[i] / divisor).rounded(.toNearestOrEven) + shift
        return value.isNaN ? 0 : min(max(value, lowest), highest)
      }
      if type == .u8 {
        let to = out.base.assumingMemoryBound(to: UInt8.self) + run.first
        for i in 0..<run.count { to[i] = UInt8(level(i)) }
        return
      }
      if type == .i8 {
        let to = out.base.assumingMemoryBound(to: Int8.self) + run.first
        for i in 0..<run.count { to[i] = Int8(level(i)) }
        return
      }
    }
    for i in 0..<run.count {
      let place = run.first + i, part = run.scale + i * run.scaleStep
      let element = Elements.load(x.base, place, x.type)
      let divisor = Elements.load(scale.base, part, scale.type)
      let quotient: Float
      if isSingle {
        quotient = Float(element) / Float(divisor)
      } else {
        quotient = Float(
          rounded(rounded(element, precision) / rounded(divisor, precision), precision))
      }
      let shift = zero.map { Float(Elements.integer($0.base, part, $0.type)) } ?? 0
      let value = quotient.rounded(.toNearestOrEven) + shift
      let kept = value.isNaN ? 0 : min(max(value, lowest), highest)
      Elements.store(Double(kept), out.base, place, type)
    }
  }
}

/// out = (x − zero) · scale; x and zero of one type of at most
/// 32 bits, out float.
package func dequantize(
  _ out: MutableTensorView, _ x: TensorView, scale: TensorView, zero: TensorView?,
  _ layout: ScaleLayout, threads: Int
) {
  forScaledRuns(x.shape, scale, layout, threads: threads) { run in
    if out.type == .f32 && scale.type == .f32 && run.scaleStep == 0 {
      let factor = scale.floats[run.scale]
      let shift = zero.map { Float(Elements.integer($0.base, run.scale, $0.type)) } ?? 0
      let to = out.floats + run.first
      switch x.type {
      case .u8:
        let from = x.base.assumingMemoryBound(to: UInt8.self) + run.first
        for i in 0..<run.count { to[i] = (Float(from[i]) - shift) * factor }
        return
      case .i8:
        let from = x.base.assumingMemoryBound(to: Int8.self) + run.first
        for i in 0..<run.count { to[i] = (Float(from[i]) - shift) * factor }
        return
      case .i16, .i32, .i64, .u16, .u32, .u64, .bool, .f32, .f16, .bf16, .f64: break
      }
    }
    for i in 0..<run.count {
      let part = run.scale + i * run.scaleStep
      let shift = zero.map { Elements.load($0.base, part, $0.type) } ?? 0
      let difference = Elements.load(x.base, run.first + i, x.type) - shift
      Elements.store(
        difference * Elements.load(scale.base, part, scale.type), out.base, run.first + i, out.type)
    }
  }
}

/// The nearest number of a float type.
private func rounded(_ value: Double, _ type: ElementType) -> Double {
  switch type {
  case .f32: Double(Float(value))
  case .f16: Double(floatFromHalf(halfFromFloat(Float(value))))
  case .bf16: Double(floatFromBFloat16(bfloat16FromFloat(Float(value))))
  case .f64, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .bool: value
  }
}

/// Neighbouring elements and where their scales lie.
private struct ScaledRun {
  var first: Int
  var count: Int
  var scale: Int
  var scaleStep: Int
}

/// Calls `body` for runs that make up all elements of `shape`.
private func forScaledRuns(
  _ shape: Shape, _ scale: TensorView, _ layout: ScaleLayout, threads: Int,
  _ body: (ScaledRun) -> Void
) {
  if scale.shape.count == 1 && layout.block == nil {
    parallelRanges(shape.count, minimum: 4096, threads: threads) { range in
      body(ScaledRun(first: range.lowerBound, count: range.count, scale: 0, scaleStep: 0))
    }
    return
  }
  if shape.count == 0 { return }
  let n = shape[layout.axis], inner = shape.strides[layout.axis]
  let block = layout.block
  let parts = block.map { (n - 1) / $0 + 1 } ?? n
  if inner == 1 && block == nil {
    // The scale runs along with the elements.
    parallelRanges(shape.count / n, minimum: max(1, 4096 / n), threads: threads) { rows in
      for row in rows { body(ScaledRun(first: row * n, count: n, scale: 0, scaleStep: 1)) }
    }
    return
  }
  parallelRanges(shape.count / inner, minimum: max(1, 4096 / inner), threads: threads) { lines in
    for line in lines {
      let entry = line % n
      if let block {
        let part = line / n * parts + entry / block
        body(
          ScaledRun(first: line * inner, count: inner, scale: part * inner, scaleStep: 1))
      } else {
        body(ScaledRun(first: line * inner, count: inner, scale: entry, scaleStep: 0))
      }
    }
  }
}

/// out = saturate(round(x / scale) + zero) in u8, with the scale [] and zero point [] that spread
/// the range of x and 0 over 0 to 255: scale = (max − min) / 255, zero = round(−min / scale). x f32,
/// not empty.
package func dynamicQuantize(
  _ out: MutableTensorView?, scale: MutableTensorView?, zero: MutableTensorView?, _ x: TensorView,
  threads: Int
) {
  let from = x.floats
  var lowest: Float = 0, highest: Float = 0
  for i in 0..<x.shape.count {
    lowest = from[i] < lowest ? from[i] : lowest
    highest = from[i] > highest ? from[i] : highest
  }
  let step = (highest - lowest) / 255
  let start = step == 0 ? 0 : min(max((-lowest / step).rounded(.toNearestOrEven), 0), 255)
  let point = start.isNaN ? 0 : start
  if let scale { scale.floats[0] = step }
  if let zero { zero.base.storeBytes(of: UInt8(point), as: UInt8.self) }
  guard let out else { return }
  let to = out.base.assumingMemoryBound(to: UInt8.self)
  parallelRanges(x.shape.count, minimum: 16_384, threads: threads) { range in
    for i in range {
      let quotient = step == 0 ? 0 : from[i] / step
      let value = quotient.rounded(.toNearestOrEven) + point
      to[i] = value.isNaN ? 0 : UInt8(min(max(value, 0), 255))
    }
  }
}
