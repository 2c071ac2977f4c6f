import GraphIR
import TensorBase

/// Softmax and its kin.
let softmaxOperators: [ONNXOperator] = [
  softmax("Softmax", .softmax),
  softmax("LogSoftmax", .logSoftmax),
  softmax("Hardmax", .hardmax),
]

/// Before version 13 the axes from the given one on are one long axis, and the default is 1; since
/// then only the given axis counts, and the default is the last.
private func softmax(_ name: String, _ kind: LineNormalisation) -> ONNXOperator {
  ONNXOperator(name, inputs: 1...1, attributes: ["axis"]) { x throws(ExpansionFault) in
    let input = try x.input(0)
    let shape = x[input].shape
    if x.version >= 13 {
      let axis = try x.axis(try x.int("axis", default: -1), of: shape)
      return [try x.normalised(kind, input, axis: axis)]
    }
    let given = try x.int("axis", default: 1)
    // An axis behind the last makes every element a line of its own.
    let axis = given == shape.rank ? given : try x.axis(given, of: shape)
    let rows = shape.dimensions[..<axis].reduce(1, *)
    let columns = shape.dimensions[axis...].reduce(1, *)
    let flat = try x.reshape(input, [rows, columns])
    return [try x.reshape(try x.normalised(kind, flat, axis: 1), shape.dimensions)]
  }
}

extension Expansion {
  /// Softmax and its kin of any float type. Since version 13 ONNX defines softmax by steps of x's
  /// own type: in f16 their roundings show, and the kernel makes them. Otherwise narrow types go by
  /// f32.
  mutating func normalised(
    _ kind: LineNormalisation, _ x: ValueID, axis: Int
  ) throws(ExpansionFault) -> ValueID {
    let type = self[x].type
    if kind == .softmax, type == .f32 || type == .bf16 || type == .f16 && version < 13 {
      return try cast(try emit(.softmax(axis: axis), try cast(x, to: .f32)), to: type)
    }
    return try emit(.arithmetic(.normalise(kind, axis: axis)), x)
  }
}
