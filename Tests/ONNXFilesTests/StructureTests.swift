import ByteIO
import ONNXFiles
import TensorBase
import TestSupport
import Testing

/// What is read beside the elements of tensors.
@Suite struct StructureTests {
  func model(_ name: String) throws -> ONNXModel {
    try ONNXFile.open(path: validFolder + "/" + name)
  }

  @Test func attributes() throws {
    let model = try model("attributes.onnx")
    #expect(model.irVersion == 8)
    #expect(model.opsets == ["": 17, "own": 2])
    #expect(model.producer == "plumb 1.0")
    #expect(model.metadata == ["key": "value"])
    #expect(!model.hasTraining)
    let node = try #require(model.graph.nodes.first)
    #expect(node.name == "all" && node.op == "Custom" && node.domain == "own")
    #expect(node.inputs == ["x", "", "w"])
    #expect(node.outputs == ["y", ""])
    #expect(node.label == "node 'all' (Custom)")
    func described(_ name: String) throws -> String {
      switch try #require(node.attributes[name]) {
      case .int(let value): "int \(value)"
      case .float(let value): "float \(value)"
      case .string(let value): "string \(value)"
      case .tensor(let value): "tensor \(try value.load().floats)"
      case .graph(let value): "graph \(value.name) of \(value.nodes.count)"
      case .ints(let values): "ints \(values)"
      case .floats(let values): "floats \(values)"
      case .strings(let values): "strings \(values)"
      case .tensors(let values): "tensors \(try values.map { try $0.load().floats })"
      case .graphs(let values): "graphs \(values.map(\.name))"
      case .sparseTensor(let value): "sparse \(try value.load().floats)"
      case .reference(let name): "reference \(name)"
      case .unsupported(let what): "unsupported \(what)"
      }
    }
    let expected = [
      "int": "int -3", "float": "float 0.5", "string": "string text", "tensor": "tensor [1.0, 2.0]",
      "graph": "graph inner of 1", "ints": "ints [1, -2, 3]", "floats": "floats [0.5, 1.5]",
      "strings": #"strings ["a", "", "ä"]"#, "tensors": "tensors [[1.0, 2.0], [1.0, 2.0]]",
      "graphs": #"graphs ["inner"]"#, "sparse": "sparse [1.0, 0.0, 2.0]",
      "type": "unsupported a type", "none": "ints []", "zero": "int 0", "untyped": "int 7",
      "bytes": "unsupported text that is not UTF-8",
    ]
    #expect(Set(node.attributes.keys) == Set(expected.keys))
    for (name, text) in expected { #expect(try described(name) == text) }
  }

  @Test func valueTypes() throws {
    let graph = try model("value-types.onnx").graph
    let types = Dictionary(uniqueKeysWithValues: graph.inputs.map { ($0.name, $0.type) })
    #expect(
      types == [
        "plain": .tensor(.f32, stored: .float, [.size(2), .symbol("n"), .unknown]),
        "no_rank": .tensor(.bf16, stored: .bfloat16, nil),
        "scalar": .tensor(.bool, stored: .bool, []),
        "minus_one": .tensor(.i64, stored: .int64, [.unknown]),
        "small": .tensor(.i8, stored: .int4, [.size(8)]),
        "strings": .unsupported("a tensor of string"),
        "complex": .unsupported("a tensor of complex64"),
        "no_element": .unknown,
        "sequence": .unsupported("a sequence, each a tensor of float"),
        "optional": .unsupported("optionally a sequence, each a tensor of int64"),
        "map": .unsupported("a map from int64 to a tensor of float"),
        "sparse": .unsupported("a sparse tensor of float"),
        "nothing": .unknown,
        "opaque": .unsupported("an opaque 'handle'"),
        "absent": .unknown,
      ])
    #expect(graph.outputs.map(\.type) == [.unknown])
    #expect(graph.valueInfo.map(\.name) == ["middle"])
  }

  @Test func order() throws {
    let nodes = try model("order.onnx").graph.nodes
    #expect(nodes.map(\.name) == ["first", "if", "second", "last", "spare"])
    guard case .graph(let then) = nodes[1].attributes["then_branch"] else {
      Issue.record("no graph")
      return
    }
    #expect(then.nodes.map(\.name) == ["hides", "inner"])
  }

  @Test func functions() throws {
    let model = try model("functions.onnx")
    #expect(model.hasTraining)
    #expect(model.functions.map(\.name) == ["Twice", "Scaled", "Twice"])
    #expect(model.functions.map(\.overload) == ["", "", "nothing"])
    let scaled = model.functions[1]
    #expect(scaled.domain == "own" && scaled.opsets == ["": 18])
    #expect(scaled.inputs == ["a", "w"] && scaled.outputs == ["r"])
    #expect(scaled.attributes == ["alpha"])
    #expect(scaled.nodes.map(\.name) == ["gemm", "relu"])
    guard case .float(0.25) = scaled.defaults["beta"],
      case .reference("alpha") = scaled.nodes[0].attributes["alpha"]
    else {
      Issue.record("\(scaled)")
      return
    }
  }

  /// What nodes tell of the modules they come from.
  @Test func scopes() throws {
    #expect(
      try model("scopes.onnx").graph.nodes.map(\.scope) == [
        "down.0.attn", "down.0.attn", "a", nil, nil, nil, nil, nil, nil, "a.b",
      ])
  }

  /// Tensors outlive the model they came from.
  @Test func tensorsKeepTheirFile() throws {
    func load() throws -> Tensor {
      let tensor = try #require(try model("external.onnx").graph.initializers.first)
      defer { tensor.release() }
      return try tensor.load()
    }
    #expect(try load().floats.prefix(3) == [-5, -2, 1])
  }
}
