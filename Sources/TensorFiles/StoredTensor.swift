import ByteIO
import TensorBase

/// Where a tensor's elements lie. Made by the readers, which have checked that every element lies
/// within the bytes of `source`.
struct StoredTensor: Sendable {
  let descriptor: TensorDescriptor
  let source: ByteSource
  /// Of the first element, in the unpacked bytes.
  let byteOffset: Int
  /// In elements, an axis each; nil for row-major without gaps.
  let strides: [Int]?
}

/// A run of bytes in a file, possibly packed.
struct ByteSource: Sendable {
  enum Packing: Sendable, Equatable {
    case plain
    /// A zip entry kept as it is, to be checked against its CRC-32.
    case stored(crc: UInt32)
    case deflated(crc: UInt32, size: Int)
  }

  let file: MappedFile
  /// Of the bytes as they are in the file.
  let range: Range<Int>
  let packing: Packing
  /// The zip entry's name, for messages.
  let entry: String

  /// In bytes, unpacked.
  var size: Int {
    switch packing {
    case .plain, .stored: range.count
    case .deflated(_, let size): size
    }
  }

  struct Key: Hashable {
    let file: ObjectIdentifier
    let start: Int
  }

  var key: Key { Key(file: ObjectIdentifier(file), start: range.lowerBound) }
}

/// What reading has unpacked and checked so far.
struct Unpacked {
  /// Stored entries whose CRC-32 was found right.
  var verified: Set<ByteSource.Key> = []
  /// The last entry inflated: views of one storage follow each other.
  var latest: (key: ByteSource.Key, bytes: InflatedBytes)?
}

/// Bytes of a deflated entry; owns what tensors point into.
final class InflatedBytes: Sendable {
  let tensor: Tensor

  init(_ tensor: Tensor) { self.tensor = tensor }

  var memory: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: tensor.view.base, count: tensor.byteCount)
  }
}

extension StoredTensor {
  func load(_ unpacked: inout Unpacked) throws(TensorFileError) -> Tensor {
    let (memory, owner) = try source.memory(&unpacked)
    let type = descriptor.type
    let shape = descriptor.shape
    if shape.count == 0 { return Tensor(type: type, shape: shape, bytes: []) }
    if let strides {
      return Tensor(type: type, shape: shape) { target in
        gather(
          memory, from: byteOffset, strides: strides, shape: shape, elementSize: type.byteCount,
          into: target)
        withExtendedLifetime(owner) {}
      }
    }
    let bytes = UnsafeRawBufferPointer(
      rebasing: memory[byteOffset..<byteOffset + descriptor.byteCount])
    if UInt(bitPattern: bytes.baseAddress) % UInt(type.byteCount) == 0 {
      return Tensor(type: type, shape: shape, mapped: bytes, owner: owner)
    }
    return Tensor(type: type, shape: shape) { target in
      target.copyMemory(from: bytes)
      withExtendedLifetime(owner) {}
    }
  }

  func release() {
    switch source.packing {
    case .plain where strides == nil:
      let start = source.range.lowerBound + byteOffset
      source.file.release(start..<start + descriptor.byteCount)
    case .plain, .stored, .deflated:
      source.file.release(source.range)
    }
  }
}

extension ByteSource {
  /// The unpacked bytes and what keeps them alive. Errors: they are damaged.
  func memory(
    _ unpacked: inout Unpacked
  ) throws(TensorFileError) -> (UnsafeRawBufferPointer, any AnyObject & Sendable) {
    let packed = file.withUnsafeBytes { UnsafeRawBufferPointer(rebasing: $0[range]) }
    switch packing {
    case .plain:
      return (packed, file)
    case .stored(let crc):
      if !unpacked.verified.contains(key) {
        guard crc32(packed.bytes) == crc else {
          throw .zip(file: file.name, .wrongChecksum(name: entry))
        }
        unpacked.verified.insert(key)
      }
      return (packed, file)
    case .deflated(let crc, let size):
      if let latest = unpacked.latest, latest.key == key {
        return (latest.bytes.memory, latest.bytes)
      }
      unpacked.latest = nil
      let bytes = InflatedBytes(try inflated(packed, size: size, crc: crc))
      unpacked.latest = (key, bytes)
      return (bytes.memory, bytes)
    }
  }

  private func inflated(
    _ packed: UnsafeRawBufferPointer, size: Int, crc: UInt32
  ) throws(TensorFileError) -> Tensor {
    let tensor: Tensor
    do {
      tensor = try Tensor(type: .u8, shape: [size]) { target in
        var span = target.mutableBytes
        try inflate(packed.bytes, into: &span)
      }
    } catch {
      throw .zip(file: file.name, .damaged(name: entry, reason: clause(error)))
    }
    guard tensor.withUnsafeBytes({ crc32($0.bytes) }) == crc else {
      throw .zip(file: file.name, .wrongChecksum(name: entry))
    }
    return tensor
  }
}

/// Copies elements that lie `strides` apart, from `start` bytes on, to a row-major `target`.
/// Precondition: all of them lie within `source`; `shape` is not empty.
private func gather(
  _ source: UnsafeRawBufferPointer, from start: Int, strides: [Int], shape: Shape,
  elementSize: Int, into target: UnsafeMutableRawBufferPointer
) {
  switch elementSize {
  case 1: gather(UInt8.self, source, start, strides, shape, target)
  case 2: gather(UInt16.self, source, start, strides, shape, target)
  case 4: gather(UInt32.self, source, start, strides, shape, target)
  default: gather(UInt64.self, source, start, strides, shape, target)
  }
}

private func gather<Element: BitwiseCopyable>(
  _: Element.Type, _ source: UnsafeRawBufferPointer, _ start: Int, _ strides: [Int],
  _ shape: Shape, _ target: UnsafeMutableRawBufferPointer
) {
  let size = MemoryLayout<Element>.size
  let dimensions = shape.dimensions
  let rank = dimensions.count
  let inner = rank > 0 ? dimensions[rank - 1] : 1
  let innerStride = rank > 0 ? strides[rank - 1] : 1
  var index = [Int](repeating: 0, count: rank)
  var row = 0
  var written = 0
  while written < shape.count {
    for i in 0..<inner {
      let element = source.loadUnaligned(
        fromByteOffset: start + (row + i * innerStride) * size, as: Element.self)
      target.storeBytes(of: element, toByteOffset: (written + i) * size, as: Element.self)
    }
    written += inner
    var axis = rank - 2
    while axis >= 0 {
      index[axis] += 1
      row += strides[axis]
      if index[axis] < dimensions[axis] { break }
      row -= index[axis] * strides[axis]
      index[axis] = 0
      axis -= 1
    }
  }
}
