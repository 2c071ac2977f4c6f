import GraphIR
import JSONText
import TensorBase

// Ops as the index writes them; formats/plumb.md §6 lists names and attributes.

extension Op {
  /// What the index calls the op.
  var storedName: String {
    if case .call = self { return "call" }
    return name
  }

  /// The attributes of the op, without its name.
  var attributes: JSONObject {
    switch self {
    case .unary, .binary, .select, .matMul, .packWeight, .identity: return [:]
    case .call(let call): return call.json
    case .packScaledWeight, .gatedLinear, .arithmetic, .indexing, .imaging, .sequence, .dynamic:
      preconditionFailure("\(name) is an op of shaped graphs, which are not stored")
    case .clamp(let lower, let upper):
      return ["lower": json(Double(lower)), "upper": json(Double(upper))]
    case .convolution(let convolution):
      let object: JSONObject = [
        "strides": list(convolution.strides), "padding": list(convolution.padding),
        "dilations": list(convolution.dilations), "groups": integer(convolution.groups),
        "activation": function(convolution.activation),
        "layout": .string(convolution.layout.rawValue),
      ]
      return adding(convolution.packed, to: object)
    case .linear(let activation, let packed):
      return adding(packed, to: ["activation": function(activation)])
    case .attention(let attention):
      return [
        "heads": integer(attention.heads), "scale": json(Double(attention.scale)),
        "causal": .bool(attention.isCausal), "tokens": attention.tokens.map(list) ?? .null,
      ]
    case .groupNorm(let norm):
      return [
        "groups": integer(norm.groups), "epsilon": json(norm.epsilon),
        "activation": function(norm.activation), "layout": .string(norm.layout.rawValue),
      ]
    case .layerNorm(let epsilon): return ["epsilon": json(epsilon)]
    case .softmax(let axis), .gather(let axis), .concat(let axis): return ["axis": integer(axis)]
    case .gated(let unary): return ["function": .string(unary.rawValue)]
    case .upsampleNearest(let upsample):
      return ["scale": integer(upsample.scale), "layout": .string(upsample.layout.rawValue)]
    case .reshape(let target):
      return [
        "shape": .array(
          target.map { dimension in
            switch dimension {
            case .size(let size): integer(size)
            case .rest: .string("rest")
            case .like(let input, let axis): list([input, axis])
            }
          })
      ]
    case .transpose(let permutation): return ["permutation": list(permutation)]
    case .slice(let slice):
      return [
        "axis": integer(slice.axis), "start": integer(slice.start), "end": integer(slice.end),
        "step": integer(slice.step),
      ]
    case .prefix(let axis, let likeAxis):
      return ["axis": integer(axis), "like_axis": integer(likeAxis)]
    case .pad(let pad):
      return [
        "before": list(pad.before), "after": list(pad.after), "value": json(Double(pad.value)),
      ]
    case .cast(let type): return ["type": .string(type.rawValue)]
    case .reduce(let reduction):
      return [
        "kind": .string(reduction.kind.rawValue), "axes": list(reduction.axes),
        "keep_axes": .bool(reduction.keepsAxes),
      ]
    }
  }

  /// The op called `name` with attributes read from `object`, which holds no others: one that is
  /// not known could change what is computed.
  ///
  /// - Parameter newer: a newer minor version wrote the file.
  init(
    storedName name: String, attributes object: IndexObject, newer: Bool
  ) throws(IndexFault) {
    if name == "call" {
      self = .call(try OperatorCall(object, newer: newer))
      return
    }
    try self.init(name: name, known: object)
    let known = attributes.keys
    for key in object.object.keys where !known.contains(key) {
      throw IndexFault("op '\(name)' has no attribute '\(key)' (\(object.what))")
    }
  }

  private init(name: String, known object: IndexObject) throws(IndexFault) {
    if let function = Unary(rawValue: name) {
      self = .unary(function)
      return
    }
    if let function = Binary(rawValue: name) {
      self = .binary(function)
      return
    }
    switch name {
    case "select": self = .select
    case "matMul": self = .matMul
    case "identity": self = .identity
    case "clamp":
      self = .clamp(
        lower: try object.float("lower"), upper: try object.float("upper"))
    case "convolution":
      self = .convolution(
        Convolution(
          strides: try object.integers("strides"), padding: try object.integers("padding"),
          dilations: try object.integers("dilations"), groups: try object.integer("groups"),
          activation: try object.function("activation"), layout: try object.name("layout"),
          packed: try object.packedWeight()))
    case "linear":
      self = .linear(
        activation: try object.function("activation"), packed: try object.packedWeight())
    case "packWeight": self = .packWeight
    case "attention":
      self = .attention(
        Attention(
          heads: try object.integer("heads"), scale: try object.float("scale"),
          isCausal: try object.flag("causal"),
          tokens: object.has("tokens") ? try object.integers("tokens") : nil))
    case "groupNorm":
      self = .groupNorm(
        GroupNorm(
          groups: try object.integer("groups"), epsilon: try object.number("epsilon"),
          activation: try object.function("activation"), layout: try object.name("layout")))
    case "layerNorm": self = .layerNorm(epsilon: try object.number("epsilon"))
    case "softmax": self = .softmax(axis: try object.integer("axis"))
    case "gather": self = .gather(axis: try object.integer("axis"))
    case "concat": self = .concat(axis: try object.integer("axis"))
    case "gated": self = .gated(try object.name("function"))
    case "upsampleNearest":
      self = .upsampleNearest(
        UpsampleNearest(scale: try object.integer("scale"), layout: try object.name("layout")))
    case "reshape": self = .reshape(try object.reshapeDimensions("shape"))
    case "transpose": self = .transpose(try object.integers("permutation"))
    case "slice":
      self = .slice(
        Slice(
          axis: try object.integer("axis"), start: try object.integer("start"),
          end: try object.integer("end"), step: try object.integer("step")))
    case "prefix":
      self = .prefix(axis: try object.integer("axis"), likeAxis: try object.integer("like_axis"))
    case "pad":
      self = .pad(
        Pad(
          before: try object.integers("before"), after: try object.integers("after"),
          value: try object.float("value")))
    case "cast": self = .cast(try object.name("type"))
    case "reduce":
      self = .reduce(
        Reduction(
          try object.name("kind"), axes: try object.integers("axes"),
          keepsAxes: try object.flag("keep_axes")))
    default: throw IndexFault("there is no op '\(name)' (\(object.what))")
    }
  }
}

extension IndexObject {
  fileprivate func packedWeight() throws(IndexFault) -> PackedWeight? {
    guard has("packed_outputs") || has("packed_window") else { return nil }
    return PackedWeight(
      outputs: try integer("packed_outputs"), window: try integers("packed_window"))
  }

  fileprivate func function(_ key: String) throws(IndexFault) -> Unary? {
    guard has(key) else { return nil }
    let function: Unary = try name(key)
    guard function.isActivation else {
      throw IndexFault("'\(key)' of \(what) is '\(function.rawValue)', which is no activation")
    }
    return function
  }

  fileprivate func reshapeDimensions(_ key: String) throws(IndexFault) -> [ReshapeDimension] {
    try array(key).map { item throws(IndexFault) in
      if let size = item.intValue { return .size(size) }
      if item.stringValue == "rest" { return .rest }
      if let pair = item.arrayValue?.compactMap(\.intValue), pair.count == 2 {
        return .like(input: pair[0], axis: pair[1])
      }
      throw IndexFault("'\(key)' of \(what) has a dimension that is none")
    }
  }
}

private func integer(_ number: Int) -> JSONValue { .integer(Int64(number)) }

private func list(_ numbers: [Int]) -> JSONValue { .array(numbers.map(integer)) }

private func function(_ unary: Unary?) -> JSONValue { unary.map { .string($0.rawValue) } ?? .null }

/// Weights as checkpoints have them say nothing about packing.
private func adding(_ packed: PackedWeight?, to object: JSONObject) -> JSONObject {
  guard let packed else { return object }
  var object = object
  object["packed_outputs"] = integer(packed.outputs)
  object["packed_window"] = list(packed.window)
  return object
}
