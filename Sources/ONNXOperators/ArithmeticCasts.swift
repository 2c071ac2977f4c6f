import GraphIR
import TensorBase

/// Conversions between element types.
let castOperators: [ONNXOperator] = [
  ONNXOperator(
    "Cast", inputs: 1...1, attributes: ["to", "saturate", "round_mode"],
    lacks: { lackingType($0, "to") }
  ) { x throws(ExpansionFault) in
    guard let type = try x.elementType("to") else { throw .misfit("'to' is not there") }
    return [try x.cast(try x.input(0), to: type)]
  },
  ONNXOperator(
    "CastLike", inputs: 2...2, attributes: ["saturate", "round_mode"]
  ) { x throws(ExpansionFault) in
    [try x.cast(try x.input(0), to: x[try x.input(1)].type)]
  },
  ONNXOperator(
    "BitCast", inputs: 1...1, attributes: ["to"], lacks: { lackingType($0, "to") }
  ) { x throws(ExpansionFault) in
    guard let type = try x.elementType("to") else { throw .misfit("'to' is not there") }
    return [try x.emit(.arithmetic(.bitCast(type)), try x.input(0))]
  },
]
