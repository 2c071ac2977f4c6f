import TensorBase

/// What a pickle of a checkpoint may hold. Containers are indices into the machine's `PickleStore`:
/// no value owns another, so neither depth nor cycles can hurt.
enum PickleValue {
  case none
  case bool(Bool)
  case int(Int64)
  /// One of more than 64 bits, as text: no tensor has such a size, but a counter beside may.
  case largeInteger(String)
  case float(Double)
  case string(String)
  case bytes([UInt8])
  case tuple(Int)
  case list(Int)
  case dictionary(Int)
  case global(PickleGlobal)
  case storage(Int)
  case tensor(Int)
}

/// Contents of the containers of one pickle.
struct PickleStore {
  var tuples: [[PickleValue]] = []
  var lists: [[PickleValue]] = []
  var dictionaries: [[(key: PickleValue, value: PickleValue)]] = []
  var storages: [PickledStorage] = []
  var tensors: [PickledTensor] = []
}

/// A storage named by a persistent id.
struct PickledStorage: Equatable {
  /// nil: bytes, whose tensors say their own type.
  let type: ElementType?
  let key: String
  /// Elements, or bytes when untyped.
  let count: UInt64

  var byteCount: UInt64? {
    let (product, overflow) = count.multipliedReportingOverflow(by: UInt64(type?.byteCount ?? 1))
    return overflow ? nil : product
  }
}

/// The arguments of `torch._utils._rebuild_tensor_v2` (or v3), as found.
struct PickledTensor {
  let storage: Int
  let type: ElementType
  let offset: Int64
  let size: [Int64]
  let stride: [Int64]
}

/// The only names a pickle may use. None is ever called: each stands for a rule of this reader.
enum PickleGlobal: Equatable {
  case orderedDictionary
  case size
  case rebuildTensor
  case rebuildTypedTensor
  case rebuildParameter
  /// nil: untyped bytes.
  case storageType(ElementType?)
  case elementType(ElementType)
  /// `torch.strided` and the like: harmless words that nothing here needs.
  case word

  init(module: String, name: String) throws(PickleFault) {
    switch (module, name) {
    case ("collections", "OrderedDict"): self = .orderedDictionary
    case ("torch", "Size"): self = .size
    case ("torch._utils", "_rebuild_tensor_v2"): self = .rebuildTensor
    case ("torch._utils", "_rebuild_tensor_v3"): self = .rebuildTypedTensor
    case ("torch._utils", "_rebuild_parameter"): self = .rebuildParameter
    case ("torch.storage", "UntypedStorage"): self = .storageType(nil)
    case ("torch", "strided"), ("torch", "contiguous_format"), ("torch", "preserve_format"):
      self = .word
    case ("torch", _):
      if let type = storageTypes[name] {
        self = .storageType(type)
      } else if let type = elementTypes[name] {
        self = .elementType(type)
      } else {
        throw .global(module: module, name: name)
      }
    default: throw .global(module: module, name: name)
    }
  }
}

private let storageTypes: [String: ElementType] = [
  "FloatStorage": .f32, "DoubleStorage": .f64, "HalfStorage": .f16, "BFloat16Storage": .bf16,
  "LongStorage": .i64, "IntStorage": .i32, "ShortStorage": .i16, "CharStorage": .i8,
  "ByteStorage": .u8, "BoolStorage": .bool,
]

private let elementTypes: [String: ElementType] = [
  "float32": .f32, "float64": .f64, "float16": .f16, "bfloat16": .bf16,
  "int64": .i64, "int32": .i32, "int16": .i16, "int8": .i8,
  "uint64": .u64, "uint32": .u32, "uint16": .u16, "uint8": .u8, "bool": .bool,
]
