import ByteIO
import Grounding
import TensorBase
import TensorFiles

/// Maps from elsewhere, a file for each pair: ID.npy or ID.safetensors, ID being the pair's.
struct MapFolder: Sendable {
  /// The file of each pair, by the pair's number.
  private let paths: [String]
  /// SHA-256 over those of all files in the pairs' order.
  let digest: String

  /// - Throws: when a pair has no map or two.
  init(_ folder: String, pairs: [EvaluationPair]) throws {
    guard folderExists(folder) else {
      throw PipelineError.notFound(path: folder, reason: "there is no such folder of maps")
    }
    paths = try pairs.map { pair in
      let stem = folder + "/" + pair.id.text
      let found = [".npy", ".safetensors"].map { stem + $0 }.filter { regularFileExists($0) }
      guard let path = found.first, found.count == 1 else {
        throw PipelineError.notFound(
          path: folder,
          reason: found.isEmpty
            ? "there is no map of pair \(pair.id.text): no \(pair.id.text).npy or .safetensors"
            : "pair \(pair.id.text) has two maps, .npy and .safetensors")
      }
      return path
    }
    var hash = try SHA256()
    for path in paths {
      try hash.update(Array(try SHA256.hexDigest(of: MappedFile(path: path)).utf8))
    }
    digest = hexText(try hash.digest())
  }

  /// The pair's map. A file of several tensors has it as `map`.
  ///
  /// - Throws: `EvaluationError.map` unless it is a square of floats that are numbers.
  func map(of pair: EvaluationPair) throws -> Raster<Float> {
    let file = try TensorFile.open(paths[pair.number])
    func refused(_ reason: String) -> EvaluationError { .map(file: file.path, reason: reason) }
    guard let name = file.names.count == 1 ? file.names.first : file.contains("map") ? "map" : nil
    else { throw refused("it has \(file.names.count) tensors, none of which is called map") }
    let tensor = try file.tensor(named: name)
    let sides = tensor.shape.dimensions.suffix(2)
    guard tensor.type.isFloatingPoint, tensor.shape.rank >= 2, let side = sides.first,
      side == sides.last,
      (2...MapReduction.largestSide).contains(side), tensor.shape.count == side * side
    else {
      throw refused(
        "it is \(tensor.type.rawValue) \(tensor.shape), where a square of floats is expected,"
          + " [side, side]")
    }
    let map = try Raster(
      height: side, width: side, values: tensor.converted(to: .f32).floats)
    guard map.values.allSatisfy(\.isFinite) else { throw refused("it holds NaN or infinity") }
    return map
  }
}
