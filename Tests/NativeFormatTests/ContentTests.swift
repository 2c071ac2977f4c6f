import ByteIO
import GraphIR
import JSONText
import NativeFormat
import TensorBase
import TestSupport
import Testing

/// Every op with every attribute set to something that is not its default.
private let everyOp: [Op] =
  Unary.allCases.map { .unary($0) } + Binary.allCases.map { .binary($0) }
  + ElementType.allCases.map { .cast($0) }
  + Unary.allCases.filter(\.isActivation).map { .linear(activation: $0) }
  + [
    .clamp(lower: -.infinity, upper: 0.1), .clamp(lower: -0.0, upper: .greatestFiniteMagnitude),
    .select, .matMul, .packWeight,
    .linear(activation: .gelu, packed: PackedWeight(outputs: 33)),
    .convolution(
      Convolution(layout: .channelsLast, packed: PackedWeight(outputs: 5, window: [3, 2]))),
    .convolution(
      Convolution(
        strides: [2, 3], padding: [1, 2, 3, 4], dilations: [5, 6], groups: 7, activation: .silu,
        layout: .channelsLast)),
    .convolution(Convolution()), .linear(activation: nil),
    .attention(Attention(heads: 8, scale: 0.35355338, isCausal: true, tokens: [0, 5, 3])),
    .attention(Attention(heads: 1, scale: 1, tokens: [])),
    .attention(Attention(heads: 1, scale: 1)),
    .groupNorm(GroupNorm(groups: 32, epsilon: 1e-6, activation: .silu, layout: .channelsLast)),
    .groupNorm(GroupNorm(groups: 1, epsilon: 0.1)), .layerNorm(epsilon: 1e-12),
    .softmax(axis: 3), .gated(.gelu), .gated(.tanh),
    .upsampleNearest(UpsampleNearest(scale: 2, layout: .channelsLast)),
    .upsampleNearest(UpsampleNearest(scale: 3)), .gather(axis: 1),
    .reshape([.size(4), .rest, .like(input: 1, axis: 2)]), .reshape([]), .transpose([2, 0, 1]),
    .concat(axis: 2), .slice(Slice(axis: 1, start: -3, end: .max, step: 2)),
    .prefix(axis: 1, likeAxis: 0), .pad(Pad(before: [0, 1], after: [2, 3], value: -.infinity)),
    .reduce(Reduction(.mean, axes: [0, 2], keepsAxes: true)),
    .reduce(Reduction(.maximum, axes: [], keepsAxes: false)),
  ]

/// Constants of every type, with the patterns that numbers in a text would lose.
private let constants: [Tensor] = [
  Tensor(
    floats: [
      0.1, -0.0, .nan, Float(bitPattern: 0xffc0_1234), .infinity, -.infinity,
      .leastNonzeroMagnitude,
    ],
    shape: [7]),
  Tensor(int64s: [.max, .min, 1 << 53 + 1, -1], shape: [2, 2]),
  Tensor(type: .u64, shape: [1], bytes: [UInt8](repeating: 0xff, count: 8)),
  Tensor(type: .f64, shape: [], bytes: [1, 2, 3, 4, 5, 6, 7, 8]),
  Tensor(type: .f16, shape: [2], bytes: [1, 0, 0xff, 0x7f]),
  Tensor(type: .bf16, shape: [1], bytes: [0x81, 0x7f]),
  Tensor(type: .bool, shape: [3], bytes: [1, 0, 1]),
  Tensor(type: .i8, shape: [0, 5], bytes: []),
]

/// A graph whose references are sound; its shapes need not fit.
private func graph(named name: String) -> Graph {
  var builder = GraphBuilder(name: name)
  let x = builder.input("x", .f32, [.symbol("batch"), .size(3), .symbol("batch"), .size(0)])
  _ = builder.input("ids", .i64, [])
  let weight = builder.weight("layer.weight", [2, 3])
  for (index, constant) in constants.enumerated() {
    _ = builder.constant("constant.\(index) — größer", constant)
  }
  for (index, op) in everyOp.enumerated() {
    var inputs: [ValueID?] = [ValueID?](repeating: x, count: op.requiredInputs)
    if op.requiredInputs == 2 { inputs[1] = weight }
    let longest = min(op.inputCounts.upperBound, 5)
    while inputs.count < longest { inputs.append(inputs.count % 2 == 0 ? nil : x) }
    if case .attention(let attributes) = op {
      builder.output(
        builder.attention(
          "attention.\(index)", attributes, query: x, key: x, value: x,
          mask: index % 2 == 0 ? x : nil))
    } else {
      builder.output(builder.node("node.\(index)", op, inputs: inputs))
    }
  }
  return builder.graph
}

private func fullContent() -> NativeContent {
  var content = NativeContent()
  content.graphs = [graph(named: "unet"), graph(named: "text_encoder"), Graph(name: "empty")]
  content.components = ["unet": .object(["cross_attention_dim": .integer(768)])]
  content.tokenizer = .object(["vocab": .array([.string("[PAD]"), .string("e\u{301}é")])])
  content.scheduler = .object(["beta_end": .number(0.012), "steps_offset": .integer(1)])
  content.provenance = ["source": .string("a/b.safetensors"), "sha256": .null]
  return content
}

private func write(
  _ path: String, _ content: NativeContent = fullContent(),
  weights: [Float] = [0.1, 0.2, 0.3, 4, 5, 6]
) throws {
  var writer = try NativeWriter(path: path, options: StorageOptions())
  try writer.add("layer.weight", Tensor(floats: weights, shape: [2, 3]))
  try writer.finish(content)
}

@Test func everyOpAndAttributeComesBack() throws {
  try withTemporaryFolder { folder in
    let path = folder + "/model.plumb"
    let content = fullContent()
    try write(path, content)
    let file = try NativeFile(path: path)
    #expect(file.graphs.map(\.name) == ["unet", "text_encoder", "empty"])
    for (found, expected) in zip(file.graphs, content.graphs) {
      #expect(found.inputs == expected.inputs)
      #expect(found.outputs == expected.outputs)
      for (a, b) in zip(found.nodes, expected.nodes) { #expect(a == b) }
      for (a, b) in zip(found.values, expected.values) { #expect(a == b) }
      #expect(found == expected)
    }
    #expect(file.components == content.components)
    #expect(file.component("unet") == content.components["unet"])
    #expect(file.component("vae") == nil)
    #expect(file.tokenizer == content.tokenizer)
    #expect(file.scheduler == content.scheduler)
    #expect(file.provenance == content.provenance)
    #expect(file.versionText == "1.0")
    #expect(file.name == "model.plumb")
  }
}

@Test func graphsWithoutExtrasComeBack() throws {
  try withTemporaryFolder { folder in
    let path = folder + "/model.plumb"
    try NativeWriter(path: path, options: StorageOptions()).finish(NativeContent())
    let file = try NativeFile(path: path)
    #expect(file.tokenizer == nil)
    #expect(file.scheduler == nil)
    #expect(file.graphs == [])
    #expect(file.tensorNames == [])
    try file.verifyContents()
  }
}

@Test func theSameContentGivesTheSameBytes() throws {
  try withTemporaryFolder { folder in
    let floats = (0..<1_500_000).map { Float(($0 &* 7919) % 10_007) * 0.001 }
    for name in ["a", "b"] {
      var writer = try NativeWriter(path: folder + "/" + name, options: StorageOptions())
      try writer.add("layer.weight", Tensor(floats: [1, 2, 3, 4, 5, 6], shape: [2, 3]))
      try writer.add("large", Tensor(floats: floats, shape: [1_500_000]))
      try writer.finish(fullContent())
    }
    let a = try MappedFile(path: folder + "/a")
    let b = try MappedFile(path: folder + "/b")
    #expect(try a.bytes(in: 0..<a.size) == b.bytes(in: 0..<b.size))
  }
}

@Test func theHeaderIsAsWrittenDown() throws {
  try withTemporaryFolder { folder in
    let path = folder + "/model.plumb"
    try write(path)
    let file = try MappedFile(path: path)
    var reader = try ByteReader(file)
    #expect(try reader.bytes(8) == [0x50, 0x4c, 0x55, 0x4d, 0x42, 0x0d, 0x0a, 0x1a])
    #expect(try reader.u16() == 1)
    #expect(try reader.u16() == 0)
    #expect(try reader.u32() == 128)
    #expect(try reader.u64() == UInt64(file.size))
    let offset = Int(try reader.u64())
    #expect(try reader.u64() == UInt64(file.size - offset))
    let unpacked = Int(try reader.u64())
    let index = try file.bytes(in: offset..<file.size)
    #expect(try reader.bytes(32) == SHA256.digest(of: index))
    #expect(try reader.bytes(44) == [UInt8](repeating: 0, count: 44))
    #expect(try reader.u32() == crc32(file.bytes(in: 0..<124)))
    let text = try ZstandardDecompressor().decompress(index, size: unpacked)
    let json = try JSONValue(parsing: text)
    #expect(
      json.objectValue?.keys == [
        "graphs", "tensors", "components", "provenance", "tokenizer", "scheduler",
      ])
    #expect(try NativeFile(path: path).identity == hexText(SHA256.digest(of: index)))
  }
}

@Test func aFileThatWasThereSurvivesAFailure() throws {
  try withTemporaryFolder { folder in
    let path = folder + "/model.plumb"
    try write(path)
    let before = try NativeFile(path: path).identity
    do {
      var writer = try NativeWriter(path: path, options: StorageOptions(weights: .f16))
      try writer.add("a", Tensor(floats: [Float](repeating: 0.5, count: 1 << 20), shape: [1 << 20]))
      try writer.add("b", Tensor(floats: [1e30], shape: [1]))
      Issue.record("1e30 was stored as f16")
      try writer.finish(NativeContent())
    } catch { #expect("\(error)".contains("leaves the range")) }
    #expect(try NativeFile(path: path).identity == before)
    #expect(try folderListing(folder) == ["model.plumb"])
    try write(path, weights: [6, 5, 4, 3, 2, 1])
    #expect(try NativeFile(path: path).identity != before)
  }
}

@Test func whatIsNoNativeFileIsToldApart() throws {
  try withTemporaryFolder { folder in
    try write(folder + "/model.plumb")
    try writeFile(Array("PLUMB\n".utf8), to: folder + "/text")
    try writeFile([], to: folder + "/empty")
    #expect(try NativeFile.isNative(folder + "/model.plumb"))
    #expect(try !NativeFile.isNative(folder + "/text"))
    #expect(try !NativeFile.isNative(folder + "/empty"))
    #expect(throws: NativeError.notNative(file: "text")) {
      try NativeFile(path: folder + "/text")
    }
    #expect(throws: NativeError.bytes(.noSuchFile(path: folder + "/none"))) {
      try NativeFile(path: folder + "/none")
    }
  }
}
