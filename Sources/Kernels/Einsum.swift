import TensorBase

/// out[its labels] = Σ over all other labels Π operands[their labels]. `terms[i]` has a label per
/// axis of operand i; a label may come more than once in a term (the diagonal), in any term; equal
/// labels have equal sizes, or 1, which repeats. Labels count from 0. Any one numeric type: floats
/// in double, integers wrapping.
package func einsum(
  _ out: MutableTensorView, _ operands: [TensorView], terms: [[Int]], result: [Int], threads: Int
) {
  var found = [Int](repeating: 1, count: (terms.joined().max() ?? -1) + 1)
  for (operand, term) in zip(operands, terms) {
    precondition(term.count == operand.shape.rank)
    for (label, size) in zip(term, operand.shape.dimensions) where size != 1 {
      precondition(found[label] == 1 || found[label] == size)
      found[label] = size
    }
  }
  let sizes = found
  precondition(operands.count == terms.count && out.shape.dimensions == result.map { sizes[$0] })
  if out.shape.count == 0 { return }
  let summed = sizes.indices.filter { !result.contains($0) }
  // Elements of each operand from one value of a label to the next.
  let steps = zip(operands, terms).map { operand, term in
    var steps = [Int](repeating: 0, count: sizes.count)
    for (axis, label) in term.enumerated() where operand.shape[axis] != 1 {
      steps[label] += operand.shape.strides[axis]
    }
    return steps
  }
  let members = summed.reduce(1) { $0 * sizes[$1] }
  if members == 0 { return fill(out, with: nil) }
  let walk = Walk(summed.map { sizes[$0] }, steps.map { step in summed.map { step[$0] } })
  let inner = walk.innerCount, last = walk.dimensions.count - 1
  let innerSteps = walk.strides.map { $0[last] }
  let isFloat = out.type.isFloatingPoint
  parallelRanges(out.shape.count, minimum: max(1, 4096 / members), threads: threads) { range in
    var starts = [Int](repeating: 0, count: operands.count), places = starts
    for place in range {
      for operand in operands.indices {
        var rest = place, start = 0
        for label in result.reversed() {
          start += rest % sizes[label] * steps[operand][label]
          rest /= sizes[label]
        }
        starts[operand] = start
      }
      var sum = 0.0, total: Int64 = 0
      for outer in 0..<walk.outerCount {
        for operand in operands.indices {
          places[operand] = starts[operand] + walk.offset(operand, outer)
        }
        for i in 0..<inner {
          if isFloat {
            var product = 1.0
            for (operand, view) in operands.enumerated() {
              product *= Elements.load(
                view.base, places[operand] + i * innerSteps[operand], view.type)
            }
            sum += product
          } else {
            var product: Int64 = 1
            for (operand, view) in operands.enumerated() {
              product &*= Elements.integer(
                view.base, places[operand] + i * innerSteps[operand], view.type)
            }
            total &+= product
          }
        }
      }
      if isFloat {
        Elements.store(sum, out.base, place, out.type)
      } else {
        Elements.convert(&total, .i64, out.base + place * out.type.byteCount, out.type, 0)
      }
    }
  }
}
