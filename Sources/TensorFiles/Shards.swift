import ByteIO
import JSONText

extension TensorFile {
  /// Opens the shards that an index names. Every tensor must be where `weight_map` says, and no
  /// shard may hold one that the map does not list.
  static func openShards(index file: MappedFile) throws(TensorFileError) -> TensorFile {
    let map: [String: String]
    do { map = try weightMap(file) } catch { throw .index(file: file.name, error) }
    let folder = folderPart(of: file.path)
    var tensors: [StoredTensor] = []
    var files = [file]
    var metadata: [String: String] = [:]
    for shard in Set(map.values).sorted() {
      let path = folder + "/" + shard
      try checkStaysInside(path, folder: folder, index: file.name, shard: shard)
      let part = try TensorFile.open(path)
      guard part.format != .sharded else {
        throw .index(file: file.name, .shardOutside(shard: shard))
      }
      for tensor in part.storedTensors() {
        let name = tensor.descriptor.name
        guard let expected = map[name] else {
          throw .index(file: file.name, .notInMap(tensor: name, shard: shard))
        }
        guard expected == shard else {
          throw .index(
            file: file.name, .wrongShard(tensor: name, shard: shard, expected: expected))
        }
      }
      let listed = map.filter { $0.value == shard }.keys.sorted()
      if let missing = listed.first(where: { !part.contains($0) }) {
        throw .index(file: file.name, .notInShard(tensor: missing, shard: shard))
      }
      tensors += part.storedTensors()
      files += part.files
      metadata.merge(part.metadata) { first, _ in first }
    }
    return try TensorFile(file.path, .sharded, tensors, metadata: metadata, files: files)
  }
}

/// Longest index read, in bytes.
private let indexLimit = 64 << 20

private func weightMap(_ file: MappedFile) throws(IndexFault) -> [String: String] {
  guard file.size <= indexLimit else {
    throw .notJSON(reason: "it has \(file.size) bytes, more than \(indexLimit)")
  }
  let value: JSONValue
  do {
    value = try JSONValue(parsing: file.withUnsafeBytes { [UInt8]($0) }, maximumDepth: 16)
  } catch {
    throw .notJSON(reason: clause(error))
  }
  guard let map = value["weight_map"]?.objectValue, map.count > 0 else { throw .noWeightMap }
  var result: [String: String] = [:]
  for (tensor, shard) in map.members {
    guard let shard = shard.stringValue, !shard.isEmpty else {
      throw .shardNotName(tensor: tensor)
    }
    guard !shard.utf8.contains(UInt8(ascii: "/")), !shard.utf8.contains(0), shard != "..",
      shard != ".", !shard.hasSuffix(".index.json")
    else { throw .shardOutside(shard: shard) }
    result[tensor] = shard
  }
  return result
}

/// A shard that is a symbolic link may lead elsewhere only when the index itself lies there too:
/// download caches link every file of a model into one folder of blobs.
private func checkStaysInside(
  _ path: String, folder: String, index: String, shard: String
) throws(TensorFileError) {
  guard let real = resolvedPath(path), let realFolder = resolvedPath(folder) else { return }
  let home = resolvedPath(folder + "/" + index).map(folderPart(of:))
  let place = folderPart(of: real)
  guard place == realFolder || place == home else {
    throw .index(file: index, .shardOutside(shard: shard))
  }
}
