import Foundation
import Kernels
import TensorBase
import Testing

extension KernelTests {
  @Test(arguments: [1, 2, 3, 8, 12, 30, 31, 49, 77, 400], [false, true])
  func fourierAgreesWithItsDefinition(n: Int, isInverse: Bool) {
    var numbers = Numbers(UInt64(n))
    let x = numbers.tensor([2, n, 3, 2])
    let got = Result([2, n, 3, 2])
    fourier(
      got.view, x.view,
      FourierParameters(axis: 1, length: n, isInverse: isInverse, isHalf: false), threads: 2)
    let values = x.floats
    var expected = [Float](repeating: 0, count: 2 * n * 3 * 2)
    for a in 0..<2 {
      for b in 0..<3 {
        for k in 0..<n {
          var re = 0.0, im = 0.0
          for i in 0..<n {
            let angle = 2 * Double.pi * Double(k * i % n) / Double(n) * (isInverse ? 1 : -1)
            let place = ((a * n + i) * 3 + b) * 2
            let (u, v) = (Double(values[place]), Double(values[place + 1]))
            re += u * cos(angle) - v * sin(angle)
            im += u * sin(angle) + v * cos(angle)
          }
          let place = ((a * n + k) * 3 + b) * 2, scale = isInverse ? 1 / Double(n) : 1
          expected[place] = Float(re * scale)
          expected[place + 1] = Float(im * scale)
        }
      }
    }
    expectClose(got.floats, expected, 1e-6, 1e-6, "\(n)")
  }

  @Test(arguments: [1, 2, 5, 6, 16, 45])
  func halfATransformComesBack(n: Int) {
    var numbers = Numbers(UInt64(n) + 100)
    let x = numbers.tensor([3, n, 1])
    let half = Result([3, n / 2 + 1, 2])
    fourier(
      half.view, x.view, FourierParameters(axis: 1, length: n, isInverse: false, isHalf: true),
      threads: 1)
    let back = Result([3, n, 1])
    fourier(
      back.view, half.view.readOnly,
      FourierParameters(axis: 1, length: n, isInverse: true, isHalf: true), threads: 1)
    expectClose(back.floats, x.floats, 1e-6, 1e-6, "\(n)")
  }

  @Test(arguments: [false, true])
  func recurrentAgrees(isBatchFirst: Bool) {
    let curves = RecurrentActivation.Curve.allCases.map {
      RecurrentActivation($0, alpha: 0.3, beta: 0.6)
    }
    let cells: [(RecurrentParameters.Cell, gates: Int, activations: Int)] = [
      (.plain, 1, 1), (.gated(resetsAfter: false), 3, 2), (.gated(resetsAfter: true), 3, 2),
      (.memory(isCoupled: false), 4, 3), (.memory(isCoupled: true), 4, 3),
    ]
    var numbers = Numbers(41)
    for (number, (cell, gates, activations)) in cells.enumerated() {
      for isReverse in [[false], [true], [false, true]] {
        for (hidden, isBare) in [(5, true), (16, false), (33, false)] {
          let (steps, batch, inputs, d) = (4, 3, 7, isReverse.count)
          let state = isBatchFirst ? [batch, d, hidden] : [d, batch, hidden]
          let x = numbers.tensor(
            isBatchFirst ? [batch, steps, inputs] : [steps, batch, inputs])
          let weight = numbers.tensor([d, gates * hidden, inputs], scale: 0.4)
          let recurrence = numbers.tensor([d, gates * hidden, hidden], scale: 0.3)
          let bias = numbers.tensor([d, 2 * gates * hidden])
          let peepholes = numbers.tensor([d, 3 * hidden])
          let (h, c) = (numbers.tensor(state), numbers.tensor(state))
          let lengths = Tensor(int64s: [2, 4, 0], shape: [3]).converted(to: .i32)
          let given = RecurrentInputs(
            x: x.view, weight: weight.view, recurrence: recurrence.view,
            bias: isBare ? nil : bias.view, lengths: isBare ? nil : lengths.view,
            hidden: isBare ? nil : h.view, cell: isBare ? nil : c.view,
            peepholes: isBare ? nil : peepholes.view)
          let chosen = (0..<(d * activations)).map {
            isBare ? curves[1 + ($0 + 1) % 2] : curves[(number * 3 + $0 + hidden) % curves.count]
          }
          let parameters = RecurrentParameters(
            cell: cell, isReverse: isReverse, hidden: hidden, activations: chosen,
            clip: isBare ? nil : 2.5, isBatchFirst: isBatchFirst)
          let all = isBatchFirst ? [batch, steps, d, hidden] : [steps, d, batch, hidden]
          let hidden = Result(state), cell = Result(state)
          let hiddenExpected = Result(state), cellExpected = Result(state)
          expectAgreement(
            all, absolute: 2e-5, relative: 1e-4, "\(cell) \(isReverse) \(isBare)",
            reference: {
              recurrentReference(
                RecurrentOutputs(all: $0, hidden: hiddenExpected.view, cell: cellExpected.view),
                given, parameters)
            },
            fast: {
              recurrent(
                RecurrentOutputs(all: $0, hidden: hidden.view, cell: cell.view), given,
                parameters, threads: 2)
            })
          expectClose(hidden.floats, hiddenExpected.floats, 2e-5, 1e-4, "hidden state")
          expectClose(cell.floats, cellExpected.floats, 2e-5, 1e-4, "cell state")
        }
      }
    }
  }

  @Test func standardizeAgrees() {
    var numbers = Numbers(42)
    for n in [1, 7, 64, 99] {
      let x = numbers.tensor([5, n], scale: 3, offset: 20)
      let scale = numbers.tensor([n]), shift = numbers.tensor([n])
      let wide = (x.converted(to: .f64), scale.converted(to: .f64), shift.converted(to: .f64))
      for isCentred in [true, false] {
        let mean = Result([5, 1]), inverse = Result([5, 1])
        let got = Result([5, n]), expected = Result([5, n], type: .f64)
        standardize(
          got.view, mean: mean.view, inverse: inverse.view, x.view, scale: scale.view,
          shift: shift.view, epsilon: 1e-5, isCentred: isCentred, threads: 2)
        standardize(
          expected.view, mean: nil, inverse: nil, wide.0.view, scale: wide.1.view,
          shift: wide.2.view, epsilon: 1e-5, isCentred: isCentred, threads: 1)
        expectClose(got.floats, expected.floats, 1e-6, 1e-6, "\(n) \(isCentred)")
      }
      if n == 64 {
        let layer = Result([5, n]), got = Result([5, n])
        layerNormReference(layer.view, x.view, scale: nil, shift: nil, epsilon: 1e-5)
        standardize(
          got.view, mean: nil, inverse: nil, x.view, scale: nil, shift: nil, epsilon: 1e-5,
          isCentred: true, threads: 1)
        expectClose(got.floats, layer.floats, 1e-6, 1e-6, "as a layer's")
      }
    }
  }

  @Test func whatSeesNoKeyGetsNothing() {
    var numbers = Numbers(43)
    let (q, k, v) = (
      numbers.tensor([1, 3, 8]), numbers.tensor([1, 20, 8]), numbers.tensor([1, 20, 8])
    )
    let mask = Result([1, 1, 3, 20])
    let lengths = Tensor(int64s: [1], shape: [1])
    visibility(mask.view, lengths: lengths.view, offset: .fromLengths, before: nil, after: 0)
    #expect(mask.floats.filter { $0 == 0 }.count == 1)
    let parameters = AttentionParameters(heads: 2, scale: 0.5)
    let fast = Result([1, 3, 8]), plain = Result([1, 3, 8])
    attention(
      fast.view, q: q.view, k: k.view, v: v.view, mask: mask.view.readOnly, parameters, threads: 1)
    attentionReference(
      plain.view, q: q.view, k: k.view, v: v.view, mask: mask.view.readOnly, parameters)
    #expect(fast.floats[..<16].allSatisfy { $0 == 0 })
    expectClose(fast.floats, plain.floats, 1e-6, 1e-5, "attention")

    var poisoned = numbers.tensor([2, 3, 20]).floats
    poisoned[0] = .nan
    poisoned[45] = .infinity
    let scores = Tensor(floats: poisoned, shape: [2, 3, 20])
    let weights = Result([2, 3, 20]), wide = Result([2, 3, 20], type: .f64)
    let addend = mask.view.readOnly.reshaped([3, 20])
    attentionWeights(weights.view, scores.view, addend: addend, threads: 1)
    attentionWeights(
      wide.view, scores.converted(to: .f64).view, addend: addend.copied().converted(to: .f64).view,
      threads: 1)
    #expect(weights.floats == wide.floats)
    #expect(weights.floats.reduce(0, +) == 2)
  }
}
