import CKernels
import TensorBase

// Lines of elements in wide form: what lets one loop serve every element type. A line's elements
// lie `step` apart (0 repeats one) from element `first` on.

/// Elements that a loop over wide buffers takes at a time.
let lineLength = 512

/// Reads a line as doubles; integers beyond 2⁵³ lose their last bits.
func readLine(
  _ to: UnsafeMutablePointer<Double>, _ base: UnsafeRawPointer, _ type: ElementType, first: Int,
  step: Int, count: Int
) {
  switch type {
  case .f32:
    let from = base.assumingMemoryBound(to: Float.self) + first
    for i in 0..<count { to[i] = Double(from[i * step]) }
  case .f64:
    let from = base.assumingMemoryBound(to: Double.self) + first
    for i in 0..<count { to[i] = from[i * step] }
  case .f16:
    let from = base.assumingMemoryBound(to: UInt16.self) + first
    for i in 0..<count { to[i] = Double(floatFromHalf(from[i * step])) }
  case .bf16:
    let from = base.assumingMemoryBound(to: UInt16.self) + first
    for i in 0..<count { to[i] = Double(floatFromBFloat16(from[i * step])) }
  case .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .bool:
    for i in 0..<count { to[i] = Elements.load(base, first + i * step, type) }
  }
}

/// Reads a line as 64-bit integers, u64 as its bit pattern.
func readLine(
  _ to: UnsafeMutablePointer<Int64>, _ base: UnsafeRawPointer, _ type: ElementType, first: Int,
  step: Int, count: Int
) {
  switch type {
  case .i64, .u64:
    let from = base.assumingMemoryBound(to: Int64.self) + first
    for i in 0..<count { to[i] = from[i * step] }
  case .i32:
    let from = base.assumingMemoryBound(to: Int32.self) + first
    for i in 0..<count { to[i] = Int64(from[i * step]) }
  case .u8:
    let from = base.assumingMemoryBound(to: UInt8.self) + first
    for i in 0..<count { to[i] = Int64(from[i * step]) }
  case .i8, .i16, .u16, .u32, .bool, .f32, .f16, .bf16, .f64:
    for i in 0..<count { to[i] = Elements.integer(base, first + i * step, type) }
  }
}

/// Writes `count` doubles from element `first` on, rounded to the type.
func writeLine(
  _ base: UnsafeMutableRawPointer, _ type: ElementType, first: Int,
  _ from: UnsafePointer<Double>, count: Int
) {
  switch type {
  case .f32:
    let to = base.assumingMemoryBound(to: Float.self) + first
    for i in 0..<count { to[i] = Float(from[i]) }
  case .f64:
    let to = base.assumingMemoryBound(to: Double.self) + first
    for i in 0..<count { to[i] = from[i] }
  case .f16, .bf16, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .bool:
    for i in 0..<count { Elements.store(from[i], base, first + i, type) }
  }
}

/// Writes `count` integers from element `first` on, keeping the low bits.
func writeLine(
  _ base: UnsafeMutableRawPointer, _ type: ElementType, first: Int,
  _ from: UnsafePointer<Int64>, count: Int
) {
  switch type {
  case .i64, .u64:
    let to = base.assumingMemoryBound(to: Int64.self) + first
    for i in 0..<count { to[i] = from[i] }
  case .bool:
    let to = base.assumingMemoryBound(to: UInt8.self) + first
    for i in 0..<count { to[i] = from[i] == 0 ? 0 : 1 }
  case .i8, .u8:
    let to = base.assumingMemoryBound(to: UInt8.self) + first
    for i in 0..<count { to[i] = UInt8(truncatingIfNeeded: from[i]) }
  case .i16, .u16:
    let to = base.assumingMemoryBound(to: UInt16.self) + first
    for i in 0..<count { to[i] = UInt16(truncatingIfNeeded: from[i]) }
  case .i32, .u32:
    let to = base.assumingMemoryBound(to: UInt32.self) + first
    for i in 0..<count { to[i] = UInt32(truncatingIfNeeded: from[i]) }
  case .f32, .f16, .bf16, .f64: preconditionFailure("integers are not written as \(type)")
  }
}

/// Reads a line of f16 or bf16 as floats. Of one that repeats an element only the first is set.
func readLine(
  _ to: UnsafeMutablePointer<Float>, _ base: UnsafeRawPointer, _ type: ElementType, first: Int,
  step: Int, count: Int
) {
  let from = base.assumingMemoryBound(to: UInt16.self) + first
  precondition(type == .f16 || type == .bf16)
  if step == 1 {
    type == .f16
      ? plumb_half_to_float(from, to, count) : plumb_bfloat16_to_float(from, to, count)
  } else {
    for i in 0..<(step == 0 ? min(count, 1) : count) {
      let bits = from[i * step]
      to[i] = type == .f16 ? floatFromHalf(bits) : floatFromBFloat16(bits)
    }
  }
}

/// Writes `count` floats from element `first` on as f16 or bf16.
func writeLine(
  _ base: UnsafeMutableRawPointer, _ type: ElementType, first: Int,
  _ from: UnsafePointer<Float>, count: Int
) {
  let to = base.assumingMemoryBound(to: UInt16.self) + first
  precondition(type == .f16 || type == .bf16)
  type == .f16 ? plumb_float_to_half(from, to, count) : plumb_float_to_bfloat16(from, to, count)
}

/// Room for `buffers` lines of wide elements.
struct LineBuffers: ~Copyable {
  private let base: UnsafeMutableRawPointer

  init(_ buffers: Int) {
    base = .allocate(byteCount: buffers * lineLength * 8, alignment: 64)
  }

  deinit { base.deallocate() }

  func doubles(_ index: Int) -> UnsafeMutablePointer<Double> {
    (base + index * lineLength * 8).bindMemory(to: Double.self, capacity: lineLength)
  }

  func floats(_ index: Int) -> UnsafeMutablePointer<Float> {
    (base + index * lineLength * 8).bindMemory(to: Float.self, capacity: lineLength)
  }

  func integers(_ index: Int) -> UnsafeMutablePointer<Int64> {
    (base + index * lineLength * 8).bindMemory(to: Int64.self, capacity: lineLength)
  }
}

/// A piece of an output's row-major elements with where its two operands' elements lie.
struct PairLine {
  var first: Int
  var count: Int
  var a: (first: Int, step: Int)
  var b: (first: Int, step: Int)
}

/// Runs `body` for every line of at most `limit` elements of `shape`, with the places of two
/// operands that broadcast to it, on several threads.
func forPairLines(
  _ shape: Shape, _ a: Shape, _ b: Shape, limit: Int = lineLength, threads: Int,
  _ body: (PairLine, borrowing LineBuffers) -> Void
) {
  if shape.count == 0 { return }
  let walk = Walk(
    shape.dimensions,
    [shape.strides, broadcastStrides(a, to: shape), broadcastStrides(b, to: shape)])
  let inner = walk.innerCount, last = walk.dimensions.count - 1
  let aStep = walk.strides[1][last], bStep = walk.strides[2][last]
  let pieces = (inner - 1) / limit + 1
  let minimum = max(1, 16_384 / min(inner, limit))
  parallelRanges(walk.outerCount * pieces, minimum: minimum, threads: threads) { range in
    let buffers = LineBuffers(3)
    for line in range {
      let outer = line / pieces, start = line % pieces * limit
      body(
        PairLine(
          first: outer * inner + start, count: min(limit, inner - start),
          a: (walk.offset(1, outer) + start * aStep, aStep),
          b: (walk.offset(2, outer) + start * bStep, bStep)),
        buffers)
    }
  }
}
