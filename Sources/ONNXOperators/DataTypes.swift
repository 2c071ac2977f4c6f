import GraphIR
import TensorBase

/// The element type that ONNX numbers so; nil for strings, complex numbers and those that we keep
/// in a wider type, to which nothing is converted.
func elementType(ofCode code: Int) -> ElementType? {
  switch code {
  case 1: .f32
  case 2: .u8
  case 3: .i8
  case 4: .u16
  case 5: .i16
  case 6: .i32
  case 7: .i64
  case 9: .bool
  case 10: .f16
  case 11: .f64
  case 12: .u32
  case 13: .u64
  case 16: .bf16
  default: nil
  }
}

/// Whether an attribute names an element type that we do not convert to, in words; what an
/// operator's `lacks` says.
func lackingType(_ call: OperatorCall, _ attribute: String) -> String? {
  guard case .int(let code) = call.attributes[attribute], code != 0,
    elementType(ofCode: code) == nil
  else { return nil }
  return "element type \(code) as '\(attribute)' is not supported"
}

/// Attributes that a call has although its version has no more use for them, in words; what an
/// operator's `lacks` says.
func outdated(_ call: OperatorCall, _ attributes: [String], since version: Int) -> String? {
  guard call.version >= version else { return nil }
  return attributes.first { call.attributes[$0] != nil }.map {
    "attribute '\($0)', which version \(version) did away with"
  }
}

extension Expansion {
  /// The element type that an attribute names; nil when it is absent or 0.
  func elementType(_ attribute: String) throws(ExpansionFault) -> ElementType? {
    guard let code = try int(attribute), code != 0 else { return nil }
    guard let type = ONNXOperators.elementType(ofCode: code) else {
      throw .unsupported("element type \(code) as '\(attribute)' is not supported")
    }
    return type
  }
}
