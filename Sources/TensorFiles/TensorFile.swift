import ByteIO
import Synchronization
import TensorBase

/// A tensor in a file: what it is, without its data.
package struct TensorDescriptor: Hashable, Sendable {
  package let name: String
  package let type: ElementType
  package let shape: Shape

  package var byteCount: Int { shape.count * type.byteCount }
}

/// The formats that are read.
package enum TensorFileFormat: String, Sendable {
  case safetensors, pytorch, npy, npz
  /// `*.index.json` over shards.
  case sharded
}

/// One of the files that tensors came from.
package struct TensorSource: Hashable, Sendable {
  /// Without its folder.
  package let name: String
  /// In bytes.
  package let size: Int
  /// 64 lower-case hexadecimal digits.
  package let sha256: String
}

/// Named tensors in a file or its shards. Opening checks everything but the elements; elements are
/// mapped when asked for, and copied only when packed, not contiguous or not aligned.
package final class TensorFile: Sendable {
  /// As given to `open`.
  package let path: String
  package let format: TensorFileFormat
  /// In the file's order.
  package let descriptors: [TensorDescriptor]
  /// safetensors: `__metadata__`. PyTorch: the scalars beside the tensors, as text.
  package let metadata: [String: String]
  /// Keys at the top of a PyTorch checkpoint that hold no weights and were not read (optimizer
  /// states and the like).
  package let leftOut: [String]

  let files: [MappedFile]
  private let tensors: [StoredTensor]
  private let indexByName: [String: Int]
  private let cache = Mutex(Unpacked())

  /// Opens by content, helped by the extension where the content alone could mislead. Errors: the
  /// file is unreadable, of no known format, or breaks a rule of its format.
  package static func open(_ path: String) throws(TensorFileError) -> TensorFile {
    let file = try bytesErrors { () throws(ByteIOError) in try MappedFile(path: path) }
    guard file.size > 0 else { throw .emptyFile(file: file.name) }
    switch try detectFormat(of: file) {
    case .safetensors:
      let (tensors, metadata) = try readSafetensors(file)
      return try TensorFile(path, .safetensors, tensors, metadata: metadata, files: [file])
    case .sharded:
      return try openShards(index: file)
    case .pytorch:
      let content = try readPyTorch(file)
      return try TensorFile(
        path, .pytorch, content.tensors, metadata: content.metadata, leftOut: content.leftOut,
        files: [file])
    case .npy:
      return try TensorFile(path, .npy, [try readNPY(file)], files: [file])
    case .npz:
      return try TensorFile(path, .npz, try readNPZ(file), files: [file])
    }
  }

  init(
    _ path: String, _ format: TensorFileFormat, _ tensors: [StoredTensor],
    metadata: [String: String] = [:], leftOut: [String] = [], files: [MappedFile]
  ) throws(TensorFileError) {
    var indexByName: [String: Int] = [:]
    for (index, tensor) in tensors.enumerated() {
      guard indexByName.updateValue(index, forKey: tensor.descriptor.name) == nil else {
        throw .duplicateTensor(file: lastComponent(of: path), name: tensor.descriptor.name)
      }
    }
    self.path = path
    self.format = format
    self.tensors = tensors
    self.metadata = metadata
    self.leftOut = leftOut
    self.files = files
    self.indexByName = indexByName
    descriptors = tensors.map(\.descriptor)
  }

  /// The file's name without its folder.
  package var name: String { lastComponent(of: path) }

  /// In the file's order.
  package var names: [String] { descriptors.map(\.name) }

  package func contains(_ name: String) -> Bool { indexByName[name] != nil }

  /// Errors: there is no such tensor.
  package func descriptor(named name: String) throws(TensorFileError) -> TensorDescriptor {
    try stored(name).descriptor
  }

  /// The tensor with its elements. Errors: there is no such tensor; its packed bytes are damaged.
  package func tensor(named name: String) throws(TensorFileError) -> Tensor {
    let tensor = try stored(name)
    return try cache.withLock { (unpacked) throws(TensorFileError) in
      try tensor.load(&unpacked)
    }
  }

  /// Gives back the memory that reading the tensor took, beyond the copies still held: pages of the
  /// file, unpacked bytes. Tensors that point into those pages stay valid.
  package func release(_ name: String) {
    guard let index = indexByName[name] else { return }
    tensors[index].release()
    cache.withLock { $0.latest = nil }
  }

  /// The files the tensors come from with their digests; reads each of them once, whole.
  package func sources() throws(TensorFileError) -> [TensorSource] {
    var result: [TensorSource] = []
    for file in files {
      let digest = try bytesErrors { () throws(ByteIOError) in try SHA256.hexDigest(of: file) }
      result.append(TensorSource(name: file.name, size: file.size, sha256: digest))
    }
    return result
  }

  func storedTensors() -> [StoredTensor] { tensors }

  private func stored(_ name: String) throws(TensorFileError) -> StoredTensor {
    guard let index = indexByName[name] else {
      throw .noSuchTensor(file: self.name, name: name)
    }
    return tensors[index]
  }
}

/// Runs `body`, turning its error into one of this target.
func bytesErrors<R: ~Copyable>(
  _ body: () throws(ByteIOError) -> R
) throws(TensorFileError) -> R {
  do { return try body() } catch { throw .bytes(error) }
}

/// The content decides; an extension that promises a format is believed when the content fits none,
/// so that the error is about that format.
private func detectFormat(of file: MappedFile) throws(TensorFileError) -> TensorFileFormat {
  let head = file.withUnsafeBytes { [UInt8]($0.prefix(32)) }
  let name = file.name
  if name.hasSuffix(".index.json") { return .sharded }
  if name.hasSuffix(".safetensors") { return .safetensors }
  if name.hasSuffix(".npy") { return .npy }
  if name.hasSuffix(".npz") { return .npz }
  if head.starts(with: [0x50, 0x4B, 0x03, 0x04]) { return .pytorch }
  if head.starts(with: npyMagic) { return .npy }
  if head.starts(with: oldPyTorchMagic) { throw .pytorch(file: name, .oldFormat) }
  if head.count > 9, head[8] == UInt8(ascii: "{"), head[4..<8].allSatisfy({ $0 == 0 }) {
    return .safetensors
  }
  if [".bin", ".pt", ".pth", ".ckpt"].contains(where: { name.hasSuffix($0) }) {
    if head[0] == 0x80 { throw .pytorch(file: name, .barePickle) }
    return .pytorch
  }
  throw .unknownFormat(file: name)
}
