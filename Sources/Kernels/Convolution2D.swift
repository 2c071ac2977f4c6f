import CKernels
import TensorBase

/// A two-dimensional convolution's attributes, vertical before horizontal.
package struct Convolution2DParameters: Sendable {
  package var strideY = 1, strideX = 1
  /// Zeros added around the picture.
  package var top = 0, left = 0, bottom = 0, right = 0
  package var dilationY = 1, dilationX = 1
  package var groups = 1
  package var activation = Activation.identity
  /// Rules out algorithms that save multiplications at the price of precision (Winograd's, whose
  /// errors are about ten times larger).
  package var isExact = false

  package init(
    strides: (Int, Int) = (1, 1),
    padding: (top: Int, left: Int, bottom: Int, right: Int) = (0, 0, 0, 0),
    dilations: (Int, Int) = (1, 1), groups: Int = 1, activation: Activation = .identity,
    isExact: Bool = false
  ) {
    (strideY, strideX) = strides
    (top, left, bottom, right) = padding
    (dilationY, dilationX) = dilations
    self.groups = groups
    self.activation = activation
    self.isExact = isExact
  }

  /// Rows and columns of the result for a picture and a window of these sizes.
  package func outputSize(height: Int, width: Int, windowHeight: Int, windowWidth: Int) -> (
    height: Int, width: Int
  ) {
    (
      (height + top + bottom - dilationY * (windowHeight - 1) - 1) / strideY + 1,
      (width + left + right - dilationX * (windowWidth - 1) - 1) / strideX + 1
    )
  }
}

/// What a convolution adds to its sums; each may be absent.
package struct Convolution2DAddends {
  /// [O]
  package var bias: TensorView?
  /// [N, O] or [1, O], perhaps with axes of 1 behind: one value per picture and channel.
  package var vector: TensorView?
  /// The output's shape.
  package var residual: TensorView?

  package init(
    bias: TensorView? = nil, vector: TensorView? = nil, residual: TensorView? = nil
  ) {
    self.bias = bias
    self.vector = vector
    self.residual = residual
  }
}

/// out[n, y, x, o] = activation(Σ x[n, y·s + i·d − top, x·s + j·d − left, c] · weight[i, j, c, o]
/// + bias[o] + vector[n, o] + residual[n, y, x, o]); outside the picture x is 0.
///
/// Channels last: x [N, H, W, I], weight [kh, kw, I/groups, O], out [N, H', W', O]; f32.
package func convolution2D(
  _ out: MutableTensorView, _ x: TensorView, weight: TensorView, adding: Convolution2DAddends,
  _ parameters: Convolution2DParameters, threads: Int
) {
  let plan = Convolution2DPlan(out, x, weightShape: weight.shape, adding, parameters, .channelsLast)
  if plan.groupInputs == 1 && parameters.groups == plan.output.channels {
    return depthwiseConvolution2D(plan, out, x, weight, adding, parameters, threads: threads)
  }
  let patch = plan.windowHeight * plan.windowWidth * plan.groupInputs
  let rows = plan.output.height * plan.output.width
  let outputs = plan.output.channels, groupOutputs = outputs / parameters.groups
  let inputs = plan.input.channels
  let to = out.floats, from = x.floats, w = weight.floats
  let bias = adding.bias?.floats, residual = adding.residual?.floats
  let isPointwise =
    plan.windowHeight == 1 && plan.windowWidth == 1 && parameters.strideY == 1
    && parameters.strideX == 1 && parameters.top == 0 && parameters.left == 0
    && parameters.bottom == 0 && parameters.right == 0

  // Blocks of rows: large enough for the product to be efficient, small enough for the patches to
  // stay in cache; when a picture has few rows, also by columns, and patches are made per piece.
  let block = max(16, min(256, 1_048_576 / patch, (rows + threads - 1) / threads))
  let blocks = (rows + block - 1) / block
  let pieces = plan.input.count * parameters.groups * blocks
  parallel(pieces, threads: threads, scratchCount: isPointwise ? 0 : block * patch) {
    piece, patches in
    let first = piece % blocks * block, count = min(block, rows - first)
    let group = piece / blocks % parameters.groups, n = piece / blocks / parameters.groups
    let channel = group * plan.groupInputs, o = group * groupOutputs
    let a: Matrix
    if isPointwise {
      a = Matrix(base: from + (n * rows + first) * inputs + channel, stride: inputs)
    } else {
      plan.gather(from, n, channel, first..<(first + count), into: patches)
      a = Matrix(base: patches, stride: patch)
    }
    let target = to + (n * rows + first) * outputs + o
    multiply(
      target, stride: outputs, a, Matrix(base: w + o, stride: outputs), m: count, n: groupOutputs,
      k: patch)
    plumb_epilogue(
      target, outputs, count, groupOutputs, bias.map { $0 + o },
      plan.vectorRow(n).map { $0 + o }, residual.map { $0 + (n * rows + first) * outputs + o },
      outputs, parameters.activation.operation)
  }
}

/// `convolution2D` in either layout, one element at a time with sums in double.
package func convolution2DReference(
  _ out: MutableTensorView, _ x: TensorView, weight: TensorView, adding: Convolution2DAddends,
  _ parameters: Convolution2DParameters, layout: PixelLayout
) {
  let plan = Convolution2DPlan(out, x, weightShape: weight.shape, adding, parameters, layout)
  let groupOutputs = plan.output.channels / parameters.groups
  for n in 0..<plan.output.count {
    for o in 0..<plan.output.channels {
      for y in 0..<plan.output.height {
        for column in 0..<plan.output.width {
          var sum = 0.0
          for i in 0..<plan.windowHeight {
            for j in 0..<plan.windowWidth {
              let fromY = y * parameters.strideY + i * parameters.dilationY - parameters.top
              let fromX = column * parameters.strideX + j * parameters.dilationX - parameters.left
              guard fromY >= 0, fromY < plan.input.height, fromX >= 0, fromX < plan.input.width
              else { continue }
              for c in 0..<plan.groupInputs {
                let channel = o / groupOutputs * plan.groupInputs + c
                sum +=
                  Double(x.floats[plan.input.offset(n, channel, fromY, fromX)])
                  * Double(weight.floats[plan.weightOffset(o, c, i, j)])
              }
            }
          }
          let at = plan.output.offset(n, o, y, column)
          if let bias = adding.bias { sum += Double(bias.floats[o]) }
          if let vector = plan.vectorRow(n) { sum += Double(vector[o]) }
          if let residual = adding.residual { sum += Double(residual.floats[at]) }
          out.floats[at] = Float(parameters.activation(sum))
        }
      }
    }
  }
}

struct Convolution2DPlan {
  let input, output: Pixels
  let windowHeight, windowWidth, groupInputs: Int
  private let parameters: Convolution2DParameters
  private let layout: PixelLayout
  private let vector: UnsafePointer<Float>?
  /// Elements from one picture's added vector to the next's: 0 when they share one.
  let vectorStride: Int

  init(
    _ out: MutableTensorView, _ x: TensorView, weightShape: Shape,
    _ adding: Convolution2DAddends, _ parameters: Convolution2DParameters, _ layout: PixelLayout
  ) {
    input = layout.pixels(x.shape)
    output = layout.pixels(out.shape)
    precondition(weightShape.rank == 4)
    let (h, w, i, o) =
      layout == .channelsLast ? (0, 1, 2, 3) : (2, 3, 1, 0)
    windowHeight = weightShape[h]
    windowWidth = weightShape[w]
    groupInputs = weightShape[i]
    precondition(
      parameters.groups > 0 && groupInputs * parameters.groups == input.channels
        && output.channels % parameters.groups == 0 && weightShape[o] == output.channels,
      "convolution of \(x.shape) with \(weightShape) to \(out.shape)")
    let size = parameters.outputSize(
      height: input.height, width: input.width, windowHeight: windowHeight,
      windowWidth: windowWidth)
    precondition(output.count == input.count && size == (output.height, output.width))
    precondition(adding.bias == nil || adding.bias?.shape.count == output.channels)
    precondition(adding.residual == nil || adding.residual?.shape == out.shape)
    if let added = adding.vector {
      precondition(
        added.shape.count == output.channels || added.shape.count == input.count * output.channels)
      vectorStride = added.shape.count == output.channels ? 0 : output.channels
      vector = added.floats
    } else {
      vectorStride = 0
      vector = nil
    }
    self.parameters = parameters
    self.layout = layout
  }

  /// The added vector of picture `n`, [O].
  func vectorRow(_ n: Int) -> UnsafePointer<Float>? { vector.map { $0 + n * vectorStride } }

  func weightOffset(_ o: Int, _ c: Int, _ i: Int, _ j: Int) -> Int {
    switch layout {
    case .channelsFirst:
      ((o * groupInputs + c) * windowHeight + i) * windowWidth + j
    case .channelsLast:
      ((i * windowWidth + j) * groupInputs + c) * output.channels + o
    }
  }

  /// Writes the patches [rows, kh, kw, I/groups] that the result's pixels `rows` of picture `n`
  /// see, from channel `channel` on; channels last.
  func gather(
    _ x: UnsafePointer<Float>, _ n: Int, _ channel: Int, _ rows: Range<Int>,
    into patches: UnsafeMutablePointer<Float>
  ) {
    var to = patches
    for row in rows {
      let top = row / output.width * parameters.strideY - parameters.top
      let left = row % output.width * parameters.strideX - parameters.left
      for i in 0..<windowHeight {
        let y = top + i * parameters.dilationY
        for j in 0..<windowWidth {
          let column = left + j * parameters.dilationX
          if y >= 0 && y < input.height && column >= 0 && column < input.width {
            to.update(from: x + input.offset(n, channel, y, column), count: groupInputs)
          } else {
            to.update(repeating: 0, count: groupInputs)
          }
          to += groupInputs
        }
      }
    }
  }
}
