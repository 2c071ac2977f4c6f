import Kernels
import TensorBase
import Testing

extension KernelTests {
  @Test(arguments: [
    (1, 1, 1), (1, 33, 70), (2, 17, 5), (3, 64, 40), (13, 31, 257), (15, 33, 300), (29, 96, 64),
    (57, 130, 513), (600, 20, 9),
  ])
  func linearAgrees(rows: Int, n: Int, k: Int) {
    var numbers = Numbers(UInt64(rows * 1000 + n * 10 + k))
    let x = numbers.tensor([1, rows, k]), w = numbers.tensor([n, k], scale: 0.3)
    let bias = numbers.tensor([n]), residual = numbers.tensor([1, rows, n])
    let packed = Result(packedShape(inputs: k, outputs: n).dimensions)
    packWeight(packed.view, w.view, threads: 2)
    for threads in [1, 3] {
      expectAgreement(
        [1, rows, n], absolute: 2e-5, "packed \(rows) \(n) \(k)",
        reference: {
          linearReference(
            $0, x.view, weight: w.view, bias: bias.view, residual: residual.view,
            activation: .gelu)
        },
        fast: {
          linear(
            $0, x.view, packed: packed.view.readOnly, bias: bias.view, residual: residual.view,
            activation: .gelu, threads: threads)
        })
      expectAgreement(
        [1, rows, n], absolute: 2e-5, "linear \(rows) \(n) \(k)",
        reference: { linearReference($0, x.view, weight: w.view) },
        fast: { linear($0, x.view, weight: w.view, threads: threads) })
      for activation in [Activation.identity, .gelu, .silu, .quickGelu] {
        expectAgreement(
          [1, rows, n], absolute: 2e-5, "linear \(rows) \(n) \(k) \(activation)",
          reference: {
            linearReference(
              $0, x.view, weight: w.view, bias: bias.view, residual: residual.view,
              activation: activation)
          },
          fast: {
            linear(
              $0, x.view, weight: w.view, bias: bias.view, residual: residual.view,
              activation: activation, threads: threads)
          })
      }
    }
  }

  /// Rows and columns of one block and more, for each number of threads; weights of every type.
  @Test(arguments: [
    (1, 32, 1), (3, 64, 5), (5, 96, 400), (14, 288, 33), (197, 320, 20), (401, 32, 390),
    (30, 608, 7), (0, 32, 4), (4, 32, 0),
  ])
  func gatedLinearAgrees(rows: Int, width: Int, k: Int) {
    var numbers = Numbers(UInt64(rows * 1000 + width * 10 + k))
    let x = numbers.tensor([1, rows, k]), bias = numbers.tensor([2 * width])
    for type in [ElementType.f32, .f16, .bf16] {
      let held = numbers.tensor([2 * width, k], scale: 0.1).converted(to: type)
      let w = held.converted(to: .f32)
      let packed = Result(packedShape(inputs: k, outputs: 2 * width).dimensions, type: type)
      packWeight(packed.view, held.view, threads: 2)
      for bias in [nil, bias] {
        for (threads, function) in [(1, Activation.gelu), (2, .silu), (5, .sigmoid)] {
          expectAgreement(
            [1, rows, width], absolute: 3e-5, relative: 1e-5, "\(rows) \(width) \(k) \(function)",
            reference: {
              let whole = Result([1, rows, 2 * width])
              linearReference(whole.view, x.view, weight: w.view, bias: bias?.view)
              gatedReference($0, whole.view.readOnly, function)
            },
            fast: {
              gatedLinear(
                $0, x.view, packed: packed.view.readOnly, bias: bias?.view, function,
                threads: threads)
            })
        }
      }
    }
  }

  @Test(arguments: [
    ([3, 4], [4, 5], [3, 5]), ([2, 3, 4], [4, 5], [2, 3, 5]),
    ([7, 9], [2, 1, 9, 3], [2, 1, 7, 3]),
    ([2, 1, 3, 8], [1, 4, 8, 2], [2, 4, 3, 2]), ([1, 65, 33], [1, 33, 129], [1, 65, 129]),
    ([2, 3, 0], [2, 0, 4], [2, 3, 4]),
  ])
  func matMulAgrees(a: [Int], b: [Int], out: [Int]) {
    var numbers = Numbers(7)
    let p = numbers.tensor(a), q = numbers.tensor(b)
    for threads in [1, 2] {
      expectAgreement(
        out, absolute: 2e-5, "\(a) \(b)", reference: { matMulReference($0, p.view, q.view) },
        fast: { matMul($0, p.view, q.view, threads: threads) })
    }
  }

  struct Convolution: CustomTestStringConvertible {
    var input: [Int]
    var outputs: Int
    var window: (Int, Int)
    var strides = (1, 1)
    var padding = (0, 0, 0, 0)
    var dilations = (1, 1)
    var groups = 1
    var testDescription: String { "\(input) \(outputs) \(window) \(strides) \(padding) \(groups)" }
  }

  @Test(arguments: [
    Convolution(input: [1, 5, 7, 3], outputs: 4, window: (1, 1)),
    Convolution(input: [2, 9, 8, 5], outputs: 7, window: (3, 3), padding: (1, 1, 1, 1)),
    Convolution(
      input: [2, 9, 8, 6], outputs: 33, window: (3, 3), strides: (2, 2), padding: (1, 1, 1, 1)),
    Convolution(
      input: [1, 8, 8, 4], outputs: 9, window: (3, 3), strides: (2, 2), padding: (0, 0, 1, 1)),
    Convolution(
      input: [1, 11, 13, 3], outputs: 5, window: (3, 2), strides: (1, 2), padding: (2, 0, 1, 3),
      dilations: (2, 3)),
    Convolution(
      input: [2, 6, 5, 6], outputs: 9, window: (3, 3), padding: (1, 1, 1, 1), groups: 3),
    Convolution(input: [1, 16, 16, 3], outputs: 8, window: (4, 4), strides: (4, 4)),
    Convolution(input: [3, 6, 6, 4], outputs: 3, window: (1, 1), strides: (2, 2)),
    Convolution(input: [1, 20, 20, 33], outputs: 65, window: (3, 3), padding: (1, 1, 1, 1)),
    Convolution(input: [1, 19, 3, 70], outputs: 96, window: (3, 3), padding: (1, 1, 1, 1)),
  ])
  func convolutionAgrees(_ c: Convolution) {
    var numbers = Numbers(11)
    for activation in [Activation.identity, .silu] {
      let parameters = Convolution2DParameters(
        strides: c.strides,
        padding: (top: c.padding.0, left: c.padding.1, bottom: c.padding.2, right: c.padding.3),
        dilations: c.dilations, groups: c.groups, activation: activation, isExact: true)
      let size = parameters.outputSize(
        height: c.input[1], width: c.input[2], windowHeight: c.window.0, windowWidth: c.window.1)
      let out = [c.input[0], size.height, size.width, c.outputs]
      let x = numbers.tensor(c.input)
      let w = numbers.tensor(
        [c.window.0, c.window.1, c.input[3] / c.groups, c.outputs], scale: 0.3)
      let bias = numbers.tensor([c.outputs]), residual = numbers.tensor(out)
      let vector = numbers.tensor([c.input[0], c.outputs])
      let all = Convolution2DAddends(
        bias: bias.view, vector: vector.view, residual: residual.view)
      for (adding, threads) in [(Convolution2DAddends(), 1), (all, 1), (all, 2)] {
        expectAgreement(
          out, absolute: 2e-5,
          reference: {
            convolution2DReference(
              $0, x.view, weight: w.view, adding: adding, parameters, layout: .channelsLast)
          },
          fast: {
            convolution2D($0, x.view, weight: w.view, adding: adding, parameters, threads: threads)
          })
      }
      if c.groups == 1 {
        let k = c.window.0 * c.window.1 * c.input[3]
        let packed = Result(packedShape(inputs: k, outputs: c.outputs).dimensions)
        packWeight(packed.view, permuted(w, [3, 2, 0, 1]).view, threads: 1)
        for (adding, threads) in [(Convolution2DAddends(), 2), (all, 1), (all, 3)] {
          expectAgreement(
            out, absolute: 2e-5, "packed",
            reference: {
              convolution2DReference(
                $0, x.view, weight: w.view, adding: adding, parameters, layout: .channelsLast)
            },
            fast: {
              convolution2D(
                $0, x.view, packed: packed.view.readOnly, window: c.window, adding: adding,
                parameters, threads: threads)
            })
        }
      }
      // The reference itself: both layouts are one function.
      let (first, last) = (Result([out[0], out[3], out[1], out[2]]), Result(out))
      convolution2DReference(
        last.view, x.view, weight: w.view, adding: Convolution2DAddends(bias: bias.view),
        parameters, layout: .channelsLast)
      convolution2DReference(
        first.view, permuted(x, [0, 3, 1, 2]).view, weight: permuted(w, [3, 2, 0, 1]).view,
        adding: Convolution2DAddends(bias: bias.view), parameters, layout: .channelsFirst)
      let back = permuted(first.view.readOnly.copied(), [0, 2, 3, 1])
      expectClose(back.floats, last.floats, 0, 1e-6, "layouts")
    }
  }

  /// Every height of a tile, every width of a strip, slices and blocks cut in two.
  @Test func packedTileRemainders() {
    var numbers = Numbers(21)
    let sizes =
      (1...15).map { ($0, 31 + $0, 3) } + (1...35).map { (5, $0, 2) }
      + [
        (281, 33, 4), (28, 417, 3), (3, 5, 256), (3, 5, 257), (3, 37, 515), (29, 33, 1), (3, 5, 0),
      ]
    for (m, n, k) in sizes {
      let x = numbers.tensor([m, k]), w = numbers.tensor([n, k])
      let residual = numbers.tensor([m, n])
      let packed = Result(packedShape(inputs: k, outputs: n).dimensions)
      packWeight(packed.view, w.view, threads: 1)
      expectAgreement(
        [m, n], absolute: 3e-5, "\(m) \(n) \(k)",
        reference: { linearReference($0, x.view, weight: w.view, residual: residual.view) },
        fast: {
          linear($0, x.view, packed: packed.view.readOnly, residual: residual.view, threads: 1)
        })
    }
  }

  /// Tiles cut off at either edge, pictures in one block, channels in whole and cut slices and
  /// panels; the result is a difference of larger numbers, hence the looser bound.
  @Test(arguments: [
    ([1, 16, 16, 32], 32, (1, 1, 1, 1)), ([2, 13, 18, 40], 33, (1, 1, 1, 1)),
    ([1, 31, 29, 70], 65, (0, 2, 1, 0)), ([3, 12, 11, 129], 47, (1, 1, 1, 1)),
    ([1, 40, 36, 33], 40, (2, 2, 2, 2)),
  ])
  func winogradAgrees(input: [Int], outputs: Int, padding: (Int, Int, Int, Int)) {
    var numbers = Numbers(5)
    let parameters = Convolution2DParameters(
      padding: (top: padding.0, left: padding.1, bottom: padding.2, right: padding.3),
      activation: .silu)
    let size = parameters.outputSize(
      height: input[1], width: input[2], windowHeight: 3, windowWidth: 3)
    let out = [input[0], size.height, size.width, outputs]
    let x = numbers.tensor(input), bias = numbers.tensor([outputs])
    let w = numbers.tensor([outputs, input[3], 3, 3], scale: 0.3)
    let residual = numbers.tensor(out), vector = numbers.tensor([input[0], outputs])
    let packed = Result(packedShape(inputs: 9 * input[3], outputs: outputs).dimensions)
    packWeight(packed.view, w.view, threads: 2)
    let all = Convolution2DAddends(bias: bias.view, vector: vector.view, residual: residual.view)
    for (adding, threads) in [(Convolution2DAddends(), 1), (all, 1), (all, 2), (all, 3)] {
      let exact = Result(out)
      var exactParameters = parameters
      exactParameters.isExact = true
      convolution2D(
        exact.view, x.view, packed: packed.view.readOnly, window: (3, 3), adding: adding,
        exactParameters, threads: 1)
      let fast = Result(out)
      convolution2D(
        fast.view, x.view, packed: packed.view.readOnly, window: (3, 3), adding: adding,
        parameters, threads: threads)
      // Not the same bits: or Winograd would not have run.
      #expect(fast.floats != exact.floats)
      expectAgreement(
        out, absolute: 1e-3, "\(threads) threads",
        reference: {
          convolution2DReference(
            $0, x.view, weight: permuted(w, [2, 3, 1, 0]).view, adding: adding, parameters,
            layout: .channelsLast)
        },
        fast: {
          convolution2D(
            $0, x.view, packed: packed.view.readOnly, window: (3, 3), adding: adding, parameters,
            threads: threads)
        })
    }
  }

  @Test func knownConvolution() {
    // A 2 × 2 window of ones over 0…8 sums neighbours: 0+1+3+4 = 8.
    let x = Tensor(floats: (0..<9).map(Float.init), shape: [1, 3, 3, 1])
    let w = Tensor(floats: [1, 1, 1, 1], shape: [2, 2, 1, 1])
    let out = Result([1, 2, 2, 1])
    convolution2D(
      out.view, x.view, weight: w.view, adding: Convolution2DAddends(),
      Convolution2DParameters(), threads: 1)
    #expect(out.floats == [8, 12, 20, 24])
  }
}

func permuted(_ x: Tensor, _ permutation: [Int]) -> Tensor {
  let out = Result(permutation.map { x.shape[$0] }, type: x.type)
  transpose(out.view, x.view, permutation, threads: 1)
  return out.view.readOnly.copied()
}
