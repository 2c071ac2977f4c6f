import Kernels
import TensorBase
import Testing

/// Packed weights of half precision and of bytes count, bit for bit, as the f32 they stand for.
extension KernelTests {
  private static let heldTypes: [ElementType] = [.f16, .bf16, .i8]

  /// A weight in a narrow type, with scales where it is of bytes, and the f32 it stands for.
  private struct HeldWeight {
    let narrow: Tensor
    let scales: Tensor?
    let wide: Tensor

    /// Some of it so small that f16 has it as subnormal numbers.
    init(_ dimensions: [Int], _ type: ElementType, seed: Int) {
      var numbers = Numbers(UInt64(seed))
      let shape = Shape(dimensions)
      let values = (0..<shape.count).map { numbers.next() * ($0 % 7 == 3 ? 1e-5 : 0.3) }
      let exact = Tensor(floats: values, shape: shape)
      guard type == .i8 else {
        narrow = exact.converted(to: type)
        scales = nil
        wide = narrow.converted(to: .f32)
        return
      }
      let fitting = ByteScales(fitting: exact, axis: 0)
      let narrow = fitting.bytes(of: exact).bytes
      self.narrow = narrow
      scales = Tensor(floats: fitting.scales, shape: [fitting.scales.count])
      wide = Tensor.written(.f32, shape) { target in
        narrow.withBytes { fitting.widen($0, from: 0, into: &target) }
      }
    }

    func packed(threads: Int = 1) -> TensorView { pack(narrow, scales, threads) }

    func packedWide() -> TensorView { pack(wide, nil, 1) }

    private func pack(_ weight: Tensor, _ scales: Tensor?, _ threads: Int) -> TensorView {
      let inputs = weight.shape.dimensions.dropFirst().reduce(1, *)
      let out = Result(
        packedShape(inputs: inputs, outputs: weight.shape[0], type: weight.type).dimensions,
        type: weight.type)
      packWeight(out.view, weight.view, scales: scales?.view, threads: threads)
      return out.view.readOnly
    }
  }

  /// Runs both at every level; their results must be the same.
  private static func expectSame(
    _ dimensions: [Int], _ context: @autoclosure () -> String, wide: (MutableTensorView) -> Void,
    held: (MutableTensorView) -> Void, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let usual = ProcessorLevel.current
    defer { usual.use() }
    for level in ProcessorLevel.available {
      level.use()
      let (expected, got) = (Result(dimensions), Result(dimensions))
      wide(expected.view)
      held(got.view)
      let same = got.view.readOnly.copied() == expected.view.readOnly.copied()
      #expect(same, "\(level) \(context())", sourceLocation: sourceLocation)
      let isSound = expected.floats.allSatisfy(\.isFinite)
      #expect(isSound, "\(level) \(context())", sourceLocation: sourceLocation)
    }
  }

  @Test(arguments: [
    [1, 1], [31, 5], [32, 33], [33, 70], [70, 0], [0, 4], [65, 257], [5, 3, 1, 1], [33, 17, 3, 3],
    [40, 35, 2, 3],
  ])
  func packingKeepsTheType(_ dimensions: [Int]) {
    for type in Self.heldTypes {
      let weight = HeldWeight(dimensions, type, seed: 3)
      let wide = weight.packedWide().copied()
      for threads in [1, 3] {
        let held = weight.packed(threads: threads).copied()
        #expect(held.type == type)
        guard type == .i8 else {
          #expect(held.shape == wide.shape)
          #expect(held.converted(to: .f32) == wide, "\(type) \(dimensions)")
          continue
        }
        #expect(held.shape.dimensions == [wide.shape[0], 4 + wide.shape[1], 32])
        #expect(Self.numbers(ofPanels: held) == wide.floats, "\(dimensions)")
      }
    }
  }

  /// What panels of bytes behind their scales stand for.
  private static func numbers(ofPanels held: Tensor) -> [Float] {
    let bytes = held.bytes
    let panel = held.shape[1] * 32
    return (0..<held.shape[0]).flatMap { number in
      let own = Array(bytes[number * panel..<(number + 1) * panel])
      let scales = Tensor(type: .f32, shape: [32], bytes: Array(own[..<128])).floats
      return own[128...].enumerated().map { place, byte in
        Float(Int8(bitPattern: byte)) * scales[place % 32]
      }
    }
  }

  /// Every height of a tile, every width of a strip, slices and blocks cut in two.
  @Test(arguments: heldTypes)
  func linearOfHeldWeights(_ type: ElementType) {
    var numbers = Numbers(31)
    let sizes =
      (1...15).map { ($0, 31 + $0, 3) } + (1...35).map { (5, $0, 2) }
      + [
        (281, 33, 4), (28, 417, 3), (3, 5, 256), (3, 5, 257), (3, 37, 515), (29, 33, 1), (3, 5, 0),
        (64, 96, 300), (600, 40, 130), (3, 601, 385), (197, 577, 3), (1, 33, 128),
        (2, 40, 129), (14, 5, 300),
      ]
    for (m, n, k) in sizes {
      let x = numbers.tensor([m, k]), bias = numbers.tensor([n]), residual = numbers.tensor([m, n])
      let weight = HeldWeight([n, k], type, seed: m + n + k)
      let (held, wide) = (weight.packed(), weight.packedWide())
      for threads in [1, 3] {
        Self.expectSame([m, n], "\(m) \(n) \(k)") {
          linear(
            $0, x.view, packed: wide, bias: bias.view, residual: residual.view,
            activation: .gelu, threads: threads)
        } held: {
          linear(
            $0, x.view, packed: held, bias: bias.view, residual: residual.view,
            activation: .gelu, threads: threads)
        }
      }
    }
  }

  /// Windows of one pixel and more, strides, dilations, uneven padding; the last five by Winograd's
  /// filtering unless it is ruled out.
  @Test(arguments: heldTypes)
  func convolutionOfHeldWeights(_ type: ElementType) {
    let around = (1, 1, 1, 1)
    let cases: [Convolution] = [
      Convolution(input: [1, 5, 7, 3], outputs: 4, window: (1, 1)),
      Convolution(input: [3, 6, 6, 40], outputs: 33, window: (1, 1), strides: (2, 2)),
      Convolution(input: [2, 9, 8, 5], outputs: 7, window: (3, 3), padding: around),
      Convolution(
        input: [2, 9, 8, 36], outputs: 33, window: (3, 3), strides: (2, 2), padding: around),
      Convolution(
        input: [1, 11, 13, 3], outputs: 5, window: (3, 2), strides: (1, 2), padding: (2, 0, 1, 3),
        dilations: (2, 3)),
      Convolution(input: [1, 19, 3, 70], outputs: 96, window: (3, 3), padding: around),
      Convolution(input: [1, 16, 16, 32], outputs: 32, window: (3, 3), padding: around),
      Convolution(input: [2, 13, 18, 40], outputs: 33, window: (3, 3), padding: around),
      Convolution(input: [1, 31, 29, 70], outputs: 65, window: (3, 3), padding: (0, 2, 1, 0)),
      Convolution(input: [3, 12, 11, 129], outputs: 47, window: (3, 3), padding: around),
      Convolution(input: [1, 40, 36, 33], outputs: 40, window: (3, 3), padding: (2, 2, 2, 2)),
    ]
    var numbers = Numbers(41)
    for c in cases {
      let x = numbers.tensor(c.input), bias = numbers.tensor([c.outputs])
      let vector = numbers.tensor([c.input[0], c.outputs])
      let weight = HeldWeight(
        [c.outputs, c.input[3], c.window.0, c.window.1], type, seed: c.outputs)
      let (held, wide) = (weight.packed(), weight.packedWide())
      for isExact in [true, false] {
        let parameters = Convolution2DParameters(
          strides: c.strides,
          padding: (top: c.padding.0, left: c.padding.1, bottom: c.padding.2, right: c.padding.3),
          dilations: c.dilations, activation: .silu, isExact: isExact)
        let size = parameters.outputSize(
          height: c.input[1], width: c.input[2], windowHeight: c.window.0,
          windowWidth: c.window.1)
        let out = [c.input[0], size.height, size.width, c.outputs]
        let residual = numbers.tensor(out)
        let adding = Convolution2DAddends(
          bias: bias.view, vector: vector.view, residual: residual.view)
        for threads in [1, 2] {
          Self.expectSame(out, "\(c.testDescription) \(isExact)") {
            convolution2D(
              $0, x.view, packed: wide, window: c.window, adding: adding, parameters,
              threads: threads)
          } held: {
            convolution2D(
              $0, x.view, packed: held, window: c.window, adding: adding, parameters,
              threads: threads)
          }
        }
      }
    }
  }
}
