import GraphIR
import TensorBase

let sequenceOperators: [ONNXOperator] =
  recurrentOperators + spectralOperators + normalizationOperators + attentionOperators
  + flexibleAttentionOperators + lossOperators + microsoftOperators

extension Expansion {
  /// A tensor of one number, of a float type.
  mutating func filled(
    _ value: Double, _ dimensions: [Int], _ type: ElementType
  ) throws(ExpansionFault) -> ValueID {
    let shape = try writable(dimensions)
    let tensor = Tensor(doubles: [Double](repeating: value, count: shape.count), shape: shape)
    return constant(tensor.converted(to: type))
  }

  /// An integer attribute that has to be positive.
  func positive(_ attribute: String) throws(ExpansionFault) -> Int {
    guard let value = try int(attribute) else { throw .misfit("'\(attribute)' is missing") }
    guard value > 0 else { throw .misfit("'\(attribute)' is \(value)") }
    return value
  }

  /// The float type in which to compute with `ids`: f64 when one of them is, else f32.
  func commonFloat(_ ids: ValueID?...) -> ElementType {
    ids.contains { $0.map { self[$0].type == .f64 } ?? false } ? .f64 : .f32
  }

  func requireFloats(_ ids: ValueID?...) throws(ExpansionFault) {
    for case let id? in ids where !self[id].type.isFloatingPoint {
      throw .misfit("an input is \(self[id]), not of a float type")
    }
  }
}
