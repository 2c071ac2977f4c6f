import Kernels
import TensorBase
import Testing

extension KernelTests {
  struct Sliding: CustomTestStringConvertible {
    var image: [Int]
    var size: [Int]
    var strides: [Int]
    var dilations: [Int]
    var before: [Int]
    var after: [Int]
    var inputs = 2
    var outputs = 3
    var groups = 1
    var testDescription: String { "\(image) \(size) \(strides) \(groups)" }

    var window: SlidingWindow {
      SlidingWindow(
        image: image,
        places: image.indices.map { axis in
          let span = (size[axis] - 1) * dilations[axis] + 1
          return (image[axis] + before[axis] + after[axis] - span) / strides[axis] + 1
        }, size: size, strides: strides, dilations: dilations, before: before)
    }
  }

  static let slides = [
    Sliding(
      image: [40], size: [3], strides: [1], dilations: [2], before: [2], after: [2], inputs: 3,
      outputs: 4, groups: 2),
    Sliding(
      image: [7, 9], size: [3, 2], strides: [2, 1], dilations: [1, 3], before: [1, 0],
      after: [1, 2]),
    Sliding(
      image: [5, 6, 7], size: [3, 3, 3], strides: [1, 1, 2], dilations: [1, 2, 1],
      before: [1, 2, 1], after: [1, 2, 1], groups: 3),
    Sliding(
      image: [2, 3, 4, 5], size: [2, 1, 2, 3], strides: [1, 2, 3, 1], dilations: [1, 1, 1, 1],
      before: [0, 1, 2, 1], after: [0, 0, 1, 1], inputs: 1),
    // More padding than window: some places see nothing.
    Sliding(
      image: [3, 3], size: [2, 2], strides: [1, 2], dilations: [1, 1], before: [3, 4],
      after: [3, 4]),
  ]

  @Test(arguments: slides)
  func convolutionOfAnyRankAgrees(_ c: Sliding) {
    var numbers = Numbers(3)
    let (inputs, outputs) = (c.inputs * c.groups, c.outputs * c.groups)
    let x = numbers.tensor([2, inputs] + c.image)
    let weight = numbers.tensor([outputs, c.inputs] + c.size), bias = numbers.tensor([outputs])
    for threads in [1, 3] {
      expectAgreement(
        [2, outputs] + c.window.places, absolute: 2e-5,
        reference: {
          convolutionReference(
            $0, x.view, weight: weight.view, bias: bias.view, window: c.window, groups: c.groups,
            threads: 1)
        },
        fast: {
          convolution(
            $0, x.view, weight: weight.view, bias: bias.view, window: c.window, groups: c.groups,
            threads: threads)
        })
    }
  }

  @Test(arguments: slides)
  func transposedConvolutionAgrees(_ c: Sliding) {
    var numbers = Numbers(4)
    let (inputs, outputs) = (c.inputs * c.groups, c.outputs * c.groups)
    let x = numbers.tensor([2, inputs] + c.window.places)
    let weight = numbers.tensor([inputs, c.outputs] + c.size), bias = numbers.tensor([outputs])
    for threads in [1, 3] {
      expectAgreement(
        [2, outputs] + c.image, absolute: 2e-5,
        reference: {
          transposedConvolutionReference(
            $0, x.view, weight: weight.view, bias: bias.view, window: c.window, groups: c.groups,
            threads: 1)
        },
        fast: {
          transposedConvolution(
            $0, x.view, weight: weight.view, bias: bias.view, window: c.window, groups: c.groups,
            threads: threads)
        })
    }
  }

  @Test(arguments: slides.filter { $0.image.count == 2 })
  func transposedConvolutionAgreesChannelsLast(_ c: Sliding) {
    var numbers = Numbers(9)
    let x = numbers.tensor([2, 5] + c.window.places), weight = numbers.tensor([5, 37] + c.size)
    let bias = numbers.tensor([37])
    let whole = Result([2, 37] + c.image)
    transposedConvolutionReference(
      whole.view, x.view, weight: weight.view, bias: bias.view, window: c.window, groups: 1,
      threads: 1)
    let expected = permuted(whole.view.readOnly.copied(), [0, 2, 3, 1])
    let (last, filter) = (permuted(x, [0, 2, 3, 1]), permuted(weight, [0, 2, 3, 1]))
    for threads in [1, 2, 5] {
      expectAgreement(
        expected.shape.dimensions, absolute: 1e-5,
        reference: { $0.base.copyMemory(from: expected.view.base, byteCount: expected.byteCount) },
        fast: {
          transposedConvolution2D(
            $0, last.view, weight: filter.view, bias: bias.view, window: c.window,
            threads: threads)
        })
    }
  }

  /// The plain convolution of two axes and the one of any rank are written independently.
  @Test func convolutionsOfTwoAxesAreOne() {
    var numbers = Numbers(5)
    let x = numbers.tensor([2, 4, 6, 7]), weight = numbers.tensor([6, 2, 3, 2])
    let window = SlidingWindow(
      image: [6, 7], places: [3, 8], size: [3, 2], strides: [2, 1], dilations: [1, 2],
      before: [1, 2])
    let parameters = Convolution2DParameters(
      strides: (2, 1), padding: (top: 1, left: 2, bottom: 0, right: 1), dilations: (1, 2),
      groups: 2)
    let (a, b) = (Result([2, 6, 3, 8]), Result([2, 6, 3, 8]))
    convolutionReference(
      a.view, x.view, weight: weight.view, bias: nil, window: window, groups: 2, threads: 1)
    convolution2DReference(
      b.view, x.view, weight: weight.view, adding: Convolution2DAddends(), parameters,
      layout: .channelsFirst)
    expectClose(a.floats, b.floats, 1e-6, 1e-6, "two axes")
  }

  @Test(arguments: [
    ([2, 9, 8, 5], (3, 3), (1, 1), (1, 1, 1, 1), (1, 1)),
    ([1, 12, 13, 33], (3, 3), (2, 2), (1, 1, 1, 1), (1, 1)),
    ([1, 7, 20, 64], (5, 3), (1, 1), (4, 2, 4, 2), (2, 2)),
    ([1, 3, 3, 17], (2, 2), (1, 1), (5, 5, 5, 5), (1, 1)),
  ])
  func depthwiseAgrees(
    input: [Int], window: (Int, Int), strides: (Int, Int), padding: (Int, Int, Int, Int),
    dilations: (Int, Int)
  ) {
    var numbers = Numbers(6)
    let channels = input[3]
    let parameters = Convolution2DParameters(
      strides: strides,
      padding: (top: padding.0, left: padding.1, bottom: padding.2, right: padding.3),
      dilations: dilations, groups: channels, activation: .silu)
    let size = parameters.outputSize(
      height: input[1], width: input[2], windowHeight: window.0, windowWidth: window.1)
    let out = [input[0], size.height, size.width, channels]
    let x = numbers.tensor(input), weight = numbers.tensor([window.0, window.1, 1, channels])
    let bias = numbers.tensor([channels]), residual = numbers.tensor(out)
    let all = Convolution2DAddends(bias: bias.view, residual: residual.view)
    for (adding, threads) in [(Convolution2DAddends(), 1), (all, 2)] {
      expectAgreement(
        out, absolute: 1e-5,
        reference: {
          convolution2DReference(
            $0, x.view, weight: weight.view, adding: adding, parameters, layout: .channelsLast)
        },
        fast: {
          convolution2D(
            $0, x.view, weight: weight.view, adding: adding, parameters, threads: threads)
        })
    }
  }

  @Test(arguments: slides.filter { $0.image.count == 2 })
  func poolsAgreeInBothLayouts(_ c: Sliding) {
    var numbers = Numbers(7)
    let x = numbers.tensor([2, 21] + c.image)
    let pool = PoolWindow(window: c.window, after: c.after)
    let first = [2, 21] + c.window.places
    for function in [
      PoolFunction.maximum, .average(countsPadding: false), .average(countsPadding: true),
    ] {
      let whole = Result(first)
      Kernels.pool(whole.view, x.view, function, pool, threads: 2)
      let expected = permuted(whole.view.readOnly.copied(), [0, 2, 3, 1])
      let last = permuted(x, [0, 2, 3, 1])
      expectAgreement(
        expected.shape.dimensions, absolute: 1e-6, "\(function)",
        reference: { $0.base.copyMemory(from: expected.view.base, byteCount: expected.byteCount) },
        fast: { pool2D($0, last.view, function, pool, threads: 3) })
    }
  }

  @Test func maximaAreFoundWhereTheyLie() {
    let x = Tensor(floats: [1, 5, 2, 5, 5, 0, .nan, 3, 4], shape: [1, 1, 3, 3])
    let window = SlidingWindow(
      image: [3, 3], places: [2, 2], size: [2, 2], strides: [1, 1], dilations: [1, 1],
      before: [0, 0])
    let (out, indices) = (Result([1, 1, 2, 2]), Result([1, 1, 2, 2], type: .i64))
    let pool = PoolWindow(window: window, after: [0, 0])
    Kernels.pool(out.view, indices: indices.view, x.view, .maximum, pool, threads: 1)
    expectClose(out.floats, [5, 5, .nan, 5], 0, 0, "maxima")
    #expect(indices.int64s == [1, 1, 6, 4])
    Kernels.pool(
      out.view, indices: indices.view, x.view, .maximum, pool, isColumnMajor: true, threads: 1)
    #expect(indices.int64s == [3, 3, 2, 4])
  }

  @Test func unpoolingRefusesIndicesOutside() {
    let x = Tensor(floats: [1, 2], shape: [1, 1, 2])
    let out = Result([1, 1, 4])
    #expect(throws: KernelError.indexOutOfRange(index: 4, position: 1, size: 4)) {
      try maxUnpool(
        out.view, x.view, indices: Tensor(int64s: [0, 4], shape: [1, 1, 2]).view,
        indexed: [1, 1, 4])
    }
  }

  @Test func regionsOfUnknownPicturesAreRefused() {
    let x = Tensor(zeros: [1, 1, 4, 4], type: .f32)
    let regions = Tensor(floats: [0, 0, 2, 2], shape: [1, 4])
    let alignment = RegionAlignment(isMaximum: false, samples: 0, scale: 1, isHalfPixel: true)
    let out = Result([1, 1, 2, 2])
    for (picture, region) in [(Int64(1), regions), (-1, regions)] {
      #expect(throws: KernelError.indexOutOfRange(index: picture, position: 0, size: 1)) {
        try alignRegions(
          out.view, x.view, regions: region.view,
          pictures: Tensor(int64s: [picture], shape: [1]).view, alignment, threads: 1)
      }
    }
    for edge in [Float.nan, .infinity, 1e30] {
      let region = Tensor(floats: [0, 0, edge, 2], shape: [1, 4])
      #expect(throws: KernelError.self) {
        try alignRegions(
          out.view, x.view, regions: region.view, pictures: Tensor(int64s: [0], shape: [1]).view,
          alignment, threads: 1)
      }
    }
  }

  @Test func regionsAndGridsFarAwayDoNoHarm() throws {
    let x = Tensor(floats: (0..<16).map(Float.init), shape: [1, 1, 4, 4])
    let out = Result([1, 1, 2, 2])
    for edge in [-Float.infinity, -1e30, -3] {
      let region = Tensor(floats: [0, 0, edge, edge], shape: [1, 4])
      try? alignRegions(
        out.view, x.view, regions: region.view, pictures: Tensor(int64s: [0], shape: [1]).view,
        RegionAlignment(isMaximum: true, samples: 0, scale: 1, isHalfPixel: true), threads: 1)
    }
    let far: [Float] = [.nan, .infinity, -.infinity, 3e38, -3e38, 1e9, -1e9, 0.5]
    let grid = Tensor(floats: far, shape: [1, 2, 2, 2])
    for mode in [GridSampling.Mode.nearest, .linear, .cubic] {
      for padding in [GridSampling.Padding.zeros, .border, .reflection] {
        for alignsCorners in [false, true] {
          gridSample(
            out.view, x.view, grid: grid.view,
            GridSampling(mode: mode, padding: padding, alignsCorners: alignsCorners), threads: 1)
          #expect(out.floats.allSatisfy { $0 >= -4 && $0 <= 20 })
        }
      }
    }
  }

  /// A resize of one axis after the other is the same in any layout.
  @Test func resizingKnowsNoLayout() {
    var numbers = Numbers(8)
    let x = numbers.tensor([1, 3, 5, 6])
    let axes = [
      ResizeAxis(input: 1, output: 1, scale: 1), ResizeAxis(input: 3, output: 3, scale: 1),
      ResizeAxis(input: 5, output: 8, scale: 1.6), ResizeAxis(input: 6, output: 4, scale: 4 / 6),
    ]
    for mode in [ResizeRule.Mode.nearest(.preferFloor), .linear, .cubic(a: -0.75)] {
      let rule = ResizeRule(mode: mode, coordinates: .halfPixel)
      let (first, last) = (Result([1, 3, 8, 4]), Result([1, 8, 4, 3]))
      resize(first.view, x.view, axes: axes, rule, threads: 1)
      resize(
        last.view, permuted(x, [0, 2, 3, 1]).view, axes: [0, 2, 3, 1].map { axes[$0] }, rule,
        threads: 2)
      expectClose(
        permuted(last.view.readOnly.copied(), [0, 3, 1, 2]).floats, first.floats, 1e-6, 1e-6,
        "\(mode)")
    }
  }
}
