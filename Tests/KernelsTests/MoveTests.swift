import Kernels
import TensorBase
import Testing

/// Counts up, so that every element tells where it came from.
private func counting(_ dimensions: [Int], type: ElementType = .f32) -> Tensor {
  let shape = Shape(dimensions)
  return Tensor(floats: (0..<shape.count).map(Float.init), shape: shape).converted(to: type)
}

/// The elements of `x` at the coordinates that `source` makes of each of the result's.
private func moved(_ x: Tensor, _ out: [Int], _ source: ([Int]) -> [Int]?) -> [Float] {
  let values = x.floats, strides = x.shape.strides
  return (0..<Shape(out).count).map { i in
    var rest = i, at = [Int](repeating: 0, count: out.count)
    for axis in out.indices.reversed() {
      at[axis] = rest % out[axis]
      rest /= out[axis]
    }
    guard let from = source(at) else { return -7 }
    return values[zip(from, strides).reduce(0) { $0 + $1.0 * $1.1 }]
  }
}

extension KernelTests {
  @Test(arguments: [
    ([5], [0]), ([3, 4], [1, 0]), ([2, 3, 4, 5], [0, 2, 3, 1]), ([2, 5, 7, 19], [0, 3, 1, 2]),
    ([1, 33, 17, 70], [0, 2, 3, 1]), ([2, 3, 4], [2, 1, 0]), ([2, 8, 3, 5], [0, 2, 1, 3]),
    ([130, 67], [1, 0]), ([2, 0, 3], [2, 1, 0]), ([3, 2, 4, 2, 3], [4, 0, 3, 1, 2]),
  ])
  func transposeAnyPermutation(shape: [Int], permutation: [Int]) {
    for type in [ElementType.f32, .i64, .f16, .u8] where type != .u8 || Shape(shape).count < 256 {
      let x = counting(shape, type: type)
      let out = Result(permutation.map { shape[$0] }, type: type)
      transpose(out.view, x.view, permutation, threads: 2)
      let expected = moved(x, permutation.map { shape[$0] }) { at in
        var from = at
        for (i, axis) in permutation.enumerated() { from[axis] = at[i] }
        return from
      }
      #expect(out.floats == expected, "\(type)")
    }
  }

  @Test(arguments: [0, 1, 2, -1])
  func concatAlong(axis: Int) {
    let place = axis < 0 ? axis + 3 : axis
    let parts = [2, 1, 3].map { size in
      var shape = [4, 2, 3]
      shape[place] = size
      return counting(shape)
    }
    var shape = [4, 2, 3]
    shape[place] = 6
    let out = Result(shape)
    concat(out.view, parts.map(\.view), axis: axis, threads: 2)
    var pieces: [[Float]] = []
    var start = 0
    for part in parts {
      let (first, size) = (start, part.shape[place])
      pieces.append(
        moved(part, shape) { at in
          var from = at
          from[place] -= first
          return from[place] >= 0 && from[place] < size ? from : nil
        })
      start += size
    }
    let expected = out.floats.indices.map { i in pieces.map { $0[i] }.max() ?? -7 }
    #expect(out.floats == expected)
  }

  @Test(arguments: [(0, 1, 1, 2), (1, 4, -2, 3), (2, 0, 3, 2), (-1, 5, -1, 6), (1, 2, 1, 0)])
  func sliceAlong(axis: Int, start: Int, step: Int, count: Int) {
    let x = counting([3, 5, 6])
    let place = axis < 0 ? axis + 3 : axis
    var shape = [3, 5, 6]
    shape[place] = count
    let out = Result(shape)
    slice(out.view, x.view, axis: axis, start: start, step: step, threads: 1)
    let expected = moved(x, shape) { at in
      var from = at
      from[place] = start + at[place] * step
      return from
    }
    #expect(out.floats == expected)
  }

  @Test func padAround() {
    for type in [ElementType.f32, .i64] {
      let x = counting([2, 3], type: type), out = Result([4, 4], type: type)
      pad(out.view, x.view, before: [1, 0], value: 9, threads: 1)
      #expect(out.floats == [9, 9, 9, 9, 0, 1, 2, 9, 3, 4, 5, 9, 9, 9, 9, 9])
    }
  }

  @Test func broadcastRepeats() {
    let out = Result([2, 3, 2])
    broadcast(out.view, counting([3, 1]).view, threads: 1)
    #expect(out.floats == [0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2])
  }

  @Test func gatherChecksItsIndices() throws {
    let table = counting([5, 3])
    let out = Result([2, 2, 3])
    let indices = Tensor(int64s: [4, 0, 1, 4], shape: [2, 2])
    try gather(out.view, table.view, indices: indices.view, axis: 0)
    #expect(out.floats == [12, 13, 14, 0, 1, 2, 3, 4, 5, 12, 13, 14])
    let narrow = Result([5, 2])
    try gather(
      narrow.view, table.view,
      indices: Tensor(int64s: [2, 0], shape: [2]).converted(to: .i32).view, axis: 1)
    #expect(narrow.floats == [2, 0, 5, 3, 8, 6, 11, 9, 14, 12])
    for bad: Int64 in [5, -1, .max, .min] {
      #expect(throws: KernelError.indexOutOfRange(index: bad, position: 3, size: 5)) {
        try gather(
          out.view, table.view, indices: Tensor(int64s: [4, 0, 1, bad], shape: [2, 2]).view,
          axis: 0)
      }
    }
  }

  @Test(arguments: [((3, 4), (6, 8)), ((5, 7), (13, 10)), ((4, 4), (2, 3)), ((1, 1), (3, 3))])
  func upsampleBothLayouts(from: (Int, Int), to: (Int, Int)) {
    let x = counting([2, from.0, from.1, 3]), shape = [2, to.0, to.1, 3]
    let last = Result(shape), first = Result([2, 3, to.0, to.1])
    upsampleNearest2D(last.view, x.view, layout: .channelsLast, threads: 2)
    upsampleNearest2D(
      first.view, permuted(x, [0, 3, 1, 2]).view, layout: .channelsFirst, threads: 2)
    let expected = moved(x, shape) { [$0[0], $0[1] * from.0 / to.0, $0[2] * from.1 / to.1, $0[3]] }
    #expect(last.floats == expected)
    #expect(permuted(first.view.readOnly.copied(), [0, 2, 3, 1]).floats == expected)
  }

  @Test func reductions() {
    let x = Tensor(floats: [1, -2, 3, 4, 5, -6, 7, 8, 9, 10, 11, .nan], shape: [2, 3, 2])
    func reduced(_ kind: ReductionKind, _ axes: [Int], _ shape: [Int]) -> [Float] {
      let out = Result(shape)
      reduce(out.view, x.view, kind, axes: axes)
      return out.floats
    }
    #expect(reduced(.sum, [0], [3, 2])[0...4] == [8, 6, 12, 14, 16])
    #expect(reduced(.mean, [1, -1], [2])[0] == 5.0 / 6)
    #expect(reduced(.maximum, [1], [2, 1, 2])[0...2] == [5, 4, 11])
    #expect(reduced(.minimum, [0, 2], [3])[0...1] == [-2, 3])
    #expect(reduced(.minimum, [0, 1, 2], [])[0].isNaN)
    let best = Result([2, 3], type: .i64)
    argMax(best.view, x.view, axis: 2)
    #expect(best.int64s == [0, 1, 0, 1, 1, 1])
  }
}
