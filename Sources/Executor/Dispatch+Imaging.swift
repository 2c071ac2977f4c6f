import GraphIR
import Kernels
import TensorBase

/// Runs one op of the imaging family.
func dispatch(
  _ op: ImagingOp, _ node: NodeInputs, _ outputs: [MutableTensorView?], _ options: ExecutionOptions
) throws(KernelError) {
  guard let out = outputs[0] else { return }
  let threads = options.threads
  switch op {
  case .convolution(let window, let groups):
    options.kernels == .fast
      ? convolution(
        out, node[0], weight: node[1], bias: node.optional(2), window: window.kernel,
        groups: groups, threads: threads)
      : convolutionReference(
        out, node[0], weight: node[1], bias: node.optional(2), window: window.kernel,
        groups: groups, threads: threads)
  case .transposedConvolution(let window, _, .channelsLast):
    transposedConvolution2D(
      out, node[0], weight: node[1], bias: node.optional(2), window: window.kernel,
      threads: threads)
  case .transposedConvolution(let window, let groups, .channelsFirst):
    options.kernels == .fast
      ? transposedConvolution(
        out, node[0], weight: node[1], bias: node.optional(2), window: window.kernel,
        groups: groups, threads: threads)
      : transposedConvolutionReference(
        out, node[0], weight: node[1], bias: node.optional(2), window: window.kernel,
        groups: groups, threads: threads)
  case .deformableConvolution(let window, let groups, let offsetGroups):
    deformableConvolution(
      out, node[0], weight: node[1],
      DeformableAddends(
        offsets: node[2], mask: node.optional(4), bias: node.optional(3), groups: offsetGroups),
      window: window.kernel, groups: groups, threads: threads)
  case .columnsToImage(let window):
    columnsToImage(out, node[0], window: window.kernel, threads: threads)
  case .pool(let attributes):
    let window = PoolWindow(window: attributes.window.kernel, after: attributes.after)
    switch attributes.layout {
    case .channelsLast:
      pool2D(out, node[0], attributes.function.kernel, window, threads: threads)
    case .channelsFirst:
      pool(
        out, indices: outputs.count > 1 ? outputs[1] : nil, node[0], attributes.function.kernel,
        window, isColumnMajor: attributes.isColumnMajor, threads: threads)
    }
  case .maxUnpool(let indexed, _):
    try maxUnpool(out, node[0], indices: node[1], indexed: Shape(indexed))
  case .alignRegions(let attributes):
    try alignRegions(
      out, node[0], regions: node[1], pictures: node[2],
      RegionAlignment(
        isMaximum: attributes.isMaximum, samples: attributes.samples,
        scale: Double(attributes.scale), isHalfPixel: attributes.isHalfPixel), threads: threads)
  case .maxRegionPool(_, let scale):
    try maxRegionPool(out, node[0], regions: node[1], scale: Double(scale))
  case .resize(let attributes):
    resize(
      out, node[0],
      axes: zip(node[0].shape.dimensions, attributes.axes).map { size, axis in
        ResizeAxis(
          input: size, output: axis.size, scale: axis.scale, start: axis.start, end: axis.end)
      }, attributes.kernel, threads: threads)
  case .gridSample(let attributes):
    gridSample(out, node[0], grid: node[1], attributes.kernel, threads: threads)
  case .affineGrid(_, let alignsCorners):
    affineGrid(out, node[0], alignsCorners: alignsCorners)
  case .localResponseNorm(let norm):
    localResponseNorm(
      out, node[0], size: norm.size, alpha: Double(norm.alpha), beta: Double(norm.beta),
      bias: Double(norm.bias), isChannelsLast: norm.layout == .channelsLast, threads: threads)
  case .channelAffine(let affine):
    channelAffine(
      out, node[0], scale: node[1], shift: node[2], activation: affine.activation.kernel,
      isChannelsLast: affine.layout == .channelsLast, threads: threads)
  }
}

extension ImageWindow {
  fileprivate var kernel: SlidingWindow {
    SlidingWindow(
      image: image, places: places, size: size, strides: strides, dilations: dilations,
      before: before)
  }
}

extension Pool.Function {
  fileprivate var kernel: PoolFunction {
    switch self {
    case .maximum: .maximum
    case .average(let countsPadding): .average(countsPadding: countsPadding)
    case .norm(let p): .norm(p: p)
    }
  }
}

extension Resize {
  fileprivate var kernel: ResizeRule {
    let mode: ResizeRule.Mode =
      switch self.mode {
      case .nearest(.preferFloor): .nearest(.preferFloor)
      case .nearest(.preferCeiling): .nearest(.preferCeiling)
      case .nearest(.floor): .nearest(.floor)
      case .nearest(.ceiling): .nearest(.ceiling)
      case .nearest(.byScale): .nearest(.byScale)
      case .linear: .linear
      case .cubic(let a): .cubic(a: Double(a))
      }
    let coordinates: ResizeRule.Coordinates =
      switch self.coordinates {
      case .halfPixel: .halfPixel
      case .halfPixelSymmetric: .halfPixelSymmetric
      case .pytorchHalfPixel: .pytorchHalfPixel
      case .alignCorners: .alignCorners
      case .asymmetric: .asymmetric
      case .halfPixelForNearest: .halfPixelForNearest
      case .cropAndResize: .cropAndResize
      }
    return ResizeRule(
      mode: mode, coordinates: coordinates, isAntialiased: isAntialiased,
      excludesOutside: excludesOutside, extrapolation: Double(extrapolation))
  }
}

extension GridSample {
  fileprivate var kernel: GridSampling {
    let mode: GridSampling.Mode =
      switch self.mode {
      case .nearest: .nearest
      case .linear: .linear
      case .cubic: .cubic
      }
    let padding: GridSampling.Padding =
      switch self.padding {
      case .zeros: .zeros
      case .border: .border
      case .reflection: .reflection
      }
    return GridSampling(mode: mode, padding: padding, alignsCorners: alignsCorners)
  }
}
