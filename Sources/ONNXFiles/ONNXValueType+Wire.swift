import TensorBase

/// The type of a value from its message; `name` is the value's.
func valueType(
  _ wire: WireType?, of name: String
) throws(ONNXModelFault) -> ONNXValueType {
  guard let wire, let member = wire.members.first else { return .unknown }
  guard wire.members.count == 1 else { throw .twoKinds(value: name) }
  guard case .tensor(let number, let wireDimensions) = member else {
    return .unsupported(try words(for: wire, of: name))
  }
  if number == 0 { return .unknown }
  let stored = try elementType(number, of: name)
  guard let type = stored.elementType else {
    return .unsupported(try words(for: wire, of: name))
  }
  guard let wireDimensions else { return .tensor(type, stored: stored, nil) }
  let maximum = TensorImporter.maximumRank
  guard wireDimensions.count <= maximum else {
    throw .tooManyDimensions(value: name, maximum: maximum)
  }
  var dimensions: [ONNXDimension] = []
  for wire in wireDimensions { dimensions.append(try dimension(wire, of: name)) }
  return .tensor(type, stored: stored, dimensions)
}

private func dimension(
  _ wire: WireDimension, of name: String
) throws(ONNXModelFault) -> ONNXDimension {
  guard let size = wire.size else {
    return wire.symbol.isEmpty ? .unknown : .symbol(wire.symbol)
  }
  guard wire.symbol.isEmpty else { throw .twoKinds(value: name) }
  // Not ONNX's way, but many a converter's.
  if size == -1 { return .unknown }
  guard size >= 0 else { throw .badDimension(value: name, dimension: Int(size)) }
  return .size(Int(size))
}

private func elementType(
  _ number: Int32, of name: String
) throws(ONNXModelFault) -> ONNXElementType {
  guard let type = ONNXElementType(rawValue: Int(number)) else {
    throw .unknownElementType(value: name, type: Int(number))
  }
  return type
}

/// What a type is, for a sentence.
private func words(for wire: WireType?, of name: String) throws(ONNXModelFault) -> String {
  guard let wire, let member = wire.members.first else { return "something" }
  guard wire.members.count == 1 else { throw .twoKinds(value: name) }
  func element(_ number: Int32) throws(ONNXModelFault) -> String {
    number == 0 ? "something" : try elementType(number, of: name).name
  }
  switch member {
  case .tensor(let number, _): return "a tensor of \(try element(number))"
  case .sparseTensor(let number): return "a sparse tensor of \(try element(number))"
  case .sequence(let inner): return "a sequence, each \(try words(for: inner, of: name))"
  case .optional(let inner): return "optionally \(try words(for: inner, of: name))"
  case .map(let key, let value):
    return "a map from \(try element(key)) to \(try words(for: value, of: name))"
  case .opaque(let name): return "an opaque \(quoted(name))"
  }
}
