import Foundation
import GraphIR
import TensorBase

let spectralOperators: [ONNXOperator] =
  [
    ONNXOperator(
      "DFT", inputs: 1...3, attributes: ["axis", "inverse", "onesided"], expand: expandDFT),
    ONNXOperator("STFT", inputs: 2...4, attributes: ["onesided"], expand: expandSTFT),
    ONNXOperator(
      "MelWeightMatrix", inputs: 5...5, attributes: ["output_datatype"],
      expand: expandMelWeightMatrix),
    window("HannWindow") { 0.5 - 0.5 * cos($0) },
    window("HammingWindow") { 25.0 / 46 - 21.0 / 46 * cos($0) },
    window("BlackmanWindow") { 0.42 - 0.5 * cos($0) + 0.08 * cos(2 * $0) },
  ]

private func expandDFT(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let input = try x.input(0)
  let (type, shape) = (x[input].type, x[input].shape)
  guard shape.rank >= 2 else { throw .misfit("the signal \(x[input]) has fewer than two axes") }
  var axis = x.version >= 20 ? -2 : try x.int("axis", default: 1)
  if x.version >= 20, x.optional(2) != nil { axis = try single(x, 2, "axis") }
  axis = try x.axis(axis, rank: shape.rank)
  let isInverse = try x.flag("inverse", default: false)
  let isHalf = try x.flag("onesided", default: false)
  let size = shape[axis]
  let length =
    x.optional(1) != nil
    ? try single(x, 1, "length") : isInverse && isHalf ? 2 * (size - 1) : size
  let output = try x.emit(
    .sequence(
      .fourier(Fourier(axis: axis, length: length, isInverse: isInverse, isHalf: isHalf))), input)
  return [try x.cast(output, to: type)]
}

private func expandSTFT(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  var signal = try x.input(0)
  let (type, window) = (x[signal].type, x.optional(2))
  try x.requireFloats(signal, window)
  if x[signal].shape.rank == 2 { signal = try x.reshape(signal, x[signal].shape.dimensions + [1]) }
  let shape = x[signal].shape
  guard shape.rank == 3 else { throw .misfit("the signal is \(x[signal])") }
  let step = try single(x, 1, "step")
  var length = window.map { x[$0].shape.count } ?? shape[1]
  if x.optional(3) != nil {
    let given = try single(x, 3, "length")
    guard window == nil || given == length else {
      throw .misfit("a window of \(length) entries does not fit frames of \(given)")
    }
    length = given
  }
  guard step > 0, length > 0, length <= shape[1] else {
    throw .misfit("frames of \(length), \(step) apart, do not fit a signal of \(shape[1])")
  }
  let count = (shape[1] - length) / step + 1
  let framed = try x.writable([count, length])
  var starts: [Int64] = []
  starts.reserveCapacity(framed.count)
  for frame in 0..<count {
    for i in 0..<length { starts.append(Int64(frame * step + i)) }
  }
  let places = x.constant(Tensor(int64s: starts, shape: framed))
  var frames = try x.emit(.gather(axis: 1), try x.widened(signal), places)
  if let window {
    let factors = try x.reshape(try x.cast(window, to: x[frames].type), [length, 1])
    frames = try x.pair(.multiply, frames, factors)
  }
  let isHalf = try x.flag("onesided", default: true)
  let output = try x.emit(
    .sequence(.fourier(Fourier(axis: 2, length: length, isHalf: isHalf && shape[2] == 1))), frames)
  return [try x.cast(output, to: type)]
}

/// The one whole number that an input holds.
private func single(_ x: Expansion, _ index: Int, _ role: String) throws(ExpansionFault) -> Int {
  let values = try x.integers(of: index)
  guard values.count == 1 else { throw .misfit("\(values.count) numbers are given as \(role)") }
  return values[0]
}

/// A window function of 2π·n / N.
private func window(
  _ name: String, _ function: @escaping @Sendable (Double) -> Double
) -> ONNXOperator {
  ONNXOperator(
    name, inputs: 1...1, attributes: ["output_datatype", "periodic"]
  ) { x throws(ExpansionFault) in
    let size = try single(x, 0, "size")
    guard size >= 0 else { throw .misfit("a window of \(size) entries") }
    let shape = try x.writable([size])
    let turn = try x.flag("periodic", default: true) ? size : size - 1
    let values = (0..<size).map { n in
      turn == 0 ? 1 : function(2 * Double.pi * Double(n) / Double(turn))
    }
    let tensor = Tensor(doubles: values, shape: shape).converted(to: try outputType(x))
    return [x.constant(tensor)]
  }
}

private func expandMelWeightMatrix(_ x: inout Expansion) throws(ExpansionFault) -> [ValueID?] {
  let bands = try single(x, 0, "number of bands")
  let length = try single(x, 1, "length")
  let rate = try single(x, 2, "sample rate")
  guard let low = try x.numbers(of: 3).first, let high = try x.numbers(of: 4).first else {
    throw .misfit("an edge is missing")
  }
  guard (1...65_536).contains(bands), (1...(1 << 24)).contains(length), rate > 0 else {
    throw .misfit("\(bands) bands of a transform of \(length) at \(rate) Hz make no sense")
  }
  let bins = length / 2 + 1
  func mel(_ hertz: Double) -> Double { 2595 * log10(1 + hertz / 700) }
  let (first, step) = (mel(low), (mel(high) - mel(low)) / Double(bands + 2))
  let edges = (0..<(bands + 2)).map { band in
    let hertz = 700 * (pow(10, (first + Double(band) * step) / 2595) - 1)
    return (Double(length + 1) * hertz / Double(rate)).rounded(.down)
  }
  guard edges.allSatisfy({ $0 >= 0 && $0 <= Double(bins) }) else {
    throw .misfit("\(low) to \(high) Hz lies outside a spectrum of \(bins) bins at \(rate) Hz")
  }
  var weights = [Double](repeating: 0, count: try x.writable([bins, bands]).count)
  func set(_ bin: Int, _ band: Int, _ weight: Double) {
    if bin < bins { weights[bin * bands + band] = weight }
  }
  for band in 0..<bands {
    let (left, centre, right) = (Int(edges[band]), Int(edges[band + 1]), Int(edges[band + 2]))
    if left == centre { set(centre, band, 1) }
    for bin in left..<max(left, centre + 1) where left < centre {
      set(bin, band, Double(bin - left) / Double(centre - left))
    }
    for bin in centre..<max(centre, right) {
      set(bin, band, Double(right - bin) / Double(right - centre))
    }
  }
  let tensor = Tensor(doubles: weights, shape: [bins, bands])
  return [x.constant(tensor.converted(to: try outputType(x)))]
}

/// The element type that `output_datatype` asks for by its number in ONNX.
private func outputType(_ x: Expansion) throws(ExpansionFault) -> ElementType {
  let code = try x.int("output_datatype", default: 1)
  guard let type = elementType(ofCode: code), type != .bool else {
    throw .misfit("a window of the element type \(code)")
  }
  return type
}
