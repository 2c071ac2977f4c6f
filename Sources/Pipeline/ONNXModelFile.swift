import ByteIO
import Executor
import GraphIR
import JSONText
import ONNXFiles
import ONNXGraphs
import ONNXOperators
import TensorBase

extension Vocabulary {
  /// ONNX's operators.
  package static let onnx = Vocabulary(expand: expandONNX)
}

/// An ONNX file, opened, checked and made a graph of.
package struct ONNXModelFile {
  package let name: String
  package let graph: Graph
  /// The tensors that the graph's weights name.
  package let weights: [(name: String, tensor: ONNXTensor)]
  /// Shapes of the inputs at which the graph could be shaped; nil when none was found.
  package let exampleInputs: [String: Shape]?
  /// Type and shape of the outputs at these, as far as known.
  let outputFacts: [ValueID: Fact]
  /// The model's file and those with its external data.
  package let files: [MappedFile]
  private let byName: [String: ONNXTensor]

  /// - Parameter isFused: whether attention that the file spells out becomes attention nodes.
  /// - Throws: when the file cannot be read, is not sound, or asks for what cannot be done.
  package init(path: String, graphName: String? = nil, isFused: Bool = true) throws {
    let model = try ONNXFile.open(path: path)
    name = lastComponent(of: path)
    do {
      let imported = try importGraph(of: model, named: graphName ?? stem(of: name))
      let (examples, isCertain) = try examples(of: imported.graph)
      exampleInputs = examples.first?.inputs
      let outputs = imported.graph.outputs
      let facts = outputs.map { examples.first?.survey.fact($0) }
      if isCertain { try imported.check(examples.first?.survey) }
      graph =
        isFused ? fusingAttention(imported.graph, examples.map(\.survey)) : imported.graph
      // Fusion keeps the outputs' order, not their places.
      outputFacts = Dictionary(
        zip(graph.outputs, facts).compactMap { id, fact in fact.map { (id, $0) } }
      ) { first, _ in first }
      weights = imported.weights
    } catch {
      throw PipelineError.component(folder: path, reason: "\(error)")
    }
    files = model.files
    byName = Dictionary(weights.map { ($0.name, $0.tensor) }) { first, _ in first }
  }

  /// The shape of the first output, at the example's sizes.
  var firstOutput: Shape? { graph.outputs.first.flatMap { outputFacts[$0]?.shape } }

  /// The tensor that a weight of the graph names.
  func weight(named name: String) -> ONNXTensor? { byName[name] }

  /// The graph with its weights, which are read as they are needed.
  package var model: Model { model(.unlimited) }

  /// - Parameter memory: how much of it the model may take.
  func model(_ memory: MemoryUse) -> Model {
    let source = WeightSource { [byName, name] piece in
      guard let found = byName[piece.name] else {
        throw PipelineError.component(folder: name, reason: "there is no weight '\(piece.name)'")
      }
      return try found.load()
    }
    return Model(graph, vocabulary: .onnx, weights: source, memory: memory.weights)
  }
}

/// Whether a path names an ONNX file: the format has no mark of its own to go by.
func isONNX(_ path: String) -> Bool { path.lowercased().hasSuffix(".onnx") }

private func stem(of name: String) -> String {
  name.hasSuffix(".onnx") ? String(name.dropLast(5)) : name
}

/// What one choice of sizes for the open dimensions tells of a graph.
struct ExampleSurvey {
  let survey: Survey
  let inputs: [String: Shape]
}

/// What can be learned of a graph from shapes alone.
///
/// - Returns: surveys at sizes that differ, the first of them the fullest, none when no sizes could
///   be tried with success; and whether the sizes are the model's own, so that what does not fit
///   then never fits.
/// - Throws: when the model's own sizes are too large for any memory, or do not fit.
private func examples(of graph: Graph) throws -> (surveys: [ExampleSurvey], isCertain: Bool) {
  let isOpen = graph.inputs.contains { input in
    input.dimensions?.contains { if case .symbol = $0 { true } else { false } } ?? true
  }
  if isOpen { return (graph.exampleSurveys(), false) }
  let inputs = try graph.exampleInputs(0)
  let survey = try GraphIR.survey(
    graph, inputs: inputs, tools: Vocabulary.onnx.shapingTools)
  return ([ExampleSurvey(survey: survey, inputs: inputs)], true)
}

extension Graph {
  /// Up to two surveys at which all of the graph can be shaped, at sizes that differ; without any,
  /// one at which it can be in part.
  func exampleSurveys() -> [ExampleSurvey] {
    var found: [ExampleSurvey] = []
    var best: ExampleSurvey?
    for attempt in exampleSizes.indices {
      guard let inputs = try? exampleInputs(attempt) else { continue }
      if found.contains(where: { $0.inputs == inputs }) { continue }
      // Each with a budget of its own.
      let tools = Vocabulary.onnx.shapingTools
      guard let survey = try? survey(self, inputs: inputs, tools: tools) else { continue }
      let example = ExampleSurvey(survey: survey, inputs: inputs)
      if survey.isComplete { found.append(example) }
      if found.count == 2 { return found }
      best = best ?? example
    }
    return found.isEmpty ? best.map { [$0] } ?? [] : found
  }
}

/// Sizes to try for open dimensions.
private struct ExampleSizes {
  var batch, length, side: Int

  init(_ batch: Int, _ length: Int, _ side: Int) {
    self.batch = batch
    self.length = length
    self.side = side
  }

  /// A guess from the dimension's name and place.
  func size(of name: String, axis: Int, rank: Int?) -> Int {
    if name.contains("height") || name.contains("width") || name == "h" || name == "w" {
      return side
    }
    if name.contains("batch") || name == "n" || axis == 0 { return batch }
    // Images have four axes.
    return rank == 4 && axis >= 2 ? side : length
  }
}

private let exampleSizes: [ExampleSizes] = [
  .init(2, 6, 64), .init(2, 6, 32), .init(2, 8, 8), .init(2, 2, 224), .init(1, 16, 64),
  .init(2, 16, 16), .init(1, 64, 640), .init(1, 1, 1), .init(1, 512, 512),
]

extension Graph {
  /// Shapes of all inputs, with sizes for the open dimensions.
  ///
  /// - Throws: for an input with more elements than memory can address.
  fileprivate func exampleInputs(_ attempt: Int) throws -> [String: Shape] {
    let sizes = exampleSizes[attempt]
    var shapes: [String: Shape] = [:]
    var bySymbol: [String: Int] = [:]
    for input in inputs {
      let dimensions = (input.dimensions ?? [.symbol("batch")]).enumerated().map {
        axis, dimension in
        switch dimension {
        case .size(let size): return size
        case .symbol(let symbol):
          if let known = bySymbol[symbol] { return known }
          let size = sizes.size(of: symbol.lowercased(), axis: axis, rank: input.dimensions?.count)
          bySymbol[symbol] = size
          return size
        }
      }
      let name = self[input.value].name
      do throws(TensorError) {
        shapes[name] = try Shape(checking: dimensions)
      } catch {
        throw PipelineError.component(folder: "input '\(name)'", reason: error.description)
      }
    }
    return shapes
  }
}

extension ONNXGraphImport {
  /// Refuses a file that says of a value what cannot be.
  fileprivate func check(_ survey: Survey?) throws {
    guard let survey else { return }
    for node in graph.nodes {
      for case let id? in node.outputs {
        guard let fact = survey.fact(id), let said = declared[graph[id].name] else { continue }
        let fits =
          fact.type == said.type && fact.shape.rank == said.dimensions.count
          && zip(fact.shape.dimensions, said.dimensions).allSatisfy { $1 == nil || $0 == $1 }
        guard fits else {
          let shape = said.dimensions.map { $0.map(String.init) ?? "?" }.joined(separator: ", ")
          throw PipelineError.component(
            folder: graph.name,
            reason: "node '\(node.name)' gives '\(graph[id].name)' as \(fact), but the file says "
              + "\(said.type.rawValue) [\(shape)]")
        }
      }
    }
  }
}
