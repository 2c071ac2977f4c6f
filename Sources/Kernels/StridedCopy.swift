import CKernels
import TensorBase

/// Elements in memory with a distance (in elements; 0 repeats, negative goes back) per axis.
struct Strided {
  var base: UnsafeRawPointer
  var strides: [Int]
}

/// Copies `dimensions` elements of `size` bytes each from one strided layout to another: the one
/// loop behind transpose, slice, concat, pad and broadcast.
func copyStrided(
  to target: UnsafeMutableRawPointer, _ targetStrides: [Int], from source: Strided,
  _ dimensions: [Int], size: Int, threads: Int
) {
  if dimensions.contains(0) { return }
  let walk = Walk(dimensions, [targetStrides, source.strides])
  let inner = walk.innerCount, last = walk.dimensions.count - 1
  let (toStep, fromStep) = (walk.strides[0][last], walk.strides[1][last])
  let base = source.base
  if walk.dimensions.count >= 2, size == 4, toStep == 1, walk.strides[1][last - 1] == 1 {
    return transposePlanes(walk, to: target, from: base, threads: threads)
  }
  parallelRanges(walk.outerCount, minimum: max(1, 65_536 / inner), threads: threads) { range in
    for outer in range {
      let to = target + walk.offset(0, outer) * size
      let from = base + walk.offset(1, outer) * size
      if toStep == 1 && fromStep == 1 {
        to.copyMemory(from: from, byteCount: inner * size)
      } else {
        copyLine(to, toStep, from, fromStep, inner, size: size)
      }
    }
  }
}

/// The last two axes change places between source and target.
private func transposePlanes(
  _ walk: Walk, to target: UnsafeMutableRawPointer, from source: UnsafeRawPointer, threads: Int
) {
  let last = walk.dimensions.count - 1
  let columns = walk.dimensions[last], rows = walk.dimensions[last - 1]
  let planes = walk.outerCount / rows
  let ldo = walk.strides[0][last - 1], ldi = walk.strides[1][last]
  let block = 64, blocks = (rows + block - 1) / block
  parallelRanges(planes * blocks, minimum: max(1, 1024 / columns), threads: threads) { range in
    for piece in range {
      let plane = piece / blocks, first = piece % blocks * block
      let to = (target + walk.offset(0, plane * rows) * 4).assumingMemoryBound(to: Float.self)
      let from = (source + walk.offset(1, plane * rows) * 4).assumingMemoryBound(to: Float.self)
      plumb_transpose(
        from + first, ldi, to + first * ldo, ldo, columns, min(block, rows - first))
    }
  }
}

private func copyLine(
  _ to: UnsafeMutableRawPointer, _ toStep: Int, _ from: UnsafeRawPointer, _ fromStep: Int,
  _ count: Int, size: Int
) {
  switch size {
  case 1:
    let p = to.assumingMemoryBound(to: UInt8.self), q = from.assumingMemoryBound(to: UInt8.self)
    for i in 0..<count { p[i * toStep] = q[i * fromStep] }
  case 2:
    let p = to.assumingMemoryBound(to: UInt16.self), q = from.assumingMemoryBound(to: UInt16.self)
    for i in 0..<count { p[i * toStep] = q[i * fromStep] }
  case 4:
    let p = to.assumingMemoryBound(to: UInt32.self), q = from.assumingMemoryBound(to: UInt32.self)
    for i in 0..<count { p[i * toStep] = q[i * fromStep] }
  default:
    let p = to.assumingMemoryBound(to: UInt64.self), q = from.assumingMemoryBound(to: UInt64.self)
    for i in 0..<count { p[i * toStep] = q[i * fromStep] }
  }
}
