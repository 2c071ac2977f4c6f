import ByteIO
import GraphIR
import JSONText
import TensorBase

/// A .plumb file: opened once, checked whole but for the tensors' bytes, which are checked as they
/// are read.
package final class NativeFile: Sendable {
  /// Without its folder.
  package let name: String
  package let graphs: [Graph]
  package let components: JSONObject
  package let tokenizer: JSONValue?
  package let scheduler: JSONValue?
  package let provenance: JSONObject
  /// Tells files apart by content: the digest of the index, which holds a digest of every tensor's
  /// elements. 64 hexadecimal digits.
  package let identity: String
  package let versionText: String
  package let byteCount: Int

  private let file: MappedFile
  private let entries: [TensorEntry]
  private let places: [String: Int]
  /// The tensors that others' scales are.
  private let scaleNames: Set<String>

  /// Whether the file begins as a .plumb does.
  package static func isNative(_ path: String) throws(NativeError) -> Bool {
    try bytes { () throws(ByteIOError) in try MappedFile(path: path) }.beginsWithMagic
  }

  package init(path: String) throws(NativeError) {
    let file = try bytes { () throws(ByteIOError) in try MappedFile(path: path) }
    let header = try Header(of: file)
    let index = try readIndex(file, header)
    self.file = file
    name = file.name
    versionText = header.versionText
    byteCount = file.size
    identity = hexText(header.indexDigest)
    let newer = header.isNewer
    do throws(IndexFault) {
      let object = try IndexObject(index, "the index")
      try object.expect(
        ["graphs", "tensors", "components", "provenance", "tokenizer", "scheduler"], newer: newer)
      var entries: [TensorEntry] = []
      for item in try object.array("tensors") {
        entries.append(
          try TensorEntry(json: item, earlier: entries, minor: header.minor))
      }
      self.entries = entries
      scaleNames = Set(entries.compactMap { entry in entry.scales.map { entries[$0.place].name } })
      graphs = try object.array("graphs").map { item throws(IndexFault) in
        try Graph(json: item, newer: newer)
      }
      components = try IndexObject(object.object["components"], "'components'").object
      provenance = try IndexObject(object.object["provenance"], "'provenance'").object
      tokenizer = object.object["tokenizer"]
      scheduler = object.object["scheduler"]
      places = try placesByName(entries)
      try checkPlacement(entries, from: header.byteCount, to: Int(header.indexOffset), of: file)
    } catch { throw .badIndex(file: file.name, reason: error.reason) }
    try checkGraphs()
  }

  /// But for those that are others' scales.
  package var tensorNames: [String] { tensors.map(\.name) }

  /// What the file says of a tensor, without its elements.
  package struct TensorSummary: Sendable, Hashable {
    package let name: String
    package let type: ElementType
    package let storedType: ElementType
    package let shape: Shape
    /// How the blocks are packed: `raw`, `frame`, `planes`, `rotatedPlanes`.
    package let codec: String
    /// Bytes in the file, those of scales included; 0 when another tensor's are used.
    package let storedByteCount: Int
    /// The tensor whose stored elements are these too.
    package let sameAs: String?

    package var byteCount: Int { shape.count * type.byteCount }
  }

  /// All but those that are others' scales.
  package var tensors: [TensorSummary] {
    entries.filter { !scaleNames.contains($0.name) }.map { entry in
      let scales = entry.scales.map { entries[$0.place].stored.byteCount } ?? 0
      return TensorSummary(
        name: entry.name, type: entry.type, storedType: entry.storedType, shape: entry.shape,
        codec: entry.stored.codec.rawValue,
        storedByteCount: entry.sameAs == nil ? entry.stored.byteCount + scales : 0,
        sameAs: entry.sameAs.map { entries[$0].name })
    }
  }

  /// The type that a tensor's elements are stored in; nil when there is no such tensor.
  package func storedType(of name: String) -> ElementType? {
    places[name].map { entries[$0].storedType }
  }

  /// What a tensor is stored as; nil when there is no such tensor.
  package func stored(_ name: String) -> StoredWeight? {
    places[name].map { place in
      let entry = entries[place]
      return StoredWeight(
        entry.storedType,
        scales: entry.scales.map {
          WeightScales(tensor: entries[$0.place].name, axis: $0.axis)
        })
    }
  }

  /// The facts about a part of the pipeline.
  package func component(_ name: String) -> JSONValue? { components[name] }

  /// A tensor in its own type; unpacked on all cores.
  ///
  /// - Throws: `noSuchTensor`, `damaged`, `beyondMemory`.
  package func tensor(named name: String) throws(NativeError) -> Tensor {
    let entry = try entry(name)
    return try unpack(entry, as: entry.type)
  }

  /// A tensor, or some rows of it, in the type it is stored in, which may be narrower.
  ///
  /// - Parameters:
  ///   - rows: along the first axis, of those that are there; nil for all.
  ///   - threads: how many cores unpack at most; nil for all.
  /// - Throws: `noSuchTensor`, `damaged`, `beyondMemory`.
  package func storedTensor(
    named name: String, rows: Range<Int>? = nil, threads: Int? = nil
  ) throws(NativeError) -> Tensor {
    let entry = try entry(name)
    return try unpack(entry, rows: rows, as: entry.storedType, threads: threads)
  }

  /// A tensor, or some rows of it, for use as elements of `type`: as it is stored, but bytes with
  /// scales as the numbers they stand for unless bytes are wanted.
  ///
  /// - Throws: as `storedTensor`.
  package func tensor(
    named name: String, rows: Range<Int>?, for type: ElementType, threads: Int? = nil
  ) throws(NativeError) -> Tensor {
    let entry = try entry(name)
    let isNumbers = entry.scales != nil && type != .i8
    return try unpack(
      entry, rows: rows, as: isNumbers ? entry.type : entry.storedType, threads: threads)
  }

  /// Reads every tensor and compares its elements with the digest in the index.
  ///
  /// - Parameter progress: told the bytes of the file that have been checked, and all there are.
  /// - Throws: `damaged` with the first tensor that is; `beyondMemory`.
  package func verifyContents(
    _ progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) throws(NativeError) {
    var done = 0
    let own = entries.filter { $0.sameAs == nil }
    let total = own.reduce(0) { $0 + $1.stored.byteCount }
    for entry in own {
      let tensor = try unpack(entry, as: entry.storedType)
      let width = entry.storedType.byteCount
      let digest = try bytes { () throws(ByteIOError) in
        try contentDigest(byteCount: tensor.byteCount) { range, span in
          tensor.copy(
            elements: range.lowerBound / width..<range.upperBound / width, as: tensor.type,
            into: &span)
        }
      }
      guard digest == entry.digest else {
        throw .damaged(
          file: name, tensor: entry.name, reason: "its elements do not have the index's digest")
      }
      done += entry.stored.byteCount
      progress(done, total)
    }
  }

  private func entry(_ name: String) throws(NativeError) -> TensorEntry {
    guard let place = places[name] else { throw .noSuchTensor(file: self.name, name: name) }
    return entries[place]
  }

  /// The elements as they are stored or, where `type` is float32 and they are not, widened.
  private func unpack(
    _ entry: TensorEntry, rows: Range<Int>? = nil, as type: ElementType, threads: Int? = nil
  ) throws(NativeError) -> Tensor {
    var shape = entry.shape
    var range = 0..<entry.cut.byteCount
    if let rows {
      precondition(shape.rank > 0 && rows.lowerBound >= 0 && rows.upperBound <= shape[0])
      let row = entry.cut.byteCount / max(1, shape[0])
      range = rows.lowerBound * row..<rows.upperBound * row
      shape = Shape([rows.count] + shape.dimensions.dropFirst())
    }
    let needed = shape.count * type.byteCount
    guard needed <= physicalMemoryByteCount else {
      throw .beyondMemory(
        file: name, tensor: entry.name, needed: needed, available: physicalMemoryByteCount)
    }
    let stored = entry.stored
    let storedType = entry.storedType
    let expansion = try type == storedType ? nil : expansion(of: entry)
    let tensor: Tensor
    do throws(ByteIOError) {
      tensor = try Tensor.written(type, shape) { (target) throws(ByteIOError) in
        try unpackBlocks(
          range, of: stored.blocks, entry.cut,
          stored.codec.packing(width: storedType.byteCount), at: stored.offset, of: file,
          threads: threads, expansion: expansion, into: &target)
      }
    } catch {
      throw .damaged(file: name, tensor: entry.name, reason: error.description)
    }
    if scaleNames.contains(entry.name) { try checkScales(tensor, entry.name) }
    return tensor
  }

  /// How the stored elements become those of the tensor.
  private func expansion(of entry: TensorEntry) throws(NativeError) -> BlockExpansion {
    let (type, storedType) = (entry.type, entry.storedType)
    let factor = type.byteCount / storedType.byteCount
    guard let scales = entry.scales else {
      return BlockExpansion(factor: factor) { _, source, target in
        widen(source, of: storedType, into: &target)
      }
    }
    let numbers = try unpack(entries[scales.place], as: .f32).floats
    let widening = ByteScales(numbers, shape: entry.shape, axis: scales.axis)
    return BlockExpansion(factor: factor) { start, source, target in
      widening.widen(source, from: start, into: &target)
    }
  }

  private func checkScales(_ tensor: Tensor, _ tensorName: String) throws(NativeError) {
    for (place, scale) in tensor.floats.enumerated()
    where !(scale > 0 && scale <= largestScale) {
      throw .damaged(
        file: name, tensor: tensorName,
        reason: "scale \(place) is \(scale), not above 0 and at most 2¹²⁰")
    }
  }

  private func checkGraphs() throws(NativeError) {
    var names = Set<String>()
    for graph in graphs {
      guard names.insert(graph.name).inserted else {
        throw .badIndex(file: name, reason: "two graphs are named '\(graph.name)'")
      }
      do throws(GraphError) { try graph.validate() } catch { throw .graph(file: name, error) }
      for value in graph.values {
        guard case .weight(let tensor, let fact) = value.origin else { continue }
        guard let place = places[tensor] else {
          throw .weightMissing(file: name, graph: graph.name, tensor: tensor)
        }
        let found = Fact(entries[place].type, entries[place].shape)
        guard found == fact else {
          throw .weightMismatch(
            file: name, graph: graph.name, tensor: tensor, found: "\(found)", expected: "\(fact)")
        }
      }
    }
  }
}

private func readIndex(_ file: MappedFile, _ header: Header) throws(NativeError) -> JSONValue {
  let range = Int(header.indexOffset)..<file.size
  let unpacked: [UInt8]
  do throws(ByteIOError) {
    let packed = try file.bytes(in: range)
    guard try SHA256.digest(of: packed) == header.indexDigest else {
      throw .corrupt(codec: "index", reason: "its SHA-256 is not the header's")
    }
    unpacked = try ZstandardDecompressor().decompress(
      packed, size: Int(header.unpackedIndexByteCount))
  } catch { throw .badIndex(file: file.name, reason: error.description) }
  do {
    return try JSONValue(parsing: unpacked)
  } catch { throw .badIndex(file: file.name, reason: error.description) }
}

private func placesByName(_ entries: [TensorEntry]) throws(IndexFault) -> [String: Int] {
  var places: [String: Int] = [:]
  for (place, entry) in entries.enumerated() {
    guard places.updateValue(place, forKey: entry.name) == nil else {
      throw IndexFault("two tensors are named '\(entry.name)'")
    }
  }
  return places
}

/// The tensors lie one behind the other from the header to the index, each at the next place its
/// alignment allows, with zeros between: no gap, no overlap, no byte that belongs to nothing.
private func checkPlacement(
  _ entries: [TensorEntry], from start: Int, to end: Int, of file: MappedFile
) throws(IndexFault) {
  var offset = start
  for entry in entries where entry.sameAs == nil {
    let what = "tensor '\(entry.name)'"
    let alignment = StoredBlocks.alignment(entry.stored.codec, byteCount: entry.cut.byteCount)
    let begin = (offset + alignment - 1) / alignment * alignment
    guard entry.stored.offset == begin else {
      throw IndexFault("\(what) begins at \(entry.stored.offset), not at \(begin)")
    }
    guard begin <= end else { throw IndexFault("\(what) reaches beyond the data") }
    let padding = (try? file.bytes(in: offset..<begin)) ?? []
    guard padding.allSatisfy({ $0 == 0 }) else {
      throw IndexFault("the bytes before \(what) are not zero")
    }
    offset = begin
    for block in entry.stored.blocks {
      for part in block.parts {
        guard part <= end - offset else { throw IndexFault("\(what) reaches beyond the data") }
        offset += part
      }
    }
  }
  guard offset == end else {
    throw IndexFault("\(end - offset) bytes between data and index belong to nothing")
  }
}
