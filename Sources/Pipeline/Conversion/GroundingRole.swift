import Architectures
import ByteIO
import GraphIR
import JSONText
import TensorBase

/// A part that an ONNX graph can play in grounding, and what its inputs and outputs are called
/// there.
enum GroundingRole: String {
  case unet, vae
  case textEncoder = "text_encoder"

  init?(component: String) { self.init(rawValue: component) }

  private var graphName: String { self == .vae ? "vae_encoder" : rawValue }

  /// Inputs that must be there, and others that may.
  private var inputs: (needed: [String], allowed: [String]) {
    switch self {
    case .unet: (["sample", "timestep", "encoder_hidden_states"], [])
    case .vae: (["sample"], [])
    case .textEncoder: (["input_ids"], ["attention_mask", "token_type_ids", "position_ids"])
    }
  }

  private var output: String {
    switch self {
    case .unet: "out_sample"
    case .vae: "latent_parameters"
    case .textEncoder: "last_hidden_state"
    }
  }

  /// The graph under the names that grounding asks for.
  func adapted(_ file: ONNXModelFile, renaming: [IOName], path: String) throws -> Graph {
    var graph = file.graph
    graph.name = graphName
    var given = Set<String>()
    // All are looked up before one is renamed: two may trade names.
    let renamed = try renaming.map { name in
      guard let id = graph.endpoint(named: name.theirs) else {
        throw PipelineError.badOption(
          name: "--io",
          reason: "\(path) has no input or output '\(name.theirs)'; it has \(graph.endpoints)")
      }
      guard given.insert(name.ours).inserted else {
        throw PipelineError.badOption(
          name: "--io", reason: "two of the \(name.part) would be '\(name.ours)'")
      }
      return id
    }
    for (id, name) in zip(renamed, renaming) { graph.rename(id, name.ours) }
    let names = Set(graph.inputs.map { graph[$0.value].name })
    for name in inputs.needed where !names.contains(name) {
      throw PipelineError.component(
        folder: path,
        reason: "no input is called '\(name)'; the graph has \(graph.endpoints). Say which it is "
          + "with --io \(rawValue):THEIRS=\(name)")
    }
    for name in names.sorted() where !(inputs.needed + inputs.allowed).contains(name) {
      throw PipelineError.component(
        folder: path,
        reason: "what its input '\(name)' is for is not known; a \(rawValue) takes "
          + (inputs.needed + inputs.allowed).joined(separator: ", "))
    }
    try adaptOutput(&graph, file, path)
    return graph
  }

  private func adaptOutput(_ graph: inout Graph, _ file: ONNXModelFile, _ path: String) throws {
    let outputs = graph.outputs
    if self == .vae, outputs.map({ graph[$0].name }).sorted() == ["logvar", "mean"] { return }
    var found = outputs.first { graph[$0].name == output }
    if found == nil, outputs.count == 1, graph[outputs[0]].name != "latent_sample" {
      // There is nothing else it could be.
      found = outputs[0]
    }
    guard let found else {
      throw PipelineError.component(
        folder: path,
        reason:
          "no output is called '\(output)'; the graph has \(graph.endpoints). Say which it is "
          + "with --io \(rawValue):THEIRS=\(output)")
    }
    if self != .vae {
      graph.rename(found, output)
      graph.outputs = [found]
      return
    }
    guard let moments = file.outputFacts[found], moments.shape.rank == 4, moments.shape[1] % 2 == 0
    else {
      throw PipelineError.component(
        folder: path,
        reason: "'\(graph[found].name)' is no mean and log-variance of a latent, one behind the "
          + "other: [batch, 2·channels, height, width]")
    }
    let channels = moments.shape[1] / 2
    graph.rename(found, "moments")
    let mean = graph.append("mean", .node), whole = graph.append("logvar.whole", .node)
    let logvar = graph.append("logvar", .node)
    graph.nodes += [
      Node(
        name: "mean", op: .slice(Slice(axis: 1, start: 0, end: channels)), inputs: [found],
        outputs: [mean]),
      Node(
        name: "logvar.whole", op: .slice(Slice(axis: 1, start: channels, end: 2 * channels)),
        inputs: [found], outputs: [whole]),
      Node(name: "logvar", op: .clamp(lower: -30, upper: 20), inputs: [whole], outputs: [logvar]),
    ]
    graph.outputs = [mean, logvar]
  }

  // MARK: Facts

  /// What grounding needs to know beside the graph: from config.json beside the file, from the
  /// graph's own sizes, from the request.
  func facts(
    of graph: Graph, _ file: ONNXModelFile, _ request: ConversionRequest, path: String
  ) throws -> ModelFacts {
    let beside = folderPart(of: path) + "/config.json"
    let config = regularFileExists(beside) ? try readJSON(beside) : .null
    var facts = ModelFacts()
    func fixed(_ name: String, _ axis: Int) -> Int? {
      guard let input = graph.inputs.first(where: { graph[$0.value].name == name }),
        let dimensions = input.dimensions, dimensions.indices.contains(axis),
        case .size(let size) = dimensions[axis]
      else { return nil }
      return size
    }
    switch self {
    case .unet:
      if let height = fixed("sample", 2), let width = fixed("sample", 3) {
        if let side = request.latentSize, height != side || width != side {
          throw PipelineError.badOption(
            name: "--latent-size",
            reason: "\(path) takes latents of \(height)×\(width) only, not of \(side)×\(side)")
        }
        facts.sampleSize = [height, width]
      } else if let side = request.latentSize ?? config["sample_size"]?.intValue {
        facts.sampleSize = [side, side]
      } else {
        throw PipelineError.component(
          folder: path,
          reason: "neither the graph nor a config.json beside it says how large its latents are; "
            + "say so with --latent-size (64 for Stable Diffusion 1.5)")
      }
      facts.latentChannels = fixed("sample", 1)
      facts.textWidth = fixed("encoder_hidden_states", 2)
    case .vae:
      facts.scalingFactor =
        request.scalingFactor ?? config["scaling_factor"]?.doubleValue ?? 0.18215
      guard let picture = file.exampleInputs?.first?.value, let latent = file.firstOutput,
        picture.rank == 4, latent.rank == 4, latent[2] > 0, picture[2] % latent[2] == 0
      else {
        throw PipelineError.component(
          folder: path, reason: "the size of its latents does not follow from that of pictures")
      }
      facts.downsamplingFactor = picture[2] / latent[2]
      facts.latentChannels = latent[1] / (graph.outputs.count == 2 && latent[1] % 2 == 0 ? 2 : 1)
    case .textEncoder:
      facts.maximumPositions =
        fixed("input_ids", 1) ?? config["max_position_embeddings"]?.intValue
      facts.vocabularySize = config["vocab_size"]?.intValue
      facts.textWidth = file.firstOutput.flatMap { $0.rank == 3 ? $0[2] : nil }
    }
    return facts
  }
}

extension Graph {
  /// The input or output of that name.
  fileprivate func endpoint(named name: String) -> ValueID? {
    (inputs.map(\.value) + outputs).first { self[$0].name == name }
  }

  /// Names of inputs and outputs, for people.
  fileprivate var endpoints: String {
    "the inputs " + inputs.map { self[$0.value].name }.joined(separator: ", ")
      + " and the outputs " + outputs.map { self[$0].name }.joined(separator: ", ")
  }

  /// Gives a value another name; a value that has that name makes way.
  fileprivate mutating func rename(_ id: ValueID, _ name: String) {
    if let other = value(named: name), other != id {
      var free = name + "#2"
      while value(named: free) != nil { free += "'" }
      values[other.index].name = free
    }
    values[id.index].name = name
  }
}
