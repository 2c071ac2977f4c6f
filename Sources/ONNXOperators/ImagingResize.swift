import GraphIR
import TensorBase

let resizeOperators: [ONNXOperator] = [
  ONNXOperator(
    "Resize", inputs: 1...4,
    attributes: [
      "antialias", "axes", "coordinate_transformation_mode", "cubic_coeff_a", "exclude_outside",
      "extrapolation_value", "keep_aspect_ratio_policy", "mode", "nearest_mode",
    ], expand: expandResize),
  ONNXOperator(
    "Upsample", inputs: 1...2, attributes: ["mode", "scales"], expand: expandUpsample),
]

private func expandUpsample(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let scales: [Double]
  if x.optional(1) != nil {
    scales = try x.numbers(of: 1)
  } else if let listed = try x.floats("scales") {
    scales = listed.map(Double.init)
  } else {
    throw .misfit("'scales' is not there")
  }
  return [try simple(&x, scales)]
}

/// What Resize was before version 11, and Upsample: places are divided by the scale.
private func simple(_ x: inout Expansion, _ scales: [Double]) throws(ExpansionFault) -> ValueID {
  let input = try x.input(0), sizes = x[input].shape.dimensions
  guard scales.count == sizes.count else {
    throw .misfit("\(scales.count) scales do not fit \(x[input])")
  }
  let mode: Resize.Mode
  switch try x.string("mode", default: "nearest") {
  // What shrinks is rounded up: so the operator's own test cases have it.
  case "nearest": mode = .nearest(.byScale)
  case "linear", "bilinear": mode = .linear
  case let other: throw .unsupported("there is no mode '\(other)'")
  }
  let axes = try zip(sizes, scales).map { size, scale throws(ExpansionFault) in
    Resize.Axis(size: try scaled(size, scale), scale: scale)
  }
  return try x.emit(
    .imaging(.resize(Resize(mode: mode, coordinates: .asymmetric, axes: axes))), input)
}

/// ⌊size · scale⌋, in f32 as other programs have it.
private func scaled(_ size: Int, _ scale: Double) throws(ExpansionFault) -> Int {
  let product = (Float(size) * Float(scale)).rounded(.down)
  guard scale > 0, product < 1e12 else {
    throw .misfit("a scale of \(scale) makes no sense on \(size) pixels")
  }
  return Int(product)
}

private func expandResize(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  if x.version < 11 { return [try simple(&x, try x.numbers(of: 1))] }
  let input = try x.input(0), rank = x[input].shape.rank
  let coordinates = try coordinates(x)
  let mode = try mode(x)
  let isAntialiased = try x.flag("antialias", default: false)
  if isAntialiased, case .nearest = mode {
    throw .misfit("there is no antialiasing for 'nearest'")
  }
  let chosen = try chosenAxes(x, rank)
  var axes = x[input].shape.dimensions.map { Resize.Axis(size: $0, scale: 1) }
  if isPresent(x, 2) {
    let scales = try x.numbers(of: 2)
    guard scales.count == chosen.count else {
      throw .misfit("\(scales.count) scales do not fit \(chosen.count) axes")
    }
    for (axis, scale) in zip(chosen, scales) {
      axes[axis].scale = scale
      axes[axis].size = try scaled(axes[axis].size, scale)
    }
  } else {
    try setSizes(&axes, chosen, x)
  }
  if coordinates == .cropAndResize {
    let roi = try x.numbers(of: 1)
    guard roi.count == 2 * chosen.count else {
      throw .misfit("\(roi.count) numbers are no region of \(chosen.count) axes")
    }
    for (place, axis) in chosen.enumerated() {
      axes[axis].start = roi[place]
      axes[axis].end = roi[chosen.count + place]
    }
  }
  let resize = Resize(
    mode: mode, coordinates: coordinates, isAntialiased: isAntialiased,
    excludesOutside: try x.flag("exclude_outside", default: false),
    extrapolation: try x.float("extrapolation_value", default: 0), axes: axes)
  return [try x.emit(.imaging(.resize(resize)), input)]
}

/// Whether an input is there and holds anything: an empty list stands for nothing.
private func isPresent(_ x: borrowing Expansion, _ index: Int) -> Bool {
  x.optional(index).map { x[$0].shape.count > 0 } ?? false
}

private func setSizes(
  _ axes: inout [Resize.Axis], _ chosen: [Int], _ x: borrowing Expansion
) throws(ExpansionFault) {
  guard isPresent(x, 3) else {
    // No axis has no size and no scale.
    if chosen.isEmpty { return }
    throw .misfit("neither scales nor sizes are there")
  }
  let sizes = try x.integers(of: 3)
  guard sizes.count == chosen.count, sizes.allSatisfy({ (0...(1 << 40)).contains($0) }) else {
    throw .misfit("the sizes \(sizes) do not fit \(chosen.count) axes")
  }
  let ratios = zip(chosen, sizes).map { Double($1) / Double(max(axes[$0].size, 1)) }
  switch try x.string("keep_aspect_ratio_policy", default: "stretch") {
  case "stretch":
    for (place, axis) in chosen.enumerated() {
      axes[axis] = Resize.Axis(size: sizes[place], scale: ratios[place])
    }
  case let policy where policy == "not_larger" || policy == "not_smaller":
    let scale = (policy == "not_larger" ? ratios.min() : ratios.max()) ?? 1
    for axis in chosen {
      let size = (scale * Double(axes[axis].size) + 0.5).rounded(.down)
      guard size < 1e12 else { throw .misfit("the sizes \(sizes) make no sense") }
      axes[axis] = Resize.Axis(size: Int(size), scale: scale)
    }
  case let other: throw .unsupported("there is no aspect ratio policy '\(other)'")
  }
}

private func chosenAxes(_ x: borrowing Expansion, _ rank: Int) throws(ExpansionFault) -> [Int] {
  guard let listed = try x.ints("axes") else { return Array(0..<rank) }
  let axes = listed.map { $0 < 0 ? $0 &+ rank : $0 }
  guard axes.allSatisfy({ (0..<rank).contains($0) }), Set(axes).count == axes.count else {
    throw .misfit("the axes \(listed) do not fit \(rank) axes")
  }
  return axes
}

private func mode(_ x: borrowing Expansion) throws(ExpansionFault) -> Resize.Mode {
  switch try x.string("mode", default: "nearest") {
  case "nearest":
    switch try x.string("nearest_mode", default: "round_prefer_floor") {
    case "round_prefer_floor": .nearest(.preferFloor)
    case "round_prefer_ceil": .nearest(.preferCeiling)
    case "floor": .nearest(.floor)
    case "ceil": .nearest(.ceiling)
    case let other: throw .unsupported("there is no rounding '\(other)'")
    }
  case "linear": .linear
  case "cubic": .cubic(a: try x.float("cubic_coeff_a", default: -0.75))
  case let other: throw .unsupported("there is no mode '\(other)'")
  }
}

private func coordinates(_ x: borrowing Expansion) throws(ExpansionFault) -> Resize.Coordinates {
  switch try x.string("coordinate_transformation_mode", default: "half_pixel") {
  case "half_pixel": .halfPixel
  case "half_pixel_symmetric": .halfPixelSymmetric
  case "pytorch_half_pixel": .pytorchHalfPixel
  case "align_corners": .alignCorners
  case "asymmetric": .asymmetric
  case "tf_half_pixel_for_nn": .halfPixelForNearest
  case "tf_crop_and_resize": .cropAndResize
  case let other: throw .unsupported("there are no coordinates '\(other)'")
  }
}
