import ByteIO
import GraphIR
import JSONText
import Synchronization
import TensorBase

/// How weights are stored.
package struct StorageOptions: Sendable, Hashable {
  package enum Packing: String, CaseIterable, Sendable {
    /// As small as the codecs make it.
    case smallest
    /// As the elements are: larger, and read at the speed of memory.
    case raw
  }

  /// The type float32 weights are rounded to; nil keeps them bit for bit (and stores those that are
  /// exactly f16 or bf16 as such). i8 is for those that `add` is given an axis of; of the others,
  /// those of two axes or more become f16.
  package var weights: ElementType?
  /// zstd's level, 1 to 22. From 10 on every way is tried on all bytes, not on samples.
  package var level: Int
  package var packing: Packing

  package init(weights: ElementType? = nil, level: Int = 3, packing: Packing = .smallest) {
    self.weights = weights
    self.level = level
    self.packing = packing
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
/// path before `finish`; the same content and options give the same bytes.
package struct NativeWriter: ~Copyable {
  private var writer: AtomicFileWriter
  private let options: StorageOptions
  private var entries: [TensorEntry] = []
  private var names = Set<String>()
  private var places: [[UInt8]: [Int]] = [:]
  private let file: String

  /// Bytes a block unpacks to; a multiple of every element's.
  static let blockByteCount = 1 << 20

  package init(path: String, options: StorageOptions) throws(NativeError) {
    self.options = options
    file = lastComponent(of: path)
    writer = try Self.begin(path)
  }

  /// A file with room for the header.
  private static func begin(_ path: String) throws(NativeError) -> AtomicFileWriter {
    do throws(ByteIOError) {
      var writer = try AtomicFileWriter(path: path, removesAbandoned: true)
      try writer.append(Header().bytes)
      return writer
    } catch { throw .bytes(error) }
  }

  /// Stores a tensor, packed on all cores; once, however many tensors hold the same elements.
  ///
  /// - Throws: `unstorable` for a second tensor of that name, for a shape that is too large, and
  ///   for a number that leaves the range of the type weights are rounded to; byte errors.
  /// - Returns: the largest rounding error made, absolute; 0 when the tensor is stored exactly.
  @discardableResult
  package mutating func add(_ name: String, _ tensor: Tensor) throws(NativeError) -> Double {
    try check(name, tensor)
    return try append(name, tensor, as: storedType(of: tensor))
  }

  /// Stores an f32 tensor in bytes, with a scale for each index of `axis`, in a tensor of its own.
  ///
  /// - Throws: as the other `add`; `unstorable` for a number that is not finite.
  /// - Returns: as the other `add`.
  @discardableResult
  package mutating func add(
    _ name: String, _ tensor: Tensor, inBytesAlong axis: Int
  ) throws(NativeError) -> Double {
    precondition(tensor.type == .f32)
    try check(name, tensor)
    let scales = ByteScales(fitting: tensor, axis: axis)
    if let scale = scales.scales.first(where: { !($0 <= largestScale) }) {
      throw .unstorable(
        tensor: name, reason: "a magnitude of \(127 * scale) leaves the range of int8; keep f32")
    }
    let scaleTensor = Tensor(floats: scales.scales, shape: [scales.scales.count])
    let scaleName = name + "@scales"
    try check(scaleName, scaleTensor)
    let place = entries.count
    try append(scaleName, scaleTensor, as: narrowest(scaleTensor))
    let (bytes, error) = scales.bytes(of: tensor)
    try append(name, bytes, as: .i8)
    entries[place + 1].type = .f32
    entries[place + 1].scales = TensorEntry.Scales(place: place, axis: axis)
    return Double(error)
  }

  private mutating func check(_ name: String, _ tensor: Tensor) throws(NativeError) {
    guard !name.isEmpty, name.utf8.count <= 4096 else {
      throw .unstorable(tensor: name, reason: "its name has \(name.utf8.count) bytes")
    }
    guard isStorable(tensor.shape) else {
      throw .unstorable(tensor: name, reason: "the shape \(tensor.shape) is too large")
    }
    guard names.insert(name).inserted else {
      throw .unstorable(tensor: name, reason: "there is another one of that name")
    }
  }

  /// Writes the elements and notes them in the index.
  @discardableResult
  private mutating func append(
    _ name: String, _ tensor: Tensor, as type: ElementType
  ) throws(NativeError) -> Double {
    let (digest, error) = try digest(of: tensor, as: type, name: name)
    let same = places[digest]?.first { place in
      entries[place].storedType == type && entries[place].shape.count == tensor.shape.count
    }
    let stored =
      if let same { entries[same].stored } else {
        try bytes { () throws(ByteIOError) in try append(tensor, as: type) }
      }
    if same == nil { places[digest, default: []].append(entries.count) }
    entries.append(
      TensorEntry(
        name: name, type: tensor.type, shape: tensor.shape, storedType: type, digest: digest,
        sameAs: same, stored: stored))
    return error
  }

  private func storedType(of tensor: Tensor) -> ElementType {
    guard tensor.type == .f32 else { return tensor.type }
    switch options.weights {
    case .f16?, .bf16?: return options.weights ?? .f32
    case .i8? where tensor.shape.rank >= 2: return .f16
    default: return narrowest(tensor)
    }
  }

  /// The narrowest type that has every element of an f32 tensor exactly.
  private func narrowest(_ tensor: Tensor) -> ElementType {
    for narrow in [ElementType.bf16, .f16] where tensor.isExact(in: narrow) { return narrow }
    return .f32
  }

  /// The digest of the elements as they are stored, and the largest rounding error.
  private func digest(
    of tensor: Tensor, as type: ElementType, name: String
  ) throws(NativeError) -> (digest: [UInt8], error: Double) {
    let rounding = Mutex((sum: Rounding(), overflowStart: Int.max))
    let width = type.byteCount
    let digest = try bytes { () throws(ByteIOError) in
      try contentDigest(byteCount: tensor.shape.count * width) { range, span in
        let elements = range.lowerBound / width..<range.upperBound / width
        let part = tensor.copy(elements: elements, as: type, into: &span)
        rounding.withLock { rounding in
          rounding.sum.largestError = max(rounding.sum.largestError, part.largestError)
          guard part.overflow != nil, range.lowerBound < rounding.overflowStart else { return }
          rounding.sum.overflow = part.overflow
          rounding.overflowStart = range.lowerBound
        }
      }
    }
    let sum = rounding.withLock { $0.sum }
    if let value = sum.overflow {
      throw .unstorable(
        tensor: name, reason: "\(value) leaves the range of \(type.rawValue); keep f32")
    }
    return (digest, Double(sum.largestError))
  }

  private mutating func append(
    _ tensor: Tensor, as type: ElementType
  ) throws(ByteIOError) -> StoredBlocks {
    let width = type.byteCount
    let cut = BlockCut(
      byteCount: tensor.shape.count * width, blockByteCount: Self.blockByteCount)
    let source: @Sendable (Range<Int>, inout MutableRawSpan) -> Void = { range, span in
      tensor.copy(
        elements: range.lowerBound / width..<range.upperBound / width, as: type, into: &span)
    }
    var candidates: [BlockPacking] = [.frame]
    if type.isFloatingPoint {
      candidates = [.rotatedPlanes(width: width), .frame]
    } else if width > 1 {
      candidates = [.planes(width: width), .frame]
    }
    // A frame takes a dozen bytes beyond its content, a raw block none.
    if cut.byteCount <= 4096 { candidates.append(.raw) }
    let packing =
      options.packing == .raw
      ? .raw
      : try smallestPacking(
        of: cut.byteCount, candidates, level: options.level, reading: source)
    let codec = Codec(packing)
    try writer.align(to: StoredBlocks.alignment(codec, byteCount: cut.byteCount))
    let offset = writer.count
    return StoredBlocks(
      codec: codec, offset: offset, blockElements: Self.blockByteCount / width,
      blocks: try packBlocks(
        cut, packing, level: options.level, into: &writer, reading: source))
  }

  /// Writes the index and puts the file in its place.
  package consuming func finish(_ content: NativeContent) throws(NativeError) {
    try complete(content)
    try commit()
  }

  /// Writes the index, after which the file is whole but not yet in its place.
  package mutating func complete(_ content: NativeContent) throws(NativeError) {
    var index: JSONObject = [
      "graphs": .array(content.graphs.map(\.json)),
      "tensors": .array(entries.map(\.json)),
      "components": .object(content.components),
      "provenance": .object(content.provenance),
    ]
    if let tokenizer = content.tokenizer { index["tokenizer"] = tokenizer }
    if let scheduler = content.scheduler { index["scheduler"] = scheduler }
    let text = JSONValue.object(index).utf8Text()
    guard text.count <= Header.maximumIndexByteCount else {
      throw .badIndex(file: file, reason: "\(text.count) bytes are too many")
    }
    do throws(ByteIOError) {
      let packed = try ZstandardCompressor(level: 19).compress(text)
      var header = Header()
      if entries.contains(where: { $0.scales != nil }) { header.minor = TensorEntry.scalesMinor }
      header.indexOffset = UInt64(writer.count)
      header.indexByteCount = UInt64(packed.count)
      header.unpackedIndexByteCount = UInt64(text.count)
      header.fileByteCount = UInt64(writer.count + packed.count)
      header.indexDigest = try SHA256.digest(of: packed)
      try writer.append(packed)
      try writer.patch(header.bytes, at: 0)
    } catch { throw .bytes(error) }
  }

  /// Lends a path under which the whole file can be read before it is in its place.
  package mutating func withReadablePath<R>(_ body: (String) throws -> R) throws -> R {
    try writer.withReadablePath(body)
  }

  /// Puts the whole file in its place.
  package consuming func commit() throws(NativeError) {
    do throws(ByteIOError) { try writer.commit() } catch { throw .bytes(error) }
  }
}
