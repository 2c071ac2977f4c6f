import CKernels
import TensorBase

/// The shape of a packed weight of `inputs` (K) by `outputs` (N): panels of 32 outputs, [⌈N/32⌉,
/// K, 32], zeros behind output N; of i8, with four rows of 32 bytes before a panel's others, its
/// outputs' scales in f32. The same on every processor.
package func packedShape(inputs: Int, outputs: Int, type: ElementType = .f32) -> Shape {
  let panel = PLUMB_PANEL
  return [(outputs + panel - 1) / panel, headRows(type) + inputs, panel]
}

/// Rows of a panel before those with elements.
private func headRows(_ type: ElementType) -> Int { type == .i8 ? PLUMB_SCALE_ROWS : 0 }

/// Packs the weight of a linear, [O, I], or of a convolution of one group, [O, I, kh, kw], into
/// `out` of `packedShape(inputs: kh·kw·I, outputs: O)`; the rows of a panel are in [kh, kw, I]
/// order. Both are f32, f16, bf16 or i8, which alone has `scales` [O], f32.
package func packWeight(
  _ out: MutableTensorView, _ weight: TensorView, scales: TensorView? = nil, threads: Int
) {
  precondition(weight.shape.rank == 2 || weight.shape.rank == 4)
  let outputs = weight.shape[0], inputs = weight.shape[1], panel = PLUMB_PANEL
  let window = weight.shape.dimensions.dropFirst(2).reduce(1, *)
  precondition(out.shape == packedShape(inputs: inputs * window, outputs: outputs, type: out.type))
  precondition((out.type == .i8) == (scales != nil) && scales.map { $0.shape == [outputs] } ?? true)
  precondition(out.type == weight.type && packedType(out.type) != nil, "\(out.type) is not packed")
  let to = out.base, from = weight.base, head = headRows(out.type)
  // Few inputs at a time, so that what is read for one place of the window is still in cache for
  // the next.
  let step = window == 1 ? inputs : 16
  parallel(out.shape[0], threads: threads) { number in
    let first = number * panel, rows = number * (head + window * inputs) + head
    if let scales {
      let own = (to + (rows - head) * panel).assumingMemoryBound(to: Float.self)
      for place in 0..<panel {
        own[place] = first + place < outputs ? scales.floats[first + place] : 0
      }
    }
    for input in stride(from: 0, to: inputs, by: max(1, step)) {
      for place in 0..<window {
        let source = (first * inputs + input) * window + place
        let target = (rows + place * inputs + input) * panel
        let count = min(step, inputs - input)
        if out.type == .i8 {
          plumb_pack_bytes(
            from.assumingMemoryBound(to: Int8.self) + source, window, inputs * window, count,
            outputs - first, 0, 1, to.assumingMemoryBound(to: Int8.self) + target)
        } else if out.type == .f32 {
          plumb_pack(
            from.assumingMemoryBound(to: Float.self) + source, window, inputs * window, count,
            outputs - first, 0, 1, to.assumingMemoryBound(to: Float.self) + target)
        } else {
          plumb_pack_halves(
            from.assumingMemoryBound(to: UInt16.self) + source, window, inputs * window, count,
            outputs - first, 0, 1, to.assumingMemoryBound(to: UInt16.self) + target)
        }
      }
    }
  }
}

/// The kernels' name of a type that packed weights may have; nil for other types.
private func packedType(_ type: ElementType) -> plumb_packed_type? {
  switch type {
  case .f32: PLUMB_F32
  case .f16: PLUMB_F16
  case .bf16: PLUMB_BF16
  case .i8: PLUMB_I8
  default: nil
  }
}

extension TensorView {
  /// The elements as a packed matrix. Traps when they are not f32, f16, bf16 or i8.
  fileprivate var packed: plumb_packed {
    guard let type = packedType(type) else {
      preconditionFailure("a product was given a packed weight of \(type)")
    }
    return plumb_packed(base: base, type: type)
  }
}

/// `linear` with a packed weight: out[…, n] = activation(Σₖ x[…, k] · weight[n, k] + bias[n] +
/// residual[…, n]).
///
/// x [rows…, K], packed as `packWeight` makes it, bias [N], residual and out [rows…, N]; f32 but
/// for the weight, which may be f16, bf16 or i8 and counts as the f32 it stands for.
package func linear(
  _ out: MutableTensorView, _ x: TensorView, packed: TensorView, bias: TensorView? = nil,
  residual: TensorView? = nil, activation: Activation = .identity, threads: Int
) {
  precondition(x.shape.rank >= 1 && out.shape.rank == x.shape.rank)
  let n = out.shape[-1]
  precondition(x.shape.dimensions.dropLast() == out.shape.dimensions.dropLast())
  precondition(
    packed.shape == packedShape(inputs: x.shape[-1], outputs: n, type: packed.type))
  precondition(bias == nil || bias?.shape == [n])
  precondition(residual == nil || residual?.shape == out.shape)
  let patches = plumb_patches(rowsOf: x)
  multiply(
    out.floats, patches, packed.packed, rows: patches.height, columns: n,
    plumb_addends(
      bias: bias?.floats, added: nil, residual: residual?.floats, added_stride: 0, ldr: n),
    activation, threads: threads)
}

/// `linear` with a packed weight of 2M outputs, and `gated` behind it: out[…, m] = y[…, m] ·
/// function(y[…, M + m]), where y[…, n] = Σₖ x[…, k] · weight[n, k] + bias[n]. y is never whole: a
/// block of both its halves is in cache when they are multiplied.
///
/// x [rows…, K], packed as `packWeight` makes it, bias [2M], out [rows…, M], M a multiple of
/// `PackedWeight`'s panel of 32; f32 but for the weight, as in `linear`.
package func gatedLinear(
  _ out: MutableTensorView, _ x: TensorView, packed: TensorView, bias: TensorView? = nil,
  _ function: Activation, threads: Int
) {
  precondition(x.shape.rank >= 1 && out.shape.rank == x.shape.rank)
  let panel = PLUMB_PANEL, width = out.shape[-1]
  precondition(x.shape.dimensions.dropLast() == out.shape.dimensions.dropLast())
  precondition(width % panel == 0, "halves of \(width) columns are no whole panels")
  precondition(
    packed.shape == packedShape(inputs: x.shape[-1], outputs: 2 * width, type: packed.type))
  precondition(bias == nil || bias?.shape == [2 * width])
  let patches = plumb_patches(rowsOf: x), weight = packed.packed
  let (rows, panels) = (patches.height, width / panel)
  if rows == 0 || width == 0 { return }
  let down = (rows + PLUMB_BLOCK - 1) / PLUMB_BLOCK
  let across = max((2 * panels + PLUMB_BLOCK_PANELS - 1) / PLUMB_BLOCK_PANELS, min(threads, panels))
  let stride = (panels + across - 1) / across * 2 * panel
  let to = out.floats, bias = bias?.floats
  parallel(
    down * across, threads: threads,
    scratchCount: PLUMB_PRODUCT_SCRATCH + PLUMB_BLOCK * stride
  ) { piece, scratch in
    let (i, j) = (piece / across, piece % across)
    let top = i * rows / down, count = (i + 1) * rows / down - top
    let left = j * panels / across * panel, columns = (j + 1) * panels / across * panel - left
    let halves = scratch + PLUMB_PRODUCT_SCRATCH
    var view = patches
    for (half, column) in [left, width + left].enumerated() {
      var addends = plumb_addends(
        bias: bias.map { $0 + column }, added: nil, residual: nil, added_stride: 0, ldr: 0)
      plumb_product(
        &view, top, count, weight, column, columns, halves + half * columns, stride, &addends,
        PLUMB_IDENTITY, scratch)
    }
    plumb_gated(
      function.operation, halves, halves + columns, stride, to + top * width + left, width, count,
      columns)
  }
}

/// `convolution2D` with a packed weight, one group; `window` is its height and width. By
/// Winograd's minimal filtering where that is faster and `parameters` allow it.
///
/// Channels last: x [N, H, W, I], packed as `packWeight` makes it, out [N, H', W', O]; f32 but for
/// the weight, which may be f16, bf16 or i8 and counts as the f32 it stands for.
package func convolution2D(
  _ out: MutableTensorView, _ x: TensorView, packed: TensorView,
  window: (height: Int, width: Int), adding: Convolution2DAddends,
  _ parameters: Convolution2DParameters, threads: Int
) {
  precondition(parameters.groups == 1, "a packed convolution has one group")
  let plan = Convolution2DPlan(
    out, x, weightShape: [window.height, window.width, x.shape[-1], out.shape[-1]], adding,
    parameters, .channelsLast)
  let (input, output) = (plan.input, plan.output)
  precondition(
    packed.shape
      == packedShape(
        inputs: window.height * window.width * input.channels, outputs: output.channels,
        type: packed.type))
  let patches = plumb_patches(
    base: x.floats, picture_stride: input.height * input.width * input.channels,
    height: input.height, width: input.width, channels: input.channels,
    pixel_stride: input.channels, window_height: window.height, window_width: window.width,
    stride_y: parameters.strideY, stride_x: parameters.strideX, dilation_y: parameters.dilationY,
    dilation_x: parameters.dilationX, top: parameters.top, left: parameters.left,
    result_height: output.height, result_width: output.width)
  let addends = plumb_addends(
    bias: adding.bias?.floats, added: plan.vectorRow(0), residual: adding.residual?.floats,
    added_stride: plan.vectorStride, ldr: output.channels)
  if !parameters.isExact, let cut = WinogradCut(plan, parameters) {
    cut.multiply(
      out.floats, patches, packed.packed, columns: output.channels, addends,
      parameters.activation, threads: threads)
  } else {
    multiply(
      out.floats, patches, packed.packed, rows: output.count * output.height * output.width,
      columns: output.channels, addends, parameters.activation, threads: threads)
  }
}

extension plumb_patches {
  /// The rows of x [rows…, K]: patches of a picture one pixel wide.
  fileprivate init(rowsOf x: TensorView) {
    let rows = x.shape.dimensions.dropLast().reduce(1, *), depth = x.shape[-1]
    self.init(
      base: x.floats, picture_stride: 0, height: rows, width: 1, channels: depth,
      pixel_stride: depth, window_height: 1, window_width: 1, stride_y: 1, stride_x: 1,
      dilation_y: 1, dilation_x: 1, top: 0, left: 0, result_height: rows, result_width: 1)
  }
}

/// Cuts the result into pieces and multiplies: by rows while each piece fills a block of the
/// kernel's, else by columns too, so that few rows still use all threads.
private func multiply(
  _ to: UnsafeMutablePointer<Float>, _ patches: plumb_patches, _ packed: plumb_packed,
  rows: Int, columns: Int, _ addends: plumb_addends, _ activation: Activation, threads: Int
) {
  if rows == 0 || columns == 0 { return }
  let panel = PLUMB_PANEL, block = PLUMB_BLOCK
  let panels = (columns + panel - 1) / panel
  var down = (rows + block - 1) / block, across = 1
  if threads > 1 {
    if down >= 2 * threads {
      down = (down + threads - 1) / threads * threads
    } else {
      across = min(panels, threads)
      if across < threads { down = max(down, min(rows, threads)) }
    }
  }
  parallel(down * across, threads: threads, scratchCount: PLUMB_PRODUCT_SCRATCH) {
    piece, scratch in
    let (i, j) = (piece / across, piece % across)
    let top = i * rows / down, bottom = (i + 1) * rows / down
    let left = j * panels / across * panel
    let right = min(columns, (j + 1) * panels / across * panel)
    var own = addends, view = patches
    own.bias = addends.bias.map { $0 + left }
    own.added = addends.added.map { $0 + left }
    own.residual = addends.residual.map { $0 + top * columns + left }
    plumb_product(
      &view, top, bottom - top, packed, left, right - left, to + top * columns + left, columns,
      &own, activation.operation, scratch)
  }
}
