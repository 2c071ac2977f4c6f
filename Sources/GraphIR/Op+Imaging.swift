import TensorBase

/// Ops on images with any number of spatial axes: [N, C, …], and where an op has a layout and two
/// spatial axes also [N, H, W, C].
package enum ImagingOp: Hashable, Sendable {
  /// x [N, I, …], weight [O, I/groups, …], [bias O] → [N, O, …]; f32, f64 or i32.
  case convolution(ImageWindow, groups: Int)
  /// x [N, I, …], weight [I, O/groups, …], [bias O] → [N, O, …]; f32 or f64. The window slides over
  /// the result, with an entry of x per place. Channels last, the weight is [I, kh, kw, O].
  case transposedConvolution(ImageWindow, groups: Int, layout: ImageLayout = .channelsFirst)
  /// x [N, I, …], weight [O, I/groups, …], offsets [N, offsetGroups · taps · axes, …], [bias O],
  /// [mask [N, offsetGroups · taps, …]] → [N, O, …]; f32 or f64. Taps are shifted by the offsets, read
  /// between pixels and multiplied by the mask.
  case deformableConvolution(ImageWindow, groups: Int, offsetGroups: Int)
  /// columns [N, C · taps, places] → [N, C, …]: what falls on one pixel is added.
  case columnsToImage(ImageWindow)
  /// x [N, C, …] → [N, C, …], for a maximum also where it was found (i64, counted over all of x).
  case pool(Pool)
  /// x, indices (i64) → each element at its index in a tensor of the sizes `indexed`, and that in
  /// the corner of zeros of the sizes `result`.
  case maxUnpool(indexed: [Int], result: [Int])
  /// x [N, C, H, W], regions [K, 4], pictures [K] (integers) → [K, C, h, w].
  case alignRegions(AlignRegions)
  /// x [N, C, H, W], regions [K, 5] → [K, C, h, w].
  case maxRegionPool(size: [Int], scale: Float)
  case resize(Resize)
  /// x [N, C, D₁…Dᵣ], grid [N, P₁…Pᵣ, r] → [N, C, P₁…Pᵣ].
  case gridSample(GridSample)
  /// theta [N, r, r + 1] → [N, size₁…sizeᵣ, r].
  case affineGrid(sizes: [Int], alignsCorners: Bool)
  case localResponseNorm(LocalResponseNorm)
  /// x [N, C, …], scale [C], shift [C] → activation(x · scale + shift); f32.
  case channelAffine(ChannelAffine)

  package var name: String {
    switch self {
    case .convolution: "convolutionAny"
    case .transposedConvolution: "transposedConvolution"
    case .deformableConvolution: "deformableConvolution"
    case .columnsToImage: "columnsToImage"
    case .pool: "pool"
    case .maxUnpool: "maxUnpool"
    case .alignRegions: "alignRegions"
    case .maxRegionPool: "maxRegionPool"
    case .resize: "resize"
    case .gridSample: "gridSample"
    case .affineGrid: "affineGrid"
    case .localResponseNorm: "localResponseNorm"
    case .channelAffine: "channelAffine"
    }
  }

  package var inputCounts: ClosedRange<Int> {
    switch self {
    case .convolution, .transposedConvolution: 2...3
    case .deformableConvolution: 3...5
    case .columnsToImage, .pool, .resize, .affineGrid, .localResponseNorm: 1...1
    case .maxUnpool, .maxRegionPool, .gridSample: 2...2
    case .alignRegions, .channelAffine: 3...3
    }
  }

  package var requiredInputs: Int { inputCounts.lowerBound }

  package var outputCount: Int {
    switch self {
    case .pool(let pool): if case .maximum = pool.function { 2 } else { 1 }
    case .convolution, .transposedConvolution, .deformableConvolution, .columnsToImage, .maxUnpool,
      .alignRegions, .maxRegionPool, .resize, .gridSample, .affineGrid, .localResponseNorm,
      .channelAffine:
      1
    }
  }

  /// Whether the op is worth a transposition to [N, H, W, C].
  var prefersChannelsLast: Bool {
    switch self {
    case .pool, .transposedConvolution: true
    case .convolution, .deformableConvolution, .columnsToImage, .maxUnpool,
      .alignRegions, .maxRegionPool, .resize, .gridSample, .affineGrid, .localResponseNorm,
      .channelAffine:
      false
    }
  }

  /// The op on [N, H, W, C], where it has that and does not lie so already.
  var channelsLast: ImagingOp? {
    switch self {
    case .pool(var pool):
      if case .norm = pool.function { return nil }
      guard pool.layout == .channelsFirst, pool.window.image.count == 2 else { return nil }
      pool.layout = .channelsLast
      return .pool(pool)
    case .resize(var resize):
      guard resize.axes.count == 4 else { return nil }
      resize.axes = [0, 2, 3, 1].map { resize.axes[$0] }
      return .resize(resize)
    case .localResponseNorm(var norm):
      guard norm.layout == .channelsFirst else { return nil }
      norm.layout = .channelsLast
      return .localResponseNorm(norm)
    case .channelAffine(var affine):
      guard affine.layout == .channelsFirst else { return nil }
      affine.layout = .channelsLast
      return .channelAffine(affine)
    case .transposedConvolution(let window, groups: 1, .channelsFirst):
      return window.image.count == 2
        ? .transposedConvolution(window, groups: 1, layout: .channelsLast) : nil
    case .convolution, .transposedConvolution, .deformableConvolution, .columnsToImage, .maxUnpool,
      .alignRegions, .maxRegionPool, .gridSample, .affineGrid:
      return nil
    }
  }
}

/// A window that slides over the spatial axes of an image: tap t of place p sees the image at
/// p · stride + t · dilation − before, along each axis.
package struct ImageWindow: Hashable, Sendable {
  /// Spatial sizes of the image, and how many places the window has.
  package var image, places: [Int]
  package var size, strides, dilations: [Int]
  /// Padding in front of each axis; negative cuts off.
  package var before: [Int]

  package init(
    image: [Int], places: [Int], size: [Int], strides: [Int], dilations: [Int], before: [Int]
  ) {
    self.image = image
    self.places = places
    self.size = size
    self.strides = strides
    self.dilations = dilations
    self.before = before
  }
}

package struct Pool: Hashable, Sendable {
  package enum Function: Hashable, Sendable {
    case maximum
    /// With `countsPadding`, zeros of the padding count as elements.
    case average(countsPadding: Bool)
    /// (Σ |x|ᵖ)^(1/p)
    case norm(p: Int)
  }

  package var function: Function
  package var window: ImageWindow
  /// Padding behind each axis.
  package var after: [Int]
  /// Whether indices count the first spatial axis fastest.
  package var isColumnMajor: Bool
  package var layout: ImageLayout

  package init(
    _ function: Function, _ window: ImageWindow, after: [Int], isColumnMajor: Bool = false,
    layout: ImageLayout = .channelsFirst
  ) {
    self.function = function
    self.window = window
    self.after = after
    self.isColumnMajor = isColumnMajor
    self.layout = layout
  }
}

package struct AlignRegions: Hashable, Sendable {
  /// Height and width of the results.
  package var size: [Int]
  package var isMaximum: Bool
  /// Samples of a result along each axis; 0 for as many as it covers pixels.
  package var samples: Int
  package var scale: Float
  package var isHalfPixel: Bool

  package init(size: [Int], isMaximum: Bool, samples: Int, scale: Float, isHalfPixel: Bool) {
    self.size = size
    self.isMaximum = isMaximum
    self.samples = samples
    self.scale = scale
    self.isHalfPixel = isHalfPixel
  }
}

/// x → x with other sizes; any rank and type.
package struct Resize: Hashable, Sendable {
  package enum Mode: Hashable, Sendable {
    case nearest(Rounding)
    case linear
    case cubic(a: Float)
  }

  package enum Rounding: Hashable, Sendable {
    case preferFloor, preferCeiling, floor, ceiling
    /// Up where the axis shrinks, else down.
    case byScale
  }

  package enum Coordinates: Hashable, Sendable {
    case halfPixel, halfPixelSymmetric, pytorchHalfPixel, alignCorners, asymmetric
    case halfPixelForNearest, cropAndResize
  }

  /// One axis: its size in the result, what its places are divided by, and the part that
  /// `cropAndResize` takes.
  package struct Axis: Hashable, Sendable {
    package var size: Int
    package var scale: Double
    package var start, end: Double

    package init(size: Int, scale: Double, start: Double = 0, end: Double = 1) {
      self.size = size
      self.scale = scale
      self.start = start
      self.end = end
    }
  }

  package var mode: Mode
  package var coordinates: Coordinates
  package var isAntialiased: Bool
  package var excludesOutside: Bool
  package var extrapolation: Float
  /// As many as x has.
  package var axes: [Axis]

  package init(
    mode: Mode, coordinates: Coordinates, isAntialiased: Bool = false,
    excludesOutside: Bool = false, extrapolation: Float = 0, axes: [Axis]
  ) {
    self.mode = mode
    self.coordinates = coordinates
    self.isAntialiased = isAntialiased
    self.excludesOutside = excludesOutside
    self.extrapolation = extrapolation
    self.axes = axes
  }
}

package struct GridSample: Hashable, Sendable {
  package enum Mode: Hashable, Sendable { case nearest, linear, cubic }
  package enum Padding: Hashable, Sendable { case zeros, border, reflection }

  package var mode: Mode
  package var padding: Padding
  package var alignsCorners: Bool

  package init(mode: Mode, padding: Padding, alignsCorners: Bool) {
    self.mode = mode
    self.padding = padding
    self.alignsCorners = alignsCorners
  }
}

/// x → x / (bias + alpha / size · Σ of the squares of `size` channels around)^beta; any float type.
package struct LocalResponseNorm: Hashable, Sendable {
  package var size: Int
  package var alpha, beta, bias: Float
  package var layout: ImageLayout

  package init(
    size: Int, alpha: Float, beta: Float, bias: Float, layout: ImageLayout = .channelsFirst
  ) {
    self.size = size
    self.alpha = alpha
    self.beta = beta
    self.bias = bias
    self.layout = layout
  }
}

package struct ChannelAffine: Hashable, Sendable {
  package var activation: Unary?
  package var layout: ImageLayout

  package init(activation: Unary? = nil, layout: ImageLayout = .channelsFirst) {
    self.activation = activation
    self.layout = layout
  }
}
