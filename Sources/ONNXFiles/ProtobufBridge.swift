import ByteIO
import CONNXProto
import TensorBase

// All that touches protobuf-c and bare memory. Its results are plain values; nothing of C leaves
// this file.

/// The messages of formats/onnx/onnx.proto, as the generated descriptors have them.
struct WireSchema: Sendable {
  struct Message: Sendable {
    let name: String
    /// By number.
    fileprivate(set) var fields: [Field?]

    func field(_ number: Int) -> Field? { number < fields.count ? fields[number] : nil }
  }

  struct Field: Sendable {
    let name: String
    let kind: Kind
    let isRepeated: Bool
    /// Whether its text may be long.
    let isLong: Bool
  }

  enum Kind: Sendable {
    case number(WireKind)
    case text
    case bytes
    /// An index of `messages`.
    case message(Int)

    var isNumber: Bool {
      switch self {
      case .number: true
      case .text, .bytes, .message: false
      }
    }
  }

  private(set) var messages: [Message] = []
  private(set) var tensor = 0
  private(set) var node = 0

  static let shared = WireSchema()

  func index(of name: String) -> Int? { messages.firstIndex { $0.name == name } }

  private init() {
    _ = unsafe add(onnx__model_proto__descriptor)
    guard let tensor = index(of: "TensorProto"), let node = index(of: "NodeProto") else {
      preconditionFailure("a model has no tensors and nodes")
    }
    self.tensor = tensor
    self.node = node
  }

  /// Adds a message and those in it. Fields have numbers below 64.
  private mutating func add(_ descriptor: ProtobufCMessageDescriptor) -> Int {
    var name = unsafe String(cString: descriptor.name)
    name.trimPrefix("onnx.")
    if let index = index(of: name) { return index }
    let index = messages.count
    messages.append(Message(name: name, fields: []))
    var fields = [Field?](repeating: nil, count: 64)
    for i in 0..<Int(unsafe descriptor.n_fields) {
      let field = unsafe descriptor.fields[i]
      let kind: Kind
      switch unsafe field.type {
      case PROTOBUF_C_TYPE_INT32, PROTOBUF_C_TYPE_INT64, PROTOBUF_C_TYPE_UINT64:
        kind = .number(.varint)
      case PROTOBUF_C_TYPE_FLOAT: kind = .number(.fixed32)
      case PROTOBUF_C_TYPE_DOUBLE: kind = .number(.fixed64)
      case PROTOBUF_C_TYPE_STRING: kind = .text
      case PROTOBUF_C_TYPE_BYTES: kind = .bytes
      case PROTOBUF_C_TYPE_MESSAGE:
        let inner = unsafe field.descriptor.assumingMemoryBound(
          to: ProtobufCMessageDescriptor.self)
        kind = .message(unsafe add(inner.pointee))
      default: preconditionFailure("a type of field that the schema does not use")
      }
      let fieldName = unsafe String(cString: field.name)
      fields[Int(unsafe field.id)] = Field(
        name: fieldName, kind: kind, isRepeated: unsafe field.label == PROTOBUF_C_LABEL_REPEATED,
        isLong: name == "StringStringEntryProto" && fieldName == "value")
    }
    messages[index].fields = fields
    return index
  }
}

extension WireModel {
  /// Unpacks the copy that a `WireScan` made of a ModelProto.
  init(unpacking scan: WireScan) throws(ONNXWireFault) {
    let bytes = scan.message
    let unpacked = unsafe bytes.withUnsafeBufferPointer {
      unsafe onnx__model_proto__unpack(nil, $0.count, $0.baseAddress)
    }
    guard let unpacked = unsafe unpacked else { throw .notUnpacked }
    defer { unsafe onnx__model_proto__free_unpacked(unpacked, nil) }
    unsafe self.init(unpacked.pointee)
  }

  private init(_ c: Onnx__ModelProto) {
    irVersion = unsafe c.has_ir_version != 0 ? c.ir_version : nil
    producerName = unsafe text(c.producer_name)
    producerVersion = unsafe text(c.producer_version)
    opsets = unsafe list(c.opset_import, c.n_opset_import, WireOpset.init)
    graph = unsafe c.graph.map { unsafe WireGraph($0.pointee) }
    metadata = unsafe list(c.metadata_props, c.n_metadata_props, WirePair.init)
    hasTraining = unsafe c.n_training_info > 0
    functions = unsafe list(c.functions, c.n_functions, WireFunction.init)
  }
}

extension WireTensor {
  /// Unpacks the copy that a `WireScan` made of a TensorProto.
  init(unpacking scan: WireScan) throws(ONNXWireFault) {
    let bytes = scan.message
    let unpacked = unsafe bytes.withUnsafeBufferPointer {
      unsafe onnx__tensor_proto__unpack(nil, $0.count, $0.baseAddress)
    }
    guard let unpacked = unsafe unpacked else { throw .notUnpacked }
    defer { unsafe onnx__tensor_proto__free_unpacked(unpacked, nil) }
    unsafe self.init(unpacked.pointee)
  }

  fileprivate init(_ c: Onnx__TensorProto) {
    name = unsafe text(c.name)
    dimensions = unsafe numbers(c.dims, c.n_dims)
    type = unsafe c.has_data_type != 0 ? c.data_type : nil
    let number = unsafe bytes(c.raw_data)
    precondition(number.count == 4, "a tensor without a note")
    note = number.reversed().reduce(0) { $0 << 8 | Int($1) }
    hasSegment = unsafe c.segment != nil
    external = unsafe list(c.external_data, c.n_external_data, WirePair.init)
    location = unsafe c.has_data_location != 0 ? c.data_location : 0
  }
}

extension WireOpset {
  fileprivate init(_ c: Onnx__OperatorSetIdProto) {
    domain = unsafe text(c.domain)
    version = unsafe c.has_version != 0 ? c.version : 0
  }
}

extension WirePair {
  fileprivate init(_ c: Onnx__StringStringEntryProto) {
    key = unsafe text(c.key)
    value = unsafe text(c.value)
  }
}

extension WireGraph {
  fileprivate init(_ c: Onnx__GraphProto) {
    name = unsafe text(c.name)
    nodes = unsafe list(c.node, c.n_node, WireNode.init)
    initializers = unsafe list(c.initializer, c.n_initializer, WireTensor.init)
    sparseInitializers = unsafe list(
      c.sparse_initializer, c.n_sparse_initializer, WireSparseTensor.init)
    inputs = unsafe list(c.input, c.n_input, WireValueInfo.init)
    outputs = unsafe list(c.output, c.n_output, WireValueInfo.init)
    valueInfo = unsafe list(c.value_info, c.n_value_info, WireValueInfo.init)
  }
}

extension WireNode {
  fileprivate init(_ c: Onnx__NodeProto) {
    name = unsafe text(c.name)
    domain = unsafe text(c.domain)
    op = unsafe text(c.op_type)
    overload = unsafe text(c.overload)
    inputs = unsafe texts(c.input, c.n_input)
    outputs = unsafe texts(c.output, c.n_output)
    attributes = unsafe list(c.attribute, c.n_attribute, WireAttribute.init)
    metadata = unsafe list(c.metadata_props, c.n_metadata_props, WirePair.init)
  }
}

extension WireAttribute {
  fileprivate init(_ c: Onnx__AttributeProto) {
    name = unsafe text(c.name)
    type = unsafe c.has_type != 0 ? c.type : nil
    reference = unsafe text(c.ref_attr_name)
    int = unsafe c.has_i != 0 ? c.i : nil
    float = unsafe c.has_f != 0 ? c.f : nil
    string = unsafe c.has_s != 0 ? bytes(c.s) : nil
    tensor = unsafe c.t.map { unsafe WireTensor($0.pointee) }
    graph = unsafe c.g.map { unsafe [WireGraph($0.pointee)] } ?? []
    sparseTensor = unsafe c.sparse_tensor.map { unsafe WireSparseTensor($0.pointee) }
    hasType = unsafe c.tp != nil
    ints = unsafe numbers(c.ints, c.n_ints)
    floats = unsafe numbers(c.floats, c.n_floats)
    strings = unsafe UnsafeBufferPointer(start: c.strings, count: c.n_strings).map {
      unsafe bytes($0)
    }
    tensors = unsafe list(c.tensors, c.n_tensors, WireTensor.init)
    graphs = unsafe list(c.graphs, c.n_graphs, WireGraph.init)
    sparseTensorCount = unsafe c.n_sparse_tensors
    typeCount = unsafe c.n_type_protos
  }
}

extension WireSparseTensor {
  fileprivate init(_ c: Onnx__SparseTensorProto) {
    values = unsafe c.values.map { unsafe WireTensor($0.pointee) }
    indices = unsafe c.indices.map { unsafe WireTensor($0.pointee) }
    dimensions = unsafe numbers(c.dims, c.n_dims)
  }
}

extension WireValueInfo {
  fileprivate init(_ c: Onnx__ValueInfoProto) {
    name = unsafe text(c.name)
    type = unsafe c.type.map { unsafe WireType($0.pointee) }
  }
}

extension WireType {
  fileprivate init(_ c: Onnx__TypeProto) {
    members = []
    if let tensor = unsafe c.tensor_type?.pointee {
      let shape = unsafe tensor.shape.map { shape in
        unsafe list(shape.pointee.dim, shape.pointee.n_dim, WireDimension.init)
      }
      members.append(.tensor(unsafe tensor.has_elem_type != 0 ? tensor.elem_type : 0, shape))
    }
    if let tensor = unsafe c.sparse_tensor_type?.pointee {
      members.append(.sparseTensor(unsafe tensor.has_elem_type != 0 ? tensor.elem_type : 0))
    }
    if let sequence = unsafe c.sequence_type?.pointee {
      members.append(.sequence(unsafe sequence.elem_type.map { unsafe WireType($0.pointee) }))
    }
    if let optional = unsafe c.optional_type?.pointee {
      members.append(.optional(unsafe optional.elem_type.map { unsafe WireType($0.pointee) }))
    }
    if let map = unsafe c.map_type?.pointee {
      members.append(
        .map(
          key: unsafe map.has_key_type != 0 ? map.key_type : 0,
          unsafe map.value_type.map { unsafe WireType($0.pointee) }))
    }
    if let opaque = unsafe c.opaque_type?.pointee {
      members.append(.opaque(name: unsafe text(opaque.name)))
    }
  }
}

extension WireDimension {
  fileprivate init(_ c: Onnx__TensorShapeProto__Dimension) {
    size = unsafe c.has_dim_value != 0 ? c.dim_value : nil
    symbol = unsafe text(c.dim_param)
  }
}

extension WireFunction {
  fileprivate init(_ c: Onnx__FunctionProto) {
    name = unsafe text(c.name)
    domain = unsafe text(c.domain)
    overload = unsafe text(c.overload)
    inputs = unsafe texts(c.input, c.n_input)
    outputs = unsafe texts(c.output, c.n_output)
    attributes = unsafe texts(c.attribute, c.n_attribute)
    defaults = unsafe list(c.attribute_proto, c.n_attribute_proto, WireAttribute.init)
    opsets = unsafe list(c.opset_import, c.n_opset_import, WireOpset.init)
    nodes = unsafe list(c.node, c.n_node, WireNode.init)
  }
}

/// Text that is not set is empty.
private func text(_ pointer: UnsafeMutablePointer<CChar>?) -> String {
  unsafe pointer.map { unsafe String(cString: $0) } ?? ""
}

private func texts(
  _ pointer: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ count: Int
) -> [String] {
  unsafe UnsafeBufferPointer(start: pointer, count: count).map { unsafe text($0) }
}

private func bytes(_ data: ProtobufCBinaryData) -> [UInt8] {
  unsafe [UInt8](UnsafeBufferPointer(start: data.data, count: data.len))
}

private func numbers<Number>(_ pointer: UnsafeMutablePointer<Number>?, _ count: Int) -> [Number] {
  unsafe [Number](UnsafeBufferPointer(start: pointer, count: count))
}

private func list<Message, Value>(
  _ pointer: UnsafeMutablePointer<UnsafeMutablePointer<Message>?>?, _ count: Int,
  _ value: (Message) -> Value
) -> [Value] {
  unsafe UnsafeBufferPointer(start: pointer, count: count).compactMap { message in
    unsafe message.map { unsafe value($0.pointee) }
  }
}

/// How many varints `bytes` hold; nil when the last is cut.
func varintCount(_ bytes: RawSpan) -> Int? {
  unsafe bytes.withUnsafeBytes { bytes in
    let count = unsafe bytes.reduce(0) { $0 + ($1 < 0x80 ? 1 : 0) }
    guard let last = unsafe bytes.last else { return 0 }
    return last < 0x80 ? count : nil
  }
}

/// The bytes of `range` as a tensor, without copying where they are aligned to the type.
/// Precondition: they lie in the file and are as many as type and shape need.
func fileTensor(_ file: MappedFile, _ range: Range<Int>, _ type: ElementType, _ shape: Shape)
  -> Tensor
{
  precondition(range.count == shape.count * type.byteCount && range.upperBound <= file.size)
  if range.isEmpty { return Tensor(type: type, shape: shape, bytes: []) }
  return unsafe file.withUnsafeBytes { all in
    let bytes = unsafe UnsafeRawBufferPointer(rebasing: all[range])
    if UInt(bitPattern: bytes.baseAddress) % UInt(type.byteCount) == 0 {
      return unsafe Tensor(type: type, shape: shape, mapped: bytes, owner: file)
    }
    return unsafe Tensor(type: type, shape: shape) { target in
      unsafe target.copyMemory(from: bytes)
    }
  }
}

/// The byte at `index`.
func byte(_ bytes: RawSpan, _ index: Int) -> UInt8 {
  unsafe bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self)
}
