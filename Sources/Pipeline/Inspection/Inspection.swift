import ByteIO
import Executor
import GraphIR
import JSONText
import Kernels
import NativeFormat
import TensorBase
import TensorFiles

/// What `plumb inspect` tells of a file.
public struct Inspection: Sendable {
  let file: String
  let format: String
  let byteCount: Int?
  let graphs: [GraphInspection]
  let tensors: [TensorInspection]
  let metadata: [String: String]
  let components: JSONObject
  let provenance: JSONObject
  let hasTokenizer: Bool
  let hasScheduler: Bool
  let identity: String?

  /// - Throws: when the file cannot be read.
  public init(path: String) throws {
    if try NativeFile.isNative(path) {
      let native = try NativeFile(path: path)
      file = native.name
      format = "plumb \(native.versionText)"
      byteCount = native.byteCount
      graphs = native.graphs.map { graph in
        GraphInspection(graph, inputs: graph.workableInputs(native.components))
      }
      tensors = native.tensors.map {
        TensorInspection(
          name: $0.name, type: $0.type, storedType: $0.storedType, shape: $0.shape,
          storedByteCount: $0.storedByteCount)
      }
      metadata = [:]
      components = native.components
      provenance = native.provenance
      hasTokenizer = native.tokenizer != nil
      hasScheduler = native.scheduler != nil
      identity = native.identity
    } else if isONNX(path) {
      let model = try ONNXModelFile(path: path)
      file = model.name
      format = "onnx"
      byteCount = model.files.reduce(0) { $0 + $1.size }
      graphs = [GraphInspection(model.graph, inputs: model.exampleInputs ?? [:])]
      tensors = model.weights.map { name, tensor in
        TensorInspection(
          name: name, type: tensor.type ?? .f32, storedType: tensor.type ?? .f32,
          shape: tensor.shape, storedByteCount: tensor.byteCount)
      }
      metadata = [:]
      components = JSONObject()
      provenance = JSONObject()
      hasTokenizer = false
      hasScheduler = false
      identity = nil
    } else {
      let source = try TensorFile.open(path)
      file = source.name
      format = source.format.rawValue
      byteCount = nil
      graphs = []
      tensors = source.descriptors.map {
        TensorInspection(
          name: $0.name, type: $0.type, storedType: $0.type, shape: $0.shape,
          storedByteCount: $0.byteCount)
      }
      metadata = source.metadata
      components = JSONObject()
      provenance = JSONObject()
      hasTokenizer = false
      hasScheduler = false
      identity = nil
    }
  }
}

struct TensorInspection: Sendable {
  let name: String
  let type: ElementType
  let storedType: ElementType
  let shape: Shape
  let storedByteCount: Int

  var byteCount: Int { shape.count * type.byteCount }
}

/// A graph as `plumb inspect` shows it.
struct GraphInspection: Sendable {
  let name: String
  let inputs: [(name: String, type: ElementType, dimensions: [Dimension]?)]
  let outputs: [(name: String, shape: Shape?)]
  /// How many nodes of each op, by name.
  let ops: [(name: String, count: Int)]
  let nodeCount: Int
  let parameterCount: Int
  let taps: [Tap]

  struct Tap: Sendable {
    let name: String
    let kind: AttentionLayer.Kind
    let heads: Int
    /// At the sizes the model was made for; nil when these are not known.
    let queries: Int?
    let keys: Int?
  }

  /// - Parameter inputs: shapes to show the graph at.
  init(_ graph: Graph, inputs typical: [String: Shape]) {
    name = graph.name
    inputs = graph.inputs.map { (graph[$0.value].name, $0.type, $0.dimensions) }
    let counts = graph.nodes.reduce(into: [String: Int]()) { $0[$1.op.name, default: 0] += 1 }
    ops = counts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    nodeCount = graph.nodes.count
    parameterCount = graph.values.reduce(0) { sum, value in
      if case .weight(_, let fact) = value.origin { return sum + fact.shape.count }
      return sum
    }
    let shaped = try? ShapedGraph(graph, inputs: typical, tools: Vocabulary.onnx.shapingTools)
    outputs = graph.outputs.map { (graph[$0].name, shaped?[$0].shape) }
    taps = graph.attentionLayers.map { layer in
      Tap(
        name: layer.name, kind: layer.kind, heads: layer.attributes.heads,
        queries: shaped?[layer.query].shape[1], keys: shaped?[layer.key].shape[1])
    }
  }
}
