import GraphIR
import TensorBase

let sampleOperators: [ONNXOperator] = [
  ONNXOperator(
    "GridSample", inputs: 2...2, attributes: ["align_corners", "mode", "padding_mode"],
    expand: expandGridSample),
  ONNXOperator(
    "AffineGrid", inputs: 2...2, attributes: ["align_corners"], expand: expandAffineGrid),
  ONNXOperator(
    "RoiAlign", inputs: 3...3,
    attributes: [
      "coordinate_transformation_mode", "mode", "output_height", "output_width", "sampling_ratio",
      "spatial_scale",
    ], expand: expandRoiAlign),
  ONNXOperator(
    "MaxRoiPool", inputs: 2...2, attributes: ["pooled_shape", "spatial_scale"],
    expand: expandMaxRoiPool),
]

private func expandGridSample(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let mode: GridSample.Mode
  // Names are those of version 20, or those of version 16 for pictures.
  switch try x.string("mode", default: "linear") {
  case "nearest": mode = .nearest
  case "linear", "bilinear": mode = .linear
  case "cubic", "bicubic": mode = .cubic
  case let other: throw .unsupported("there is no mode '\(other)'")
  }
  let padding: GridSample.Padding
  switch try x.string("padding_mode", default: "zeros") {
  case "zeros": padding = .zeros
  case "border": padding = .border
  case "reflection": padding = .reflection
  case let other: throw .unsupported("there is no padding '\(other)'")
  }
  let sample = GridSample(
    mode: mode, padding: padding, alignsCorners: try x.flag("align_corners", default: false))
  return [try x.emit(.imaging(.gridSample(sample)), try x.input(0), try x.input(1))]
}

private func expandAffineGrid(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let theta = try x.input(0), size = try x.integers(of: 1)
  guard size.count >= 3, x[theta].shape.rank > 0, x[theta].shape[0] == size[0] else {
    throw .misfit("the size \(size) does not fit \(x[theta])")
  }
  return [
    try x.emit(
      .imaging(
        .affineGrid(
          sizes: Array(size.dropFirst(2)),
          alignsCorners: try x.flag("align_corners", default: false))), theta)
  ]
}

private func expandRoiAlign(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let isMaximum: Bool
  switch try x.string("mode", default: "avg") {
  case "avg": isMaximum = false
  case "max": isMaximum = true
  case let other: throw .unsupported("there is no mode '\(other)'")
  }
  // Version 10 had no choice, and no shift.
  let usual = x.version < 16 ? "output_half_pixel" : "half_pixel"
  let isHalfPixel: Bool
  switch try x.string("coordinate_transformation_mode", default: usual) {
  case "half_pixel": isHalfPixel = true
  case "output_half_pixel": isHalfPixel = false
  case let other: throw .unsupported("there are no coordinates '\(other)'")
  }
  let alignment = AlignRegions(
    size: [try x.int("output_height", default: 1), try x.int("output_width", default: 1)],
    isMaximum: isMaximum, samples: try x.int("sampling_ratio", default: 0),
    scale: try x.float("spatial_scale", default: 1), isHalfPixel: isHalfPixel)
  return [
    try x.emit(
      .imaging(.alignRegions(alignment)), try x.input(0), try x.input(1), try x.input(2))
  ]
}

private func expandMaxRoiPool(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  guard let size = try x.ints("pooled_shape") else { throw .misfit("'pooled_shape' is not there") }
  let scale = try x.float("spatial_scale", default: 1)
  return [
    try x.emit(
      .imaging(.maxRegionPool(size: size, scale: scale)), try x.input(0), try x.input(1))
  ]
}
