import ByteIO
import TensorBase

/// What a PyTorch zip checkpoint holds.
struct PyTorchContent {
  var tensors: [StoredTensor] = []
  var metadata: [String: String] = [:]
  var leftOut: [String] = []
}

/// The first bytes of `torch.save` before 1.6: protocol 2, then the number 0x1950a86a20f9469cfc6c.
let oldPyTorchMagic: [UInt8] = [
  0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19,
]

/// Largest data.pkl read, in bytes.
private let pickleLimit = 64 << 20

/// Reads the zip that `torch.save` writes: `<folder>/data.pkl` describes the tensors, whose
/// elements are the entries `<folder>/data/<key>`.
func readPyTorch(_ file: MappedFile) throws(TensorFileError) -> PyTorchContent {
  let archive: ZipArchive
  do { archive = try ZipArchive(file) } catch { throw .zip(file: file.name, error) }
  let pickles = archive.entries.filter { lastComponent(of: $0.name) == "data.pkl" }
  guard let pickle = pickles.first else { throw .pytorch(file: file.name, .noPickle) }
  guard pickles.count == 1 else { throw .pytorch(file: file.name, .severalPickles) }
  let folder = String(pickle.name.dropLast("data.pkl".count))
  if let entry = archive.entry(named: folder + "byteorder") {
    let order = String(decoding: try archive.bytes(of: entry, maximum: 16), as: UTF8.self)
    guard order == "little" else { throw .pytorch(file: file.name, .byteOrder(order)) }
  }
  let bytes = try archive.bytes(of: pickle, maximum: pickleLimit)
  let value: PickleValue
  let store: PickleStore
  do { (value, store) = try PickleMachine.read(bytes) } catch {
    throw .pickle(file: file.name, error)
  }
  var collector = PyTorchCollector(archive: archive, folder: folder, store: store)
  try collector.collect(value)
  return collector.content
}

/// Gives the tensors of a pickled value their names: keys joined by dots.
private struct PyTorchCollector {
  let archive: ZipArchive
  let folder: String
  let store: PickleStore
  var content = PyTorchContent()
  private var entries: [String: PickledStorage] = [:]
  private var visited = 0

  static let depthLimit = 32
  /// A container may be recalled many times, each time in another place.
  static let visitLimit = 1 << 19
  /// What a tensor may take beyond its storage when strides of 0 repeat elements, in bytes.
  static let repeatLimit = 64 << 20

  init(archive: ZipArchive, folder: String, store: PickleStore) {
    self.archive = archive
    self.folder = folder
    self.store = store
  }

  private var file: String { archive.file.name }

  mutating func collect(_ root: PickleValue) throws(TensorFileError) {
    if case .dictionary(let index) = root {
      let items = store.dictionaries[index]
      // Trainers save the weights beside optimizer states and counters.
      let wrapped = items.firstIndex { item in
        guard case .string(let key) = item.key, key == "state_dict" || key == "model" else {
          return false
        }
        return holdsTensors(item.value)
      }
      if let wrapped {
        try visit(items[wrapped].value, name: "", depth: 0)
        for (i, item) in items.enumerated() where i != wrapped {
          content.leftOut.append(try key(item.key))
        }
      } else {
        try visit(root, name: "", depth: 0)
      }
    } else {
      try visit(root, name: "", depth: 0)
    }
    if content.tensors.isEmpty { throw .pytorch(file: file, .noTensors) }
  }

  private func holdsTensors(_ value: PickleValue) -> Bool {
    guard case .dictionary(let index) = value else { return false }
    return store.dictionaries[index].contains { item in
      if case .tensor = item.value { return true }
      return false
    }
  }

  private func key(_ value: PickleValue) throws(TensorFileError) -> String {
    switch value {
    case .string(let text): return text
    case .int(let number): return String(number)
    case .none, .bool, .float, .largeInteger, .bytes, .tuple, .list, .dictionary, .global, .storage,
      .tensor:
      throw .pytorch(file: file, .badKey)
    }
  }

  private mutating func visit(
    _ value: PickleValue, name: String, depth: Int
  ) throws(TensorFileError) {
    visited += 1
    guard depth <= Self.depthLimit, visited <= Self.visitLimit else {
      throw .pytorch(file: file, .nesting(maximum: Self.depthLimit))
    }
    let prefix = name.isEmpty ? "" : name + "."
    switch value {
    case .tensor(let index):
      content.tensors.append(
        try stored(store.tensors[index], name: name.isEmpty ? "tensor" : name))
    case .dictionary(let index):
      for item in store.dictionaries[index] {
        try visit(item.value, name: prefix + (try key(item.key)), depth: depth + 1)
      }
    case .list(let index):
      for (i, item) in store.lists[index].enumerated() {
        try visit(item, name: prefix + String(i), depth: depth + 1)
      }
    case .tuple(let index):
      for (i, item) in store.tuples[index].enumerated() {
        try visit(item, name: prefix + String(i), depth: depth + 1)
      }
    case .string(let text), .largeInteger(let text): content.metadata[name] = text
    case .int(let number): content.metadata[name] = String(number)
    case .float(let number): content.metadata[name] = "\(number)"
    case .bool(let flag): content.metadata[name] = flag ? "true" : "false"
    case .none, .bytes, .global, .storage: break
    }
  }

  private mutating func stored(
    _ tensor: PickledTensor, name: String
  ) throws(TensorFileError) -> StoredTensor {
    let storage = store.storages[tensor.storage]
    let source = try entry(of: storage, tensor: name).source
    let shape: Shape
    do {
      shape = try Shape(checking: tensor.size.map { Int($0) })
    } catch {
      throw .badShape(file: file, tensor: name, error)
    }
    let layout: StridedLayout
    do {
      layout = try StridedLayout(tensor, shape: shape, name: name, byteCount: source.size)
    } catch {
      throw .pytorch(file: file, error)
    }
    let descriptor = TensorDescriptor(name: name, type: tensor.type, shape: shape)
    let most = max(source.size, Self.repeatLimit)
    guard descriptor.byteCount <= most else {
      throw .pytorch(
        file: file, .repeatsTooMuch(tensor: name, bytes: descriptor.byteCount, maximum: most))
    }
    return StoredTensor(
      descriptor: descriptor, source: source, byteOffset: layout.byteOffset,
      strides: layout.strides)
  }

  private mutating func entry(
    of storage: PickledStorage, tensor: String
  ) throws(TensorFileError) -> ZipArchive.Entry {
    let name = folder + "data/" + storage.key
    guard let entry = archive.entry(named: name) else {
      throw .pytorch(file: file, .noStorage(tensor: tensor, entry: name))
    }
    if let known = entries[storage.key] {
      guard known == storage else {
        throw .pytorch(file: file, .storageConflict(key: storage.key))
      }
      return entry
    }
    guard let needed = storage.byteCount, needed == UInt64(entry.source.size) else {
      throw .pytorch(
        file: file,
        .storageSize(
          entry: name, found: entry.source.size, expected: storage.byteCount ?? .max))
    }
    entries[storage.key] = storage
    return entry
  }
}

/// Size, stride and offset of a tensor, checked against its storage.
private struct StridedLayout {
  let byteOffset: Int
  /// nil: row-major without gaps.
  let strides: [Int]?

  /// `byteCount`: of the storage.
  init(
    _ tensor: PickledTensor, shape: Shape, name: String, byteCount: Int
  ) throws(PyTorchFault) {
    guard tensor.stride.count == shape.rank, tensor.offset >= 0,
      tensor.stride.allSatisfy({ $0 >= 0 })
    else { throw .badStrides(tensor: name) }
    let available = byteCount / tensor.type.byteCount
    let offset = Int(tensor.offset)
    let strides = tensor.stride.map { Int($0) }
    var last = offset
    for (dimension, stride) in zip(shape.dimensions, strides) where dimension > 1 {
      let (reach, tooFar) = (dimension - 1).multipliedReportingOverflow(by: stride)
      let (sum, overflow) = last.addingReportingOverflow(reach)
      guard !tooFar, !overflow else { throw .badStrides(tensor: name) }
      last = sum
    }
    if shape.count == 0 {
      guard offset <= available else {
        throw .beyondStorage(tensor: name, needed: offset, available: available)
      }
    } else {
      guard last < available else {
        let needed = last == Int.max ? last : last + 1
        throw .beyondStorage(tensor: name, needed: needed, available: available)
      }
    }
    byteOffset = offset * tensor.type.byteCount
    // The stride of an axis of one element says nothing.
    let plain = shape.count == 0 ? strides : shape.strides
    let contiguous = zip(shape.dimensions, zip(strides, plain)).allSatisfy { dimension, pair in
      dimension == 1 || pair.0 == pair.1
    }
    self.strides = contiguous ? nil : strides
  }
}
