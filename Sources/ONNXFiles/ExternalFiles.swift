import ByteIO

/// The files beside a model that hold elements of its tensors.
///
/// A location is a path inside the model's folder. Links may not lead out of it, except to the
/// folder where the model's own link leads: download caches link model and data into one folder of
/// blobs. A checksum, the SHA-1 of the whole file, is verified once a file.
final class ExternalFiles {
  private let model: MappedFile
  private let folder: String
  /// With a slash at the end, links resolved.
  private let allowed: [String]
  private var opened: [String: MappedFile] = [:]
  /// SHA-1 by the path of the file, where one was asked for.
  private var checksums: [String: String] = [:]
  /// In the order in which they were first named.
  private(set) var files: [MappedFile] = []

  init(of model: MappedFile) {
    self.model = model
    folder = folderPart(of: model.path)
    let places = [resolvedPath(folder), resolvedPath(model.path).map(folderPart(of:))]
    allowed = places.compactMap { $0.map { $0 == "/" ? $0 : $0 + "/" } }
  }

  /// Where `size` bytes of a tensor lie. Errors: the description is not sound, the file is missing
  /// or elsewhere or too short.
  func place(
    _ description: [WirePair], size: Int, tensor: String
  ) throws(ONNXFileError) -> (MappedFile, Range<Int>) {
    do {
      var entries: [String: String] = [:]
      for pair in description {
        guard entries.updateValue(pair.value, forKey: pair.key) == nil else {
          throw ONNXExternalFault.keyTwice(pair.key)
        }
      }
      guard let location = entries["location"], !location.isEmpty else {
        throw ONNXExternalFault.noLocation
      }
      let offset = try number("offset", in: entries) ?? 0
      if let length = try number("length", in: entries), length != size {
        throw ONNXExternalFault.wrongLength(found: length, expected: size)
      }
      let file = try file(location)
      let (end, overflow) = offset.addingReportingOverflow(size)
      guard !overflow, end <= file.size else {
        throw ONNXExternalFault.beyondEnd(
          location: location, end: overflow ? Int.max : end, size: file.size)
      }
      if let expected = entries["checksum"] {
        let found = try checksum(of: file)
        guard found == expected.lowercased() else {
          throw ONNXExternalFault.wrongChecksum(
            location: location, found: found, expected: expected)
        }
      }
      return (file, offset..<end)
    } catch let fault as ONNXExternalFault {
      throw .external(file: model.name, tensor: tensor, fault)
    } catch let error as ByteIOError {
      throw .bytes(error)
    } catch {
      preconditionFailure("an error of another kind: \(error)")
    }
  }

  private func checksum(of file: MappedFile) throws(ByteIOError) -> String {
    if let known = checksums[file.path] { return known }
    let found = try SHA256.sha1HexDigest(of: file)
    checksums[file.path] = found
    return found
  }

  private func number(
    _ key: String, in entries: [String: String]
  ) throws(ONNXExternalFault) -> Int? {
    guard let text = entries[key] else { return nil }
    guard let number = Int(text), number >= 0 else {
      throw .badNumber(key: key, value: text)
    }
    return number
  }

  private func file(_ location: String) throws -> MappedFile {
    let parts = location.split(separator: "/", omittingEmptySubsequences: false)
    guard !location.hasPrefix("/"), !parts.contains("..") else {
      throw ONNXExternalFault.outside(location: location)
    }
    let path = "\(folder)/\(location)"
    guard let resolved = resolvedPath(path) else { throw ByteIOError.noSuchFile(path: path) }
    if let file = opened[resolved] { return file }
    guard allowed.contains(where: { resolved.hasPrefix($0) }) else {
      throw ONNXExternalFault.outside(location: location)
    }
    let file = try MappedFile(path: resolved)
    opened[resolved] = file
    files.append(file)
    return file
  }
}
