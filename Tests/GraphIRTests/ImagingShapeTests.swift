import GraphIR
import TensorBase
import Testing

private func window(
  image: [Int] = [8, 8], places: [Int] = [4, 4], size: [Int] = [2, 2], strides: [Int] = [2, 2],
  dilations: [Int] = [1, 1], before: [Int] = [0, 0]
) -> ImageWindow {
  ImageWindow(
    image: image, places: places, size: size, strides: strides, dilations: dilations,
    before: before)
}

@Test(arguments: [
  window(strides: [0, 2]), window(strides: [-1, 2]), window(size: [0, 2]),
  window(dilations: [0, 1]), window(dilations: [Int.max, 1]), window(size: [Int.max, 2]),
  window(places: [Int.max, 4]), window(places: [-1, 4]), window(strides: [Int.max, 2]),
  window(before: [Int.min, 0]), window(before: [Int.max, 0]), window(image: [8, 9]),
  window(size: [2]), window(image: [8], places: [4], size: [2], strides: [2], dilations: [1]),
  window(places: [1 << 39, 1 << 39], strides: [1, 1]),
])
func windowsThatMakeNoSenseAreRefused(_ window: ImageWindow) {
  let x = Fact(.f32, [1, 3, 8, 8])
  #expect(throws: Misfit.self) {
    try Op.imaging(.pool(Pool(.maximum, window, after: [0, 0]))).outputFacts([x])
  }
}

@Test(
  arguments: [
    (.convolution(window(), groups: 1), [[1, 3, 8, 8], [4, 3, 2, 3]]),
    (.convolution(window(), groups: 0), [[1, 3, 8, 8], [4, 3, 2, 2]]),
    (.convolution(window(), groups: 2), [[1, 3, 8, 8], [4, 3, 2, 2]]),
    (.convolution(window(), groups: Int.max), [[1, 3, 8, 8], [4, 3, 2, 2]]),
    (.convolution(window(), groups: 1), [[1, 3, 8, 8], [4, 3, 2, 2], [5]]),
    (.transposedConvolution(window(), groups: 1), [[1, 3, 4, 4], [2, 4, 2, 2]]),
    (.transposedConvolution(window(), groups: Int.max), [[1, 3, 4, 4], [3, 4, 2, 2]]),
    (
      .deformableConvolution(window(), groups: 1, offsetGroups: 2),
      [[1, 3, 8, 8], [4, 3, 2, 2], [1, 8, 4, 4]]
    ),
    (
      .deformableConvolution(window(), groups: 1, offsetGroups: 1),
      [[1, 3, 8, 8], [4, 3, 2, 2], [1, 7, 4, 4]]
    ),
    (.columnsToImage(window()), [[1, 12, 15]]),
    (.columnsToImage(window()), [[1, 13, 16]]),
    (.maxRegionPool(size: [0, 1], scale: 1), [[1, 3, 8, 8], [2, 5]]),
    (.maxRegionPool(size: [1 << 40, 1 << 40], scale: 1), [[1, 3, 8, 8], [2, 5]]),
    (.maxRegionPool(size: [2, 2], scale: .nan), [[1, 3, 8, 8], [2, 5]]),
    (
      .gridSample(GridSample(mode: .linear, padding: .zeros, alignsCorners: false)),
      [[1, 3, 8, 8], [1, 4, 4, 3]]
    ),
    (
      .gridSample(GridSample(mode: .linear, padding: .zeros, alignsCorners: false)),
      [[1, 3, 0, 8], [1, 4, 4, 2]]
    ),
    (.affineGrid(sizes: [1 << 40, 1 << 40], alignsCorners: false), [[1, 2, 3]]),
    (.affineGrid(sizes: [], alignsCorners: false), [[1, 0, 1]]),
    (.localResponseNorm(LocalResponseNorm(size: 0, alpha: 1, beta: 1, bias: 1)), [[1, 3]]),
    (.channelAffine(ChannelAffine()), [[1, 3, 2], [2], [3]]),
  ] as [(ImagingOp, [Shape])])
func imagingRefusesWhatDoesNotFit(op: ImagingOp, shapes: [Shape]) {
  #expect(throws: Misfit.self) { try Op.imaging(op).outputFacts(shapes.map { Fact(.f32, $0) }) }
}

@Test(arguments: [
  Resize.Axis(size: 4, scale: 0), Resize.Axis(size: 4, scale: -1),
  Resize.Axis(size: 4, scale: .nan), Resize.Axis(size: 4, scale: .infinity),
  Resize.Axis(size: 4, scale: 1e-300), Resize.Axis(size: 1, scale: 1e-9),
  Resize.Axis(size: 1 << 62, scale: 1), Resize.Axis(size: 4, scale: 1, start: .nan),
])
func resizesThatMakeNoSenseAreRefused(_ axis: Resize.Axis) {
  let resize = Resize(
    mode: .linear, coordinates: .halfPixel, isAntialiased: true,
    axes: [axis, Resize.Axis(size: 3, scale: 1)])
  #expect(throws: Misfit.self) {
    try Op.imaging(.resize(resize)).outputFacts([Fact(.f32, [4, 3])])
  }
}
