// The messages of formats/onnx/onnx.proto as plain values, nothing checked. Nil is a field that the
// file does not set.

struct WireModel {
  var irVersion: Int64?
  var producerName: String
  var producerVersion: String
  var opsets: [WireOpset]
  var graph: WireGraph?
  var metadata: [WirePair]
  var hasTraining: Bool
  var functions: [WireFunction]
}

struct WireOpset {
  var domain: String
  var version: Int64
}

struct WirePair {
  var key: String
  var value: String
}

struct WireGraph {
  var name: String
  var nodes: [WireNode]
  var initializers: [WireTensor]
  var sparseInitializers: [WireSparseTensor]
  var inputs: [WireValueInfo]
  var outputs: [WireValueInfo]
  var valueInfo: [WireValueInfo]
}

struct WireNode {
  var name: String
  var domain: String
  var op: String
  var overload: String
  var inputs: [String]
  var outputs: [String]
  var attributes: [WireAttribute]
  var metadata: [WirePair]
}

struct WireAttribute {
  var name: String
  var type: Int32?
  var reference: String
  var int: Int64?
  var float: Float?
  var string: [UInt8]?
  var tensor: WireTensor?
  /// At most one.
  var graph: [WireGraph]
  var sparseTensor: WireSparseTensor?
  var hasType: Bool
  var ints: [Int64]
  var floats: [Float]
  var strings: [[UInt8]]
  var tensors: [WireTensor]
  var graphs: [WireGraph]
  var sparseTensorCount: Int
  var typeCount: Int
}

struct WireTensor {
  var name: String
  var dimensions: [Int64]
  var type: Int32?
  /// An index of `WireScan.notes`.
  var note: Int
  var hasSegment: Bool
  var external: [WirePair]
  var location: Int32
}

struct WireSparseTensor {
  var values: WireTensor?
  var indices: WireTensor?
  var dimensions: [Int64]
}

struct WireValueInfo {
  var name: String
  var type: WireType?
}

/// The members of a type that are set; a sound one has exactly one.
struct WireType {
  var members: [WireTypeMember]
}

indirect enum WireTypeMember {
  case tensor(Int32, [WireDimension]?)
  case sparseTensor(Int32)
  case sequence(WireType?)
  case optional(WireType?)
  case map(key: Int32, WireType?)
  case opaque(name: String)
}

struct WireDimension {
  var size: Int64?
  var symbol: String
}

struct WireFunction {
  var name: String
  var domain: String
  var overload: String
  var inputs: [String]
  var outputs: [String]
  var attributes: [String]
  var defaults: [WireAttribute]
  var opsets: [WireOpset]
  var nodes: [WireNode]
}
