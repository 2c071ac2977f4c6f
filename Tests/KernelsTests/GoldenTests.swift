import JSONText
import Kernels
import TensorBase
import TestSupport
import Testing

/// A case that no kernel here answers for.
private struct UnknownCase: Error, CustomStringConvertible {
  var description: String
}

extension KernelTests {
  /// What PyTorch computed for each op, at every level of this processor.
  @Test(arguments: try goldenCases("op"))
  func golden(_ golden: GoldenCase) throws {
    let usual = ProcessorLevel.current
    defer { usual.use() }
    for level in ProcessorLevel.available {
      level.use()
      for (name, expected) in golden.outputs {
        let out = Result(expected.shape.dimensions, type: expected.type)
        guard try GoldenRun(golden).compute(name, out.view) else { continue }
        expectClose(out.view.readOnly.copied(), expected, golden: golden, "\(level) \(name)")
      }
    }
  }
}

private struct GoldenRun {
  let golden: GoldenCase
  let inputs: [String: Tensor]

  init(_ golden: GoldenCase) {
    self.golden = golden
    inputs = golden.inputs
  }

  private func input(_ name: String) throws -> TensorView {
    try golden.tensor("input." + name).view
  }

  private func integer(_ key: String) throws -> Int {
    guard let value = golden.config[key]?.intValue else {
      throw UnknownCase(description: "\(golden.name) has no integer \(key)")
    }
    return value
  }

  private func number(_ key: String) throws -> Double {
    guard let value = golden.config[key]?.doubleValue else {
      throw UnknownCase(description: "\(golden.name) has no number \(key)")
    }
    return value
  }

  private func integers(_ key: String) throws -> [Int] {
    guard let values = golden.config[key]?.arrayValue else {
      throw UnknownCase(description: "\(golden.name) has no list \(key)")
    }
    return values.compactMap(\.intValue)
  }

  private func choice<Value: CaseIterable>(_ name: String, of type: Value.Type) throws -> Value {
    guard let value = Value.allCases.first(where: { "\($0)" == name }) else {
      throw UnknownCase(description: "\(golden.name) asks for \(name)")
    }
    return value
  }

  private var activation: Activation {
    get throws {
      try golden.config["activation"]?.stringValue.map { try choice($0, of: Activation.self) }
        ?? .identity
    }
  }

  /// Computes the output `name`; false when that is no kernel's work.
  func compute(_ name: String, _ out: MutableTensorView) throws -> Bool {
    switch golden.config["op"]?.stringValue {
    case "attention": try attend(name, out)
    case "convolution": try convolve(out)
    case "binary":
      binary(
        out, try input("a"), try input("b"), try choice(name, of: BinaryFunction.self), threads: 2)
    case "unary": unary(out, try input("x"), try choice(name, of: UnaryFunction.self), threads: 2)
    case "cast":
      let narrow = Result(
        out.shape.dimensions, type: golden.config["type"] == .string("float16") ? .f16 : .bf16)
      cast(narrow.view, try input("x"), threads: 1)
      cast(out, narrow.view.readOnly, threads: 1)
    case "clamp":
      clamp(
        out, try input("x"), lower: Float(try number("lower")), upper: Float(try number("upper")))
    case "concat":
      let parts = try inputs.keys.sorted().map { try input($0) }
      concat(out, parts, axis: try integer("axis"), threads: 1)
    case "gated":
      gated(
        out, try input("x"),
        try choice(golden.config["function"]?.stringValue ?? "", of: Activation.self), threads: 2)
    case "gather":
      try gather(out, try input("x"), indices: try input("indices"), axis: try integer("axis"))
    case "groupNorm": try normalise(out)
    case "layerNorm":
      layerNorm(
        out, try input("x"), scale: try input("scale"), shift: try input("shift"),
        epsilon: try number("epsilon"), threads: 2)
    case "linear": try multiply(out)
    case "matMul": matMul(out, try input("a"), try input("b"), threads: 2)
    case "pad":
      pad(
        out, try input("x"), before: try integers("before"), value: try number("value"), threads: 1)
    case "reduce":
      let kind = try choice(golden.config["kind"]?.stringValue ?? "", of: ReductionKind.self)
      reduce(out, try input("x"), kind, axes: try integers("axes"))
    case "select":
      select(out, condition: try input("condition"), try input("a"), try input("b"))
    case "slice":
      slice(
        out, try input("x"), axis: try integer("axis"), start: try integer("start"),
        step: try integer("step"), threads: 1)
    case "softmax": softmax(out, try input("x"), axis: try integer("axis"), threads: 2)
    case "transpose": transpose(out, try input("x"), try integers("axes"), threads: 1)
    case "upsampleNearest":
      upsampleNearest2D(out, try input("x"), layout: .channelsFirst, threads: 2)
    case "timestepEmbedding": return false  // built of other ops
    case let other:
      throw UnknownCase(description: "\(golden.name) is of the unknown op \(other ?? "")")
    }
    return true
  }

  private func attend(_ name: String, _ out: MutableTensorView) throws {
    let q = try input("q"), k = try input("k"), v = try input("v")
    let parameters = AttentionParameters(
      heads: try integer("heads"), scale: Float(try number("scale")),
      isCausal: golden.config["causal"]?.boolValue ?? false,
      tokens: golden.config["tokens"]?.arrayValue?.compactMap(\.intValue))
    let isTap = name == "probabilities"
    let other = Result([q.shape[0], q.shape[1], v.shape[2]])
    attention(
      isTap ? other.view : out, tap: isTap ? out : nil, q: q, k: k, v: v,
      mask: inputs["mask"]?.view, parameters, threads: 2)
  }

  private func convolve(_ out: MutableTensorView) throws {
    let s = try integers("strides"), p = try integers("padding"), d = try integers("dilations")
    let parameters = Convolution2DParameters(
      strides: (s[0], s[1]), padding: (top: p[0], left: p[1], bottom: p[2], right: p[3]),
      dilations: (d[0], d[1]), groups: try integer("groups"), activation: try activation)
    let x = permuted(try golden.tensor("input.x"), [0, 2, 3, 1])
    let w = permuted(try golden.tensor("input.weight"), [2, 3, 1, 0])
    let residual = inputs["residual"].map { permuted($0, [0, 2, 3, 1]) }
    let adding = Convolution2DAddends(
      bias: inputs["bias"]?.view, vector: inputs["vector"]?.view, residual: residual?.view)
    let last = Result([0, 2, 3, 1].map { out.shape[$0] })
    if parameters.groups == 1 {
      let k = w.shape.dimensions.dropLast().reduce(1, *)
      let packed = Result(packedShape(inputs: k, outputs: w.shape[3]).dimensions)
      packWeight(packed.view, try input("weight"), threads: 1)
      convolution2D(
        last.view, x.view, packed: packed.view.readOnly, window: (w.shape[0], w.shape[1]),
        adding: adding, parameters, threads: 2)
    } else {
      convolution2D(last.view, x.view, weight: w.view, adding: adding, parameters, threads: 2)
    }
    transpose(out, last.view.readOnly, [0, 3, 1, 2], threads: 1)
  }

  private func normalise(_ out: MutableTensorView) throws {
    let x = try golden.tensor("input.x"), rank = x.shape.rank
    let toLast = [0] + Array(2..<rank) + [1], toFirst = [0, rank - 1] + Array(1..<(rank - 1))
    let last = Result(toLast.map { x.shape[$0] })
    groupNorm(
      last.view, permuted(x, toLast).view, scale: try input("scale"), shift: try input("shift"),
      groups: try integer("groups"), epsilon: try number("epsilon"), threads: 2)
    transpose(out, last.view.readOnly, toFirst, threads: 1)
  }

  private func multiply(_ out: MutableTensorView) throws {
    let w = try input("weight")
    let packed = Result(packedShape(inputs: w.shape[1], outputs: w.shape[0]).dimensions)
    packWeight(packed.view, w, threads: 1)
    linear(
      out, try input("x"), packed: packed.view.readOnly, bias: inputs["bias"]?.view,
      residual: inputs["residual"]?.view, activation: try activation, threads: 2)
  }
}
