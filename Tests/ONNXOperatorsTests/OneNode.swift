import Executor
import GraphIR
import Kernels
import ONNXOperators
import TensorBase

/// Runs a graph of one node.
///
/// - Parameters:
///   - inputs: nil where absent.
///   - constants: the places of inputs whose elements are known when the graph is shaped.
func run(
  _ name: String, version: Int, domain: String = "",
  _ attributes: [String: OperatorAttribute],
  _ inputs: [Tensor?], constants: Set<Int> = [], outputs: Int = 1
) throws -> [Tensor] {
  try loadProducts()
  var graph = Graph(name: "one")
  var given: [String: Tensor] = [:]
  var ids: [ValueID?] = []
  for (index, tensor) in inputs.enumerated() {
    guard let tensor else {
      ids.append(nil)
      continue
    }
    let id = ValueID(graph.values.count), name = "in\(index)"
    ids.append(id)
    if constants.contains(index) {
      graph.values.append(Value(name: name, origin: .constant(tensor)))
    } else {
      graph.values.append(Value(name: name, origin: .input))
      graph.inputs.append(
        GraphInput(
          value: id, type: tensor.type, dimensions: tensor.shape.dimensions.map { .size($0) }))
      given[name] = tensor
    }
  }
  for index in 0..<outputs {
    graph.outputs.append(ValueID(graph.values.count))
    graph.values.append(Value(name: "out\(index)", origin: .node))
  }
  let call = OperatorCall(domain: domain, name: name, version: version, attributes: attributes)
  graph.nodes = [Node(name: "node", op: .call(call), inputs: ids, outputs: graph.outputs)]
  try graph.validate()
  var model = Model(graph, vocabulary: Vocabulary(expand: expandONNX)) { _ in
    Tensor(scalar: Float.nan)
  }
  var arena = Arena()
  let results = try model.evaluate(
    given, Model.Request(inputs: given.mapValues(\.shape)), arena: &arena,
    options: ExecutionOptions(threads: 2))
  return (0..<outputs).compactMap { results["out\($0)"] }
}

/// The same without attributes.
func run(
  _ name: String, version: Int, _ inputs: [Tensor?], constants: Set<Int> = [], outputs: Int = 1
) throws -> [Tensor] {
  try run(name, version: version, [:], inputs, constants: constants, outputs: outputs)
}

/// Whole numbers as i64.
func int64s(_ values: Int64...) -> Tensor { Tensor(int64s: values, shape: [values.count]) }

/// 0, 1, 2, … as f32.
func counting(_ dimensions: Int...) -> Tensor {
  let shape = Shape(dimensions)
  return Tensor(floats: (0..<shape.count).map(Float.init), shape: shape)
}
