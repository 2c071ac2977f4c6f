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
  /// Tells files apart by content: the index's digest, which covers where and how long every block
  /// is, and the digests of the source files.
  package let identity: String
  package let versionText: String
  package let byteCount: Int

  private let file: MappedFile
  private let entries: [TensorEntry]
  private let places: [String: Int]

  /// Whether the file begins as a .plumb does.
  package static func isNative(_ path: String) throws(NativeError) -> Bool {
    let file = try bytes { () throws(ByteIOError) in try MappedFile(path: path) }
    guard file.size >= Header.magic.count else { return false }
    return try bytes { () throws(ByteIOError) in
      try file.bytes(in: 0..<Header.magic.count)
    } == Header.magic
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
    do throws(IndexFault) {
      let object = try IndexObject(index, "the index")
      entries = try object.array("tensors").map { item throws(IndexFault) in
        try TensorEntry(json: item)
      }
      graphs = try object.array("graphs").map { item throws(IndexFault) in try Graph(json: item) }
      components = try IndexObject(object.object["components"], "components").object
      provenance = try IndexObject(object.object["provenance"], "provenance").object
      tokenizer = object.object["tokenizer"]
      scheduler = object.object["scheduler"]
      try checkPlacement(entries, end: Int(header.indexOffset))
    } catch { throw .badIndex(file: file.name, reason: error.reason) }
    var places: [String: Int] = [:]
    for (place, entry) in entries.enumerated() {
      guard places.updateValue(place, forKey: entry.name) == nil else {
        throw .badIndex(file: file.name, reason: "two tensors are named '\(entry.name)'")
      }
    }
    self.places = places
    try checkGraphs()
  }

  package var tensorNames: [String] { entries.map(\.name) }

  /// What the file says of a tensor, without its elements.
  package struct TensorSummary: Sendable, Hashable {
    package let name: String
    package let type: ElementType
    package let storedType: ElementType
    package let shape: Shape
    package let storedByteCount: Int

    package var byteCount: Int { shape.count * type.byteCount }
  }

  package var tensors: [TensorSummary] {
    entries.map {
      TensorSummary(
        name: $0.name, type: $0.type, storedType: $0.storedType, shape: $0.shape,
        storedByteCount: $0.storedByteCount)
    }
  }

  /// The facts about a part of the pipeline.
  package func component(_ name: String) -> JSONValue? { components[name] }

  /// A tensor in its own type.
  ///
  /// - Throws: `noSuchTensor`, `damaged`.
  package func tensor(named name: String) throws(NativeError) -> Tensor {
    let entry = try entry(name)
    return try storedTensor(named: name).converted(to: entry.type)
  }

  /// A tensor in the type it is stored in, which may be narrower; unpacked on all cores.
  ///
  /// - Throws: `noSuchTensor`, `damaged`.
  package func storedTensor(named name: String) throws(NativeError) -> Tensor {
    let entry = try entry(name)
    defer { file.release(entry.offset..<entry.offset + entry.storedByteCount) }
    do {
      return try Tensor(
        type: entry.storedType, shape: entry.shape,
        fillingSpan: { (target) throws(ByteIOError) in
          try unpackBlocks(
            entry.packedBlocks, of: file, planeWidth: entry.storedType.byteCount, into: &target)
        })
    } catch {
      throw .damaged(file: self.name, tensor: name, reason: error.description)
    }
  }

  private func entry(_ name: String) throws(NativeError) -> TensorEntry {
    guard let place = places[name] else { throw .noSuchTensor(file: self.name, name: name) }
    return entries[place]
  }

  private func checkGraphs() throws(NativeError) {
    var names = Set<String>()
    for graph in graphs {
      guard names.insert(graph.name).inserted else {
        throw .badIndex(file: name, reason: "two graphs are named '\(graph.name)'")
      }
      do { try graph.validate() } catch { throw .graph(file: name, error) }
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

/// The tensors lie one behind the other from the header to the index: no gap, no overlap.
private func checkPlacement(_ entries: [TensorEntry], end: Int) throws(IndexFault) {
  var offset = Header.byteCount
  for entry in entries {
    guard entry.offset == offset else {
      throw IndexFault("tensor '\(entry.name)' begins at \(entry.offset), not at \(offset)")
    }
    for block in entry.blocks {
      for part in block.parts {
        let (next, overflow) = offset.addingReportingOverflow(part)
        guard !overflow, next <= end else {
          throw IndexFault("tensor '\(entry.name)' reaches beyond the data")
        }
        offset = next
      }
    }
  }
  guard offset == end else {
    throw IndexFault("\(end - offset) bytes between data and index belong to nothing")
  }
}
