import Kernels
import TensorBase
import Testing

/// A tensor of any type from whole numbers.
private func numbers(_ values: [Int64], _ dimensions: [Int], _ type: ElementType = .f32) -> Tensor {
  Tensor(int64s: values, shape: Shape(dimensions)).converted(to: type)
}

private let someTypes: [ElementType] = [.f32, .f64, .f16, .bf16, .i8, .i32, .i64, .u8, .u64]

extension KernelTests {
  @Test func takeCountsFromBothEnds() throws {
    for type in someTypes {
      let x = numbers(Array(0..<6), [3, 2], type), out = Result([2, 2], type: type)
      try take(out.view, x.view, indices: numbers([-1, 0], [2], .i32).view, axis: 0, threads: 2)
      #expect(out.int64s == [4, 5, 0, 1], "\(type)")
    }
    let empty = Result([0, 2])
    try take(
      empty.view, numbers(Array(0..<6), [3, 2]).view, indices: numbers([], [0], .i64).view, axis: 0,
      threads: 1)
  }

  @Test(arguments: [3, -4, Int64.max, .min])
  func indicesOutsideAreNamed(bad: Int64) {
    let x = numbers([1, 2, 3], [3]), indices = numbers([0, bad], [2], .i64), out = Result([2])
    let error = KernelError.relativeIndexOutOfRange(index: bad, position: 1, size: 3)
    #expect(throws: error) {
      try take(out.view, x.view, indices: indices.view, axis: 0, threads: 1)
    }
    #expect(throws: error) {
      try gatherElements(out.view, x.view, indices: indices.view, axis: 0, threads: 1)
    }
    #expect(throws: error) {
      try scatterElements(
        Result([3]).view, x.view, indices: indices.view, updates: numbers([7, 8], [2]).view,
        axis: 0, .replace)
    }
    let tuples = indices.reshaped([2, 1])
    #expect(throws: error) {
      try gatherND(out.view, x.view, indices: tuples.view, batchAxes: 0, threads: 1)
    }
    #expect(throws: error) {
      try scatterND(
        Result([3]).view, x.view, indices: tuples.view, updates: numbers([7, 8], [2]).view, .add)
    }
  }

  @Test func gatherElementsAlongEitherAxis() throws {
    let x = numbers([1, 2, 3, 4, 5, 6, 7, 8, 9], [3, 3])
    let indices = numbers([1, 2, 0, 2, 0, -3], [2, 3], .i64), out = Result([2, 3])
    try gatherElements(out.view, x.view, indices: indices.view, axis: 0, threads: 1)
    #expect(out.floats == [4, 8, 3, 7, 2, 3])
    try gatherElements(out.view, x.view, indices: indices.view, axis: 1, threads: 1)
    #expect(out.floats == [2, 3, 1, 6, 4, 4])
  }

  @Test func gatherSlicesByTuples() throws {
    let x = numbers(Array(0..<8), [2, 2, 2])
    let slices = Result([2, 2])
    try gatherND(
      slices.view, x.view, indices: numbers([0, 1, 1, -2], [2, 2], .i64).view, batchAxes: 0,
      threads: 2)
    #expect(slices.floats == [2, 3, 4, 5])
    let batched = Result([2, 2])
    try gatherND(
      batched.view, x.view, indices: numbers([1, 0], [2, 1], .i32).view, batchAxes: 1, threads: 2)
    #expect(batched.floats == [2, 3, 4, 5])
  }

  @Test func scatterCombinesInOrder() throws {
    let expected: [(ScatterFunction, [Int64])] = [
      (.replace, [10, 6, 30]), (.add, [10, 29, 30]), (.multiply, [10, 600, 30]),
      (.minimum, [10, 5, 30]), (.maximum, [10, 20, 30]),
    ]
    for type in someTypes {
      for (function, values) in expected where type.byteCount > 1 || function != .multiply {
        let out = Result([3], type: type)
        let x = numbers([10, function == .add ? 18 : 20, 30], [3], type)
        let updates = numbers([5, 6], [2], type)
        try scatterElements(
          out.view, x.view, indices: numbers([1, -2], [2], .i64).view, updates: updates.view,
          axis: 0, function)
        #expect(out.int64s == values, "\(type) \(function)")
        try scatterND(
          out.view, x.view, indices: numbers([1, -2], [2, 1], .i64).view, updates: updates.view,
          function)
        #expect(out.int64s == values, "\(type) \(function)")
      }
    }
  }

  @Test func scatterOnBoolAndWideIntegers() throws {
    let yes = numbers([1, 0], [2], .bool), indices = numbers([0, 1], [2], .i64)
    let expected: [(ScatterFunction, [Int64])] = [(.add, [1, 1]), (.multiply, [1, 0])]
    for (function, values) in expected {
      let out = Result([2], type: .bool)
      try scatterElements(
        out.view, yes.view, indices: indices.view, updates: numbers([1, 1], [2], .bool).view,
        axis: 0, function)
      #expect(out.int64s == values)
    }
    let large = Tensor(int64s: [-1, 5], shape: [2])
    let out = Result([2], type: .u64)
    try scatterElements(
      out.view, Tensor(type: .u64, shape: [2], bytes: large.bytes).view, indices: indices.view,
      updates: numbers([7, 7], [2], .u64).view, axis: 0, .maximum)
    #expect(out.view.readOnly.copied().bytes == Tensor(int64s: [-1, 7], shape: [2]).bytes)
  }

  @Test func rowsAreWrittenFromTheirStarts() throws {
    let cache = numbers([Int64](repeating: 0, count: 6), [2, 3, 1])
    let update = numbers([1, 2, 3, 4], [2, 2, 1]), out = Result([2, 3, 1])
    func written(_ starts: [Int64], isCircular: Bool) throws -> [Float] {
      try scatterRows(
        out.view, cache.view, update: update.view, starts: numbers(starts, [2], .i64).view,
        axis: 1, isCircular: isCircular)
      return out.floats
    }
    #expect(try written([0, 1], isCircular: false) == [1, 2, 0, 0, 3, 4])
    #expect(try written([2, 4], isCircular: true) == [2, 0, 1, 0, 3, 4])
    #expect(throws: KernelError.indexOutOfRange(index: 2, position: 1, size: 2)) {
      try written([0, 2], isCircular: false)
    }
    #expect(throws: KernelError.self) { try written([-1, 0], isCircular: true) }
  }

  @Test func cropGoesBothWays() {
    let x = numbers(Array(0..<12), [3, 4])
    let out = Result([2, 2])
    crop(out.view, x.view, starts: [2, 3], steps: [-2, -3], threads: 1)
    #expect(out.floats == [11, 8, 3, 0])
    crop(Result([0, 2]).view, x.view, starts: [0, 0], steps: [1, 1], threads: 1)
  }

  @Test(arguments: [
    (PadMode.constant, [9, 9, 0, 1, 2, 9, 9] as [Int64]), (.reflect, [2, 1, 0, 1, 2, 1, 0]),
    (.edge, [0, 0, 0, 1, 2, 2, 2]), (.wrap, [1, 2, 0, 1, 2, 0, 1]),
  ])
  func padModes(mode: PadMode, expected: [Int64]) {
    for type in someTypes {
      let out = Result([7], type: type)
      pad(
        out.view, numbers([0, 1, 2], [3], type).view, before: [2], after: [2],
        value: numbers([9], [], type).view, mode: mode, threads: 1)
      #expect(out.int64s == expected, "\(type)")
    }
  }

  @Test func padMoreThanThereIs() {
    func padded(_ mode: PadMode, _ before: Int, _ after: Int) -> [Float] {
      let out = Result([3 + before + after])
      pad(
        out.view, numbers([0, 1, 2], [3]).view, before: [before], after: [after], value: nil,
        mode: mode, threads: 1)
      return out.floats
    }
    #expect(padded(.reflect, 5, 3) == [1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1])
    #expect(padded(.wrap, 4, 4) == [2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0])
    #expect(padded(.constant, -1, 2) == [1, 2, 0, 0])
    #expect(padded(.edge, 2, -2) == [0, 0, 0])
  }

  @Test func tileAndTriangle() {
    let x = numbers([1, 2, 3, 4], [2, 2]), tiled = Result([2, 4])
    tile(tiled.view, x.view, threads: 1)
    #expect(tiled.floats == [1, 2, 1, 2, 3, 4, 3, 4])
    func cut(_ isUpper: Bool, _ diagonal: Int) -> [Float] {
      let out = Result([2, 2])
      triangle(out.view, x.view, isUpper: isUpper, diagonal: diagonal)
      return out.floats
    }
    #expect(cut(true, 0) == [1, 2, 0, 4] && cut(false, 0) == [1, 0, 3, 4])
    #expect(cut(true, 1) == [0, 2, 0, 0] && cut(false, -1) == [0, 0, 3, 0])
    #expect(cut(true, .min) == [1, 2, 3, 4] && cut(false, .max) == [1, 2, 3, 4])
    #expect(cut(true, .max) == [0, 0, 0, 0] && cut(false, .min) == [0, 0, 0, 0])
  }

  @Test func sequencesAreReversedByTheirLengths() throws {
    let x = numbers(Array(0..<6), [3, 2]), out = Result([3, 2])
    try reverseSequence(
      out.view, x.view, lengths: numbers([3, 2], [2], .i64).view, batchAxis: 1, timeAxis: 0)
    #expect(out.floats == [4, 3, 2, 1, 0, 5])
    #expect(throws: KernelError.self) {
      try reverseSequence(
        out.view, x.view, lengths: numbers([3, 4], [2], .i64).view, batchAxis: 1, timeAxis: 0)
    }
  }
}
