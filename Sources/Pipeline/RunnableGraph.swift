import Executor
import GraphIR
import JSONText
import TensorBase

/// A graph to run, from a .plumb or an ONNX file.
package struct RunnableGraph {
  package var model: Model
  /// Facts about the parts of a pipeline, where the file has them.
  private let components: JSONObject
  /// Shapes that were found when the file was read.
  private let exampleInputs: [String: Shape]?

  /// - Parameters:
  ///   - name: the graph's; nil when the file has one only.
  ///   - memory: how much of it the model may take.
  package init(path: String, graph name: String?, memory: MemoryUse) throws {
    if isONNX(path) {
      let file = try ONNXModelFile(path: path)
      guard name == nil || name == file.graph.name else {
        throw PipelineError.noGraph(file: file.name, name: name ?? "", known: [file.graph.name])
      }
      model = file.model(memory)
      components = JSONObject()
      exampleInputs = file.exampleInputs
    } else {
      let file = try ModelFile(path: path, memory: memory)
      model = try file.model(try file.graphName(name))
      components = file.native.components
      exampleInputs = nil
    }
  }

  /// Shapes of the inputs at which to time it, one item at a time where the graph leaves that open.
  package var typicalInputs: [String: Shape] {
    exampleInputs ?? model.graph.workableInputs(components)
  }
}

extension Graph {
  /// The sizes that the graph was made for; where these do not fit a graph from elsewhere, whose
  /// open dimensions do not say what they are, others that do.
  func workableInputs(_ components: JSONObject) -> [String: Shape] {
    let typical = typicalInputs(components)
    let survey = try? survey(self, inputs: typical, tools: Vocabulary.onnx.shapingTools)
    if survey?.isComplete ?? false { return typical }
    return exampleSurveys().first?.inputs ?? typical
  }
}
