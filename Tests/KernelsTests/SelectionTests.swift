import Kernels
import TensorBase
import Testing

extension KernelTests {
  @Test(arguments: [ElementType.f32, .f64, .f16, .bf16, .i8, .i16, .i32, .i64])
  func topKIsStable(type: ElementType) {
    let x = Tensor(floats: [3, -1, 3, 0, 5, -1, 2], shape: [7]).converted(to: type)
    for isLargest in [true, false] {
      for k in 0...7 {
        let values = Result([k], type: type), indices = Result([k], type: .i64)
        topK(
          values: values.view, indices: indices.view, x.view, axis: 0, isLargest: isLargest,
          threads: 2)
        let order: [Int64] = isLargest ? [4, 0, 2, 6, 3, 1, 5] : [1, 5, 3, 6, 0, 2, 4]
        #expect(indices.int64s == Array(order.prefix(k)))
        #expect(values.floats == order.prefix(k).map { x.floats[Int($0)] })
      }
    }
  }

  @Test func topKAlongAnInnerAxisAgainstSorting() {
    var numbers = Numbers(4)
    let x = numbers.tensor([3, 50, 4])
    let values = Result([3, 7, 4]), indices = Result([3, 7, 4], type: .i64)
    topK(values: values.view, indices: indices.view, x.view, axis: 1, isLargest: true, threads: 2)
    for a in 0..<3 {
      for b in 0..<4 {
        let line = (0..<50).map { x.floats[(a * 50 + $0) * 4 + b] }.sorted(by: >)
        #expect((0..<7).map { values.floats[(a * 7 + $0) * 4 + b] } == Array(line.prefix(7)))
      }
    }
  }

  @Test func topKOrdersSpecialNumbers() {
    let x = Tensor(floats: [0, -.infinity, .nan, -0.0, .infinity], shape: [5])
    let indices = Result([5], type: .i64), values = Result([5])
    topK(values: values.view, indices: indices.view, x.view, axis: 0, isLargest: true, threads: 1)
    #expect(indices.int64s == [2, 4, 0, 3, 1])
    let large = Tensor(int64s: [1, -1], shape: [2])
    let unsigned = Tensor(type: .u64, shape: [2], bytes: large.bytes)
    let best = Result([1], type: .i64)
    topK(
      values: nil, indices: best.view, unsigned.view, axis: 0, isLargest: true, threads: 1)
    #expect(best.int64s == [1])
  }

  @Test func uniqueElementsAndSlices() {
    let x = Tensor(floats: [2, 1, 1, 3, 4, 3], shape: [6])
    let sorted = unique(x.view, axis: nil, isSorted: true)
    #expect(sorted.values.floats == [1, 2, 3, 4])
    #expect(sorted.first.int64s == [1, 0, 3, 4])
    #expect(sorted.inverse.int64s == [1, 0, 0, 2, 3, 2])
    #expect(sorted.counts.int64s == [2, 1, 2, 1])
    let found = unique(x.view, axis: nil, isSorted: false)
    #expect(found.values.floats == [2, 1, 3, 4])
    #expect(found.first.int64s == [0, 1, 3, 4])
    #expect(found.inverse.int64s == [0, 1, 1, 2, 3, 2])
    #expect(found.counts.int64s == [1, 2, 2, 1])
    let rows = Tensor(floats: [2, 0, 1, 0, 2, 0, 1, -1], shape: [4, 2])
    let different = unique(rows.view, axis: 0, isSorted: true)
    #expect(different.values.floats == [1, -1, 1, 0, 2, 0])
    #expect(different.inverse.int64s == [2, 1, 2, 0])
    let none = unique(Tensor(floats: [], shape: [0]).view, axis: nil, isSorted: true)
    #expect(none.values.shape == [0] && none.counts.shape == [0])
  }

  @Test func nonZeroAndCompress() throws {
    let x = Tensor(floats: [1, 0, -2, 0, .nan, -0.0], shape: [2, 3])
    #expect(nonZero(x.view) == Tensor(int64s: [0, 0, 1, 0, 2, 1], shape: [2, 3]))
    #expect(nonZero(Tensor(scalar: Float(3)).view).shape == [0, 1])
    #expect(nonZero(Tensor(floats: [], shape: [0, 2]).view).shape == [2, 0])
    let condition = Tensor(int64s: [0, 1], shape: [2]).converted(to: .bool)
    #expect(try compress(x.view, condition: condition.view, axis: 1).floats[0] == 0)
    #expect(try compress(x.view, condition: condition.view, axis: nil).shape == [1])
    #expect(throws: KernelError.indexOutOfRange(index: 1, position: 1, size: 1)) {
      try compress(x.reshaped([1, 6]).view, condition: condition.view, axis: 0)
    }
  }

  @Test func oneHotAndRange() {
    let out = Result([2, 4])
    oneHot(
      out.view, indices: Tensor(int64s: [-1, 9], shape: [2]).view,
      values: Tensor(floats: [2, 5], shape: [2]).view, axis: 1)
    #expect(out.floats == [2, 2, 2, 5, 2, 2, 2, 2])
    let half = Result([3], type: .f16)
    range(
      half.view, start: Tensor(scalar: Float(1)).converted(to: .f16).view,
      delta: Tensor(scalar: Float(-0.5)).converted(to: .f16).view)
    #expect(half.floats == [1, 0.5, 0])
  }

  @Test func einsumAgainstLoops() {
    var numbers = Numbers(7)
    let a = numbers.tensor([2, 3, 3]), b = numbers.tensor([1, 3, 4]), out = Result([4, 2])
    // bii,bij->jb with b repeated.
    einsum(
      out.view, [a.view, b.view], terms: [[0, 1, 1], [0, 1, 2]], result: [2, 0], threads: 2)
    for j in 0..<4 {
      for batch in 0..<2 {
        let sum = (0..<3).reduce(0.0) {
          $0 + Double(a.floats[batch * 9 + $1 * 4]) * Double(b.floats[$1 * 4 + j])
        }
        #expect(out.floats[j * 2 + batch] == Float(sum))
      }
    }
    let whole = Result([], type: .i64)
    let x = Tensor(int64s: [1, 2, 3], shape: [3])
    einsum(whole.view, [x.view, x.view], terms: [[0], [0]], result: [], threads: 1)
    #expect(whole.int64s == [14])
  }

  @Test func determinants() {
    let x = Tensor(floats: [0, 2, 3, 4, 1, 2, 2, 4, 5, 0, 0, 5], shape: [3, 2, 2])
    let out = Result([3])
    determinant(out.view, x.view)
    #expect(out.floats == [-6, 0, 25])
    let empty = Result([])
    determinant(empty.view, Tensor(floats: [], shape: [0, 0]).view)
    #expect(empty.floats == [1])
  }

  @Test func sequencesOfNumbersAreCounted() {
    let pool = NGramPool(
      entries: [[2]: (0, 1), [2, 3]: (1, 1), [3, 3]: (2, 0.5)], lengths: 1...2, longestSkip: 1,
      countsOnce: false)
    let x = Tensor(int64s: [2, 3, 3, 2, 3, 2, 2, 2, 2, 2], shape: [2, 5]), out = Result([2, 3])
    countNGrams(out.view, x.view, pool)
    #expect(out.floats == [2, 3, 1, 5, 0, 0])
  }

  @Test func overlappingBoxesAreSuppressed() {
    let boxes = Tensor(
      floats: [0, 0, 1, 1, 1, 1.1, 0, 0.1, 0, 10, 1, 11, 0, 10.1, 1, 11.1], shape: [1, 4, 4])
    let scores = Tensor(floats: [0.9, 0.75, 0.6, 0.95, 0.1, 0.1, 0.7, 0.2], shape: [1, 2, 4])
    func chosen(_ limit: Int, _ overlap: Float, _ score: Float?) -> [Int64] {
      nonMaxSuppression(
        boxes: boxes.view, scores: scores.view,
        SuppressionParameters(isCentred: false, limit: limit, overlap: overlap, score: score)
      ).int64s
    }
    #expect(chosen(3, 0.5, 0.5) == [0, 0, 3, 0, 0, 0, 0, 1, 2])
    #expect(chosen(1, 0.5, nil) == [0, 0, 3, 0, 1, 2])
    #expect(chosen(9, 0.95, 0.8) == [0, 0, 3, 0, 0, 0])
    #expect(chosen(0, 0.5, nil) == [])
  }
}
