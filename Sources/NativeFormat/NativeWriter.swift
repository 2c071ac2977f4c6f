import ByteIO
import GraphIR
import JSONText
import TensorBase

/// How weights are stored.
package struct StorageOptions: Sendable, Hashable {
  /// The type float32 weights are rounded to; nil keeps them bit for bit (and stores those that are
  /// exactly f16 or bf16 as such).
  package var weights: ElementType?
  /// zstd's level, 1 to 22.
  package var level: Int

  package init(weights: ElementType? = nil, level: Int = 3) {
    self.weights = weights
    self.level = level
  }
}

/// What a file holds beside graphs and tensors.
package struct NativeContent: Sendable {
  package var graphs: [Graph] = []
  /// Facts about the parts of a pipeline, by part: `unet`, `vae`, `text_encoder`.
  package var components = JSONObject()
  package var tokenizer: JSONValue?
  /// The content of scheduler_config.json.
  package var scheduler: JSONValue?
  /// Source files, their digests, the converter's version.
  package var provenance = JSONObject()

  package init() {}
}

/// Writes a .plumb: tensors one by one as they come, then the index. Nothing appears under the
/// path before `finish`; the same content gives the same bytes.
package struct NativeWriter: ~Copyable {
  private var writer: AtomicFileWriter
  private let options: StorageOptions
  private var entries: [TensorEntry] = []
  private var names = Set<String>()
  private let file: String

  /// Elements a block holds: two megabytes of float32.
  static let blockElements = 512 << 10

  package init(path: String, options: StorageOptions) throws(NativeError) {
    self.options = options
    file = lastComponent(of: path)
    writer = try Self.begin(path)
  }

  /// A file with room for the header.
  private static func begin(_ path: String) throws(NativeError) -> AtomicFileWriter {
    do throws(ByteIOError) {
      var writer = try AtomicFileWriter(path: path)
      try writer.append(Header().bytes)
      return writer
    } catch { throw .bytes(error) }
  }

  /// Stores a tensor. Its blocks are packed on all cores.
  ///
  /// - Throws: `unstorable` for a second tensor of that name, or a number that leaves the range of
  ///   the type weights are rounded to; byte errors.
  /// - Returns: the largest rounding error made, absolute; 0 when the tensor is stored exactly.
  @discardableResult
  package mutating func add(_ name: String, _ tensor: Tensor) throws(NativeError) -> Double {
    guard names.insert(name).inserted else {
      throw .unstorable(tensor: name, reason: "there is another one of that name")
    }
    let stored = try storedForm(of: tensor, name: name)
    let width = stored.tensor.type.byteCount
    let codec: Codec = width > 1 && stored.tensor.type.isFloatingPoint ? .planes : .zstandard
    var entry = TensorEntry(
      name: name, type: tensor.type, shape: tensor.shape, storedType: stored.tensor.type,
      codec: codec, offset: writer.count, blockElements: Self.blockElements, blocks: [])
    let blockCount = (tensor.shape.count + Self.blockElements - 1) / Self.blockElements
    // As many blocks at a time as keep the cores busy, so that memory stays small.
    let wave = 8
    for first in stride(from: 0, to: blockCount, by: wave) {
      let count = min(wave, blockCount - first)
      let level = options.level
      let packed = try bytes { () throws(ByteIOError) in
        try stored.tensor.withBytes { (content) throws(ByteIOError) in
          try packBlocks(
            content, blockByteCount: Self.blockElements * width, blocks: first..<first + count,
            planeWidth: codec == .planes ? width : nil, level: level)
        }
      }
      for parts in packed {
        entry.blocks.append(Block(parts: parts.map(\.count), checksum: 0))
        for part in parts {
          try bytes { () throws(ByteIOError) in try writer.append(part) }
        }
      }
    }
    entries.append(entry)
    return stored.error
  }

  /// The tensor in the type it is stored in, and the rounding error that makes.
  private func storedForm(
    of tensor: Tensor, name: String
  ) throws(NativeError) -> (tensor: Tensor, error: Double) {
    guard tensor.type == .f32 else { return (tensor, 0) }
    if let target = options.weights, target != .f32 {
      let rounded = tensor.converted(to: target)
      var error = 0.0
      for (a, b) in zip(tensor.floats, rounded.floats) {
        guard a.isFinite == b.isFinite else {
          throw .unstorable(
            tensor: name, reason: "\(a) leaves the range of \(target.rawValue); keep f32")
        }
        if a.isFinite { error = max(error, abs(Double(a) - Double(b))) }
      }
      return (rounded, error)
    }
    for narrow in [ElementType.bf16, .f16] where tensor.isExact(in: narrow) {
      return (tensor.converted(to: narrow), 0)
    }
    return (tensor, 0)
  }

  /// Writes the index and puts the file in its place.
  package consuming func finish(_ content: NativeContent) throws(NativeError) {
    var index: JSONObject = [
      "graphs": .array(content.graphs.map(\.json)),
      "tensors": .array(entries.map(\.json)),
      "components": .object(content.components),
      "provenance": .object(content.provenance),
    ]
    if let tokenizer = content.tokenizer { index["tokenizer"] = tokenizer }
    if let scheduler = content.scheduler { index["scheduler"] = scheduler }
    let text = Array(JSONValue.object(index).text().utf8)
    guard text.count <= Header.maximumIndexByteCount else {
      throw .badIndex(file: file, reason: "\(text.count) bytes are too many")
    }
    do throws(ByteIOError) {
      let packed = try ZstandardCompressor(level: 19).compress(text)
      var header = Header()
      header.indexOffset = UInt64(writer.count)
      header.indexByteCount = UInt64(packed.count)
      header.unpackedIndexByteCount = UInt64(text.count)
      header.fileByteCount = UInt64(writer.count + packed.count)
      header.indexDigest = try SHA256.digest(of: packed)
      try writer.append(packed)
      try writer.patch(header.bytes, at: 0)
      try writer.commit()
    } catch { throw .bytes(error) }
  }
}
