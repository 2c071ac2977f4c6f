import ByteIO
import Glibc
import JSONText
import NativeFormat
import TensorBase
import TestSupport
import Testing

private let validFolder = fixturesFolder + "/valid/plumb"
private let malformedFolder = fixturesFolder + "/malformed/plumb"

private func json(_ path: String) throws -> JSONObject {
  let file = try MappedFile(path: path)
  let value = try JSONValue(parsing: file.bytes(in: 0..<file.size))
  return try #require(value.objectValue)
}

private func plumbFiles(_ folder: String) throws -> [String] {
  try folderListing(folder).filter { $0.hasSuffix(".plumb") }.sorted()
}

/// Opens a file, reads every tensor, checks every digest: the error this gives, nil for none.
private func fault(_ path: String) throws -> NativeError? {
  do throws(NativeError) {
    let file = try NativeFile(path: path)
    for name in file.tensorNames { _ = try file.tensor(named: name) }
    try file.verifyContents()
    return nil
  } catch { return error }
}

@Test func validFilesHaveTheTensorsTheirMakerWrote() throws {
  let expected = try json(validFolder + "/expected.json")
  #expect(try plumbFiles(validFolder) == expected.keys.sorted())
  for (name, tensors) in expected.members {
    let file = try NativeFile(path: validFolder + "/" + name)
    try file.verifyContents()
    let tensors = try #require(tensors.objectValue)
    #expect(file.tensorNames == tensors.keys)
    for (name, facts) in tensors.members {
      let tensor = try file.tensor(named: name)
      #expect(tensor.type.rawValue == facts["type"]?.stringValue)
      #expect(tensor.shape.dimensions == facts["shape"]?.arrayValue?.compactMap(\.intValue))
      #expect(try hexText(SHA256.digest(of: tensor.bytes)) == facts["sha256"]?.stringValue)
    }
  }
  #expect(try NativeFile(path: validFolder + "/newer-minor.plumb").versionText == "1.7")
}

/// With PLUMB_WRITE_ERRORS set, writes what is found, for a person to judge, instead.
@Test func everyMalformedFileGivesItsError() throws {
  let names = try plumbFiles(malformedFolder)
  #expect(names.count > 140)
  var found = JSONObject()
  for name in names {
    let error = try fault(malformedFolder + "/" + name)
    found[name] = error.map { .string($0.description) } ?? .null
  }
  let path = malformedFolder + "/errors.json"
  if getenv("PLUMB_WRITE_ERRORS") != nil {
    return try writeFile(Array((JSONValue.object(found).text(indent: 1) + "\n").utf8), to: path)
  }
  let expected = try json(path)
  #expect(expected.keys.sorted() == names)
  for name in names { #expect(found[name] == expected[name], "\(name)") }
}

/// Whether a file has the tensors and graphs of another.
private func isSame(_ path: String, as other: NativeFile) throws -> Bool {
  let file = try NativeFile(path: path)
  guard file.tensorNames == other.tensorNames, file.graphs == other.graphs else { return false }
  return try file.tensorNames.allSatisfy { try file.tensor(named: $0) == other.tensor(named: $0) }
}

/// A damaged file is refused, or its damage touched nothing: zstd frames have a few unused bits.
@Test func noDamageGivesOtherContent() throws {
  let file = try MappedFile(path: validFolder + "/small.plumb")
  let valid = try file.bytes(in: 0..<file.size)
  let original = try NativeFile(path: validFolder + "/small.plumb")
  try withTemporaryFolder { folder in
    let path = folder + "/damaged.plumb"
    var harmless = 0
    for place in valid.indices where place < 128 || place % 2 == 1 {
      var damaged = valid
      damaged[place] ^= 1 << UInt8(place % 8)
      try writeFile(damaged, to: path)
      guard try fault(path) == nil else { continue }
      harmless += 1
      #expect(try isSame(path, as: original), "flip at \(place)")
    }
    for size in stride(from: 0, to: valid.count, by: 23) {
      try writeFile(Array(valid[..<size]), to: path)
      #expect(try fault(path) != nil, "cut at \(size)")
    }
    #expect(harmless < 20)
    try writeFile(valid, to: path)
    #expect(try fault(path) == nil)
    #expect(try NativeFile(path: path).identity == original.identity)
  }
}

/// A flip in a tensor's data is found when that tensor is read, and harms no other.
@Test func damageInOneTensorLeavesTheOthers() throws {
  let source = validFolder + "/types.plumb"
  let file = try MappedFile(path: source)
  let valid = try file.bytes(in: 0..<file.size)
  let whole = try NativeFile(path: source)
  try withTemporaryFolder { folder in
    let path = folder + "/damaged.plumb"
    for place in stride(from: 131, to: valid.count - 4096, by: 397) {
      var damaged = valid
      damaged[place] ^= 0x10
      try writeFile(damaged, to: path)
      // Padding and the index are checked when the file is opened.
      guard let opened = try? NativeFile(path: path) else { continue }
      var failures = 0
      for name in opened.tensorNames {
        do throws(NativeError) {
          let tensor = try opened.tensor(named: name)
          #expect(try tensor == whole.tensor(named: name))
        } catch { failures += 1 }
      }
      #expect(failures <= 1, "flip at \(place)")
    }
  }
}
