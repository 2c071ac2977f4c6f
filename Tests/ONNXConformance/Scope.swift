import ONNXFiles

/// Why a model is outside of what Plumb means to run, or nil when it is inside: dense tensors of
/// numbers or bools that are computed with as they are, operators of ONNX itself, nothing drawn at
/// random, no pictures. Told by the model's file alone, not by what works.
func reasonOutside(_ model: ONNXModel) -> String? {
  if model.hasTraining { return "training" }
  var scan = ScopeScan()
  scan.visit(model.graph)
  for function in model.functions { scan.visit(function.nodes) }
  return scan.reason
}

private struct ScopeScan {
  var reason: String?

  mutating func visit(_ graph: ONNXGraph) {
    for value in graph.inputs + graph.outputs + graph.valueInfo {
      switch value.type {
      case .tensor(_, let stored, _): visit(stored)
      case .unsupported(let what): note(typeReason(what))
      case .unknown: break
      }
    }
    for tensor in graph.initializers { visit(tensor.storedType) }
    visit(graph.nodes)
  }

  mutating func visit(_ nodes: [ONNXNode]) {
    for node in nodes {
      if node.domain.hasPrefix("ai.onnx.preview.training") { note("training") }
      if node.domain != "" { note("operators of \(node.domain)") }
      switch node.op {
      case "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike",
        "Multinomial", "Bernoulli":
        note("random numbers")
      case "Dropout":
        // The third input asks for training.
        if node.inputs.count > 2 && node.inputs[2] != "" { note("random numbers") }
      case "ImageDecoder": note("pictures")
      case "Gradient", "Adam", "Adagrad", "Momentum": note("training")
      default:
        if node.op.hasPrefix("Optional") { note("optionals") }
        if node.op.hasPrefix("String") || node.op == "RegexFullMatch" { note("strings") }
        if node.op.contains("Sequence") && node.op != "ReverseSequence" { note("sequences") }
      }
      for attribute in node.attributes.values { visit(attribute, of: node) }
    }
  }

  private mutating func visit(_ attribute: ONNXAttribute, of node: ONNXNode) {
    switch attribute {
    case .tensor(let tensor), .sparseTensor(let tensor): visit(tensor.storedType)
    case .tensors(let tensors): for tensor in tensors { visit(tensor.storedType) }
    case .graph(let graph): visit(graph)
    case .graphs(let graphs): for graph in graphs { visit(graph) }
    case .int(let number):
      if node.op == "Cast", number == node.attributes["to"]?.intValue,
        let type = ONNXElementType(rawValue: number)
      {
        visit(type)
      }
    case .strings: if node.op == "Constant" { note("strings") }
    case .float, .string, .ints, .floats, .reference, .unsupported: break
    }
  }

  private mutating func visit(_ type: ONNXElementType) {
    switch type {
    case .float, .double, .float16, .bfloat16, .bool: break
    case .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64: break
    case .string: note("strings")
    case .complex64, .complex128: note("complex numbers")
    case .uint4, .int4, .uint2, .int2: note("integers of 2 and 4 bits")
    case .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz, .float8e8m0:
      note("floats of 8 bits")
    case .float4e2m1, .float6e2m3, .float6e3m2: note("floats of 4 and 6 bits")
    }
  }

  private func typeReason(_ what: String) -> String {
    for (word, reason) in [
      ("optional", "optionals"), ("sequence", "sequences"), ("map", "maps"), ("string", "strings"),
      ("complex", "complex numbers"), ("sparse", "sparse tensors"),
    ] where what.contains(word) { return reason }
    return what
  }

  /// The first reason is kept.
  private mutating func note(_ text: String) {
    if reason == nil { reason = text }
  }
}

extension ONNXAttribute {
  fileprivate var intValue: Int? {
    if case .int(let number) = self { number } else { nil }
  }
}

/// What the tables say of a model.
func describe(_ model: ONNXModel) -> About {
  let nodes = model.graph.nodes
  let domain = nodes.first?.domain ?? ""
  let opset = model.opsets[domain] ?? 0
  let op = nodes.count == 1 ? (domain.isEmpty ? "" : domain + "::") + nodes[0].op : nil
  return About(op: op, opset: opset, outside: reasonOutside(model))
}
