import CKernels

/// How a convolution is cut up for Winograd's F(4×4, 3×3): into blocks of tiles of 4 × 4 result
/// pixels, each block perhaps into panels of outputs.
struct WinogradCut {
  /// Most tiles of a block: enough to make light of transforming weights for each block anew, few
  /// enough for their sums to stay in cache.
  private static let largestBlock = 64

  let tiles, blocks: Int

  /// nil where Winograd cannot be used or, by a model of both costs fitted to measurements, would
  /// not be faster.
  init?(_ plan: Convolution2DPlan, _ parameters: Convolution2DParameters) {
    guard plan.windowHeight == 3, plan.windowWidth == 3, parameters.strideY == 1,
      parameters.strideX == 1, parameters.dilationY == 1, parameters.dilationX == 1,
      parameters.groups == 1, plan.input.channels >= 32, plan.output.channels >= 32
    else { return nil }
    let output = plan.output
    tiles = output.count * ((output.height + 3) / 4) * ((output.width + 3) / 4)
    blocks = (tiles + Self.largestBlock - 1) / Self.largestBlock
    let transformed = 40 * tiles + 380 * blocks
    let direct = 9 * output.count * output.height * output.width
    if 10 * transformed > 9 * direct { return nil }
  }

  /// Computes all of the convolution; arguments as `plumb_winograd` has them.
  func multiply(
    _ to: UnsafeMutablePointer<Float>, _ patches: plumb_patches, _ packed: plumb_packed,
    columns: Int, _ addends: plumb_addends, _ activation: Activation, threads: Int
  ) {
    let panel = PLUMB_PANEL, panels = (columns + panel - 1) / panel
    let isEven = blocks % threads == 0 || blocks >= 4 * threads
    let across = isEven ? 1 : min(panels, threads)
    let largest = (tiles + blocks - 1) / blocks
    parallel(
      blocks * across, threads: threads,
      scratchCount: plumb_winograd_scratch(largest, patches.channels)
    ) { piece, scratch in
      let (i, j) = (piece / across, piece % across)
      let first = i * tiles / blocks, last = (i + 1) * tiles / blocks
      let left = j * panels / across * panel
      let right = min(columns, (j + 1) * panels / across * panel)
      var own = addends, view = patches
      own.bias = addends.bias.map { $0 + left }
      own.added = addends.added.map { $0 + left }
      own.residual = addends.residual.map { $0 + left }
      plumb_winograd(
        &view, first, last - first, packed, left, right - left, to + left, columns, &own,
        activation.operation, scratch)
    }
  }
}
