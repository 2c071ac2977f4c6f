import ByteIO
import GraphIR
import JSONText
import NativeFormat
import TensorBase
import TestSupport
import Testing

/// Writes the tensors to `model.plumb` in a new folder, and opens it.
private func roundTrip(
  _ tensors: [(String, Tensor)], options: StorageOptions = StorageOptions()
) throws -> NativeFile {
  try withTemporaryFolder { folder in
    let path = folder + "/model.plumb"
    var writer = try NativeWriter(path: path, options: options)
    for (name, tensor) in tensors { try writer.add(name, tensor) }
    try writer.finish(NativeContent())
    return try NativeFile(path: path)
  }
}

/// Bytes that look random, of a seed.
private func noise(_ count: Int, seed: UInt64) -> [UInt8] {
  var state = seed
  return (0..<count).map { _ in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return UInt8(truncatingIfNeeded: state >> 56)
  }
}

@Test(arguments: ElementType.allCases, [StorageOptions.Packing.smallest, .raw])
func tensorsComeBackBitForBit(type: ElementType, packing: StorageOptions.Packing) throws {
  let numbers = (0..<5000).map { Float($0 % 200) * 0.37 + 0.1 }
  // Several blocks, and a last one that is not whole.
  let count = (3 << 20) / type.byteCount + 7
  let tensors = [
    ("smooth", Tensor(floats: numbers, shape: [50, 100]).converted(to: type)),
    ("empty", Tensor(type: type, shape: [0, 3], bytes: [])),
    ("scalar", Tensor(type: type, shape: [], bytes: noise(type.byteCount, seed: 1))),
    ("zeros", Tensor(type: type, shape: [count], filling: { _ in })),
    ("noise", Tensor(type: type, shape: [count], bytes: noise(count * type.byteCount, seed: 2))),
  ]
  let file = try roundTrip(tensors, options: StorageOptions(packing: packing))
  #expect(file.tensorNames == tensors.map(\.0))
  for (name, tensor) in tensors {
    #expect(try file.tensor(named: name) == tensor, "\(name)")
    #expect(try file.storedTensor(named: name).converted(to: type) == tensor, "\(name)")
  }
  try file.verifyContents()
  #expect(throws: NativeError.noSuchTensor(file: "model.plumb", name: "other")) {
    try file.tensor(named: "other")
  }
}

/// Rows of tensors of several blocks: within one, across two, from and to the ends, none.
@Test(arguments: [ElementType.f32, .f16, .u8], [StorageOptions.Packing.smallest, .raw])
func rowsAreThoseOfTheWhole(type: ElementType, packing: StorageOptions.Packing) throws {
  let row = 3 * 1001
  let count = (5 << 20) / 2 / (row * type.byteCount)
  let whole = Tensor(
    type: type, shape: [count, 3, 1001], bytes: noise(count * row * type.byteCount, seed: 3))
  let smooth = Tensor(floats: (0..<count * row).map { Float($0 % 977) * 0.1 }, shape: [count, row])
    .converted(to: type)
  let file = try roundTrip(
    [("noise", whole), ("smooth", smooth), ("empty", Tensor(zeros: [0, 3], type: type))],
    options: StorageOptions(packing: packing))
  let third = count / 3
  for rows in [0..<0, 0..<1, 5..<6, third - 1..<2 * third, count - 2..<count, 0..<count] {
    for (name, tensor) in [("noise", whole), ("smooth", smooth)] {
      let bytes = tensor.byteCount / count
      let expected = Tensor(
        type: type, shape: Shape([rows.count] + tensor.shape.dimensions.dropFirst()),
        bytes: Array(tensor.bytes[rows.lowerBound * bytes..<rows.upperBound * bytes]))
      for threads in [1, nil] {
        #expect(
          try file.storedTensor(named: name, rows: rows, threads: threads).converted(to: type)
            == expected, "\(name) \(rows)")
      }
    }
  }
  #expect(try file.storedTensor(named: "empty", rows: 0..<0).shape == [0, 3])
}

@Test(arguments: [ElementType.f16, .bf16])
func floatsOfNarrowOriginAreStoredNarrow(narrow: ElementType) throws {
  let narrowed = (0..<70_000).map { Float($0) * 0.013 - 3 } + [-.zero, .infinity, -.infinity]
  let tensor = Tensor(floats: narrowed, shape: [narrowed.count])
    .converted(to: narrow).converted(to: .f32)
  let file = try roundTrip([("a", tensor)])
  #expect(file.tensors[0].storedType == narrow)
  #expect(file.tensors[0].type == .f32)
  #expect(try file.tensor(named: "a") == tensor)
  #expect(try file.storedTensor(named: "a") == tensor.converted(to: narrow))
}

@Test(arguments: [ElementType.f16, .bf16])
func roundedWeightsReportTheirError(narrow: ElementType) throws {
  let floats = (0..<300_000).map { Float($0) * 0.0013 - 3 }
  let tensor = Tensor(floats: floats, shape: [300, 1000])
  try withTemporaryFolder { folder in
    let path = folder + "/model.plumb"
    var writer = try NativeWriter(path: path, options: StorageOptions(weights: narrow))
    let error = try writer.add("a", tensor)
    #expect(try writer.add("integers", Tensor(int64s: [1, 2], shape: [2])) == 0)
    try writer.finish(NativeContent())
    let file = try NativeFile(path: path)
    #expect(try file.tensor(named: "a") == tensor.converted(to: narrow).converted(to: .f32))
    let worst = zip(floats, try file.tensor(named: "a").floats).map { abs($0 - $1) }.max()
    #expect(error == worst.map(Double.init))
    #expect(error > 0)
  }
}

@Test func numbersThatLeaveTheRangeAreRefused() throws {
  var floats = [Float](repeating: 1, count: 2_000_000)
  floats[600_000] = -65_520
  floats[1_900_000] = 1e9
  let tensor = Tensor(floats: floats, shape: [2_000_000])
  try withTemporaryFolder { folder in
    var writer = try NativeWriter(
      path: folder + "/a.plumb", options: StorageOptions(weights: .f16))
    do {
      try writer.add("w", tensor)
      Issue.record("a number beyond f16 was stored")
    } catch {
      #expect(
        error as? NativeError
          == .unstorable(tensor: "w", reason: "-65520.0 leaves the range of f16; keep f32"))
    }
  }
}

@Test func contentIsStoredOnce() throws {
  let a = Tensor(type: .f32, shape: [4000], bytes: noise(16_000, seed: 1))
  let b = Tensor(type: .f32, shape: [4000], bytes: noise(16_000, seed: 2))
  let file = try roundTrip([
    ("a", a), ("b", b), ("a again", a), ("a reshaped", a.reshaped([40, 100])),
    ("a as i32", Tensor(type: .i32, shape: [4000], bytes: noise(16_000, seed: 1))),
  ])
  #expect(file.tensors.map(\.sameAs) == [nil, nil, "a", "a", nil])
  #expect(file.tensors[2].storedByteCount == 0)
  #expect(try file.tensor(named: "a again") == a)
  #expect(try file.tensor(named: "a reshaped") == a.reshaped([40, 100]))
  #expect(file.byteCount < 16_000 * 4)
}

@Test func constantTensorsTakeNoRoom() throws {
  let count = 10 << 20
  let file = try roundTrip([
    ("zeros", Tensor(type: .f32, shape: [count], filling: { _ in })),
    ("ones", Tensor(floats: [Float](repeating: 0.1, count: count), shape: [count])),
  ])
  #expect(file.byteCount < 30_000)
}

@Test func repetitionIsFoundInIntegers() throws {
  let positions = Tensor(int64s: (0..<40_960).map { Int64($0 % 512) }, shape: [80, 512])
  let file = try roundTrip([("positions", positions)])
  #expect(try file.tensor(named: "positions") == positions)
  #expect(file.tensors[0].storedByteCount < 2000)
}

@Test func identityFollowsContent() throws {
  let bytes = noise(4096, seed: 5)
  var other = bytes
  other[17] ^= 1
  func identity(_ bytes: [UInt8], name: String = "w") throws -> String {
    try roundTrip([(name, Tensor(type: .u8, shape: [4096], bytes: bytes))]).identity
  }
  let first = try identity(bytes)
  #expect(first.count == 64)
  #expect(try identity(bytes) == first)
  #expect(try identity(other) != first)
  #expect(try identity(bytes, name: "v") != first)
}

@Test func namesAreUniqueAndBounded() throws {
  try withTemporaryFolder { folder in
    var writer = try NativeWriter(path: folder + "/a.plumb", options: StorageOptions())
    let tensor = Tensor(scalar: Float(1))
    try writer.add("a", tensor)
    for name in ["a", "", String(repeating: "x", count: 4097)] {
      do {
        try writer.add(name, tensor)
        Issue.record("'\(name)' was taken")
      } catch { #expect("\(error)".contains("cannot be stored")) }
    }
  }
}

/// Bytes with scales: within half a scale of what they were, whole and by rows; the file says 1.1.
@Test(arguments: [0, 1, 2], [StorageOptions.Packing.smallest, .raw])
func bytesComeBackTimesTheirScales(axis: Int, packing: StorageOptions.Packing) throws {
  let shape: Shape = [37, 31, 1100]
  var floats = (0..<shape.count).map { Float(($0 * 7919) % 2003) * 0.013 - 13 }
  // The first index of the last axis is zero everywhere.
  for place in stride(from: 0, to: floats.count, by: 1100) { floats[place] = 0 }
  let tensor = Tensor(floats: floats, shape: shape)
  try withTemporaryFolder { folder in
    let path = folder + "/model.plumb"
    var writer = try NativeWriter(
      path: path, options: StorageOptions(weights: .i8, packing: packing))
    let error = try writer.add("w", tensor, inBytesAlong: axis)
    try writer.add("v", Tensor(floats: floats, shape: [shape.count]))
    try writer.finish(NativeContent())
    let file = try NativeFile(path: path)
    try file.verifyContents()
    #expect(file.versionText == "1.1")
    #expect(file.tensorNames == ["w", "v"])
    #expect(file.tensors.map(\.storedType) == [.i8, .f32])
    #expect(file.tensors[0].storedByteCount > shape[axis])
    let stored = try #require(file.stored("w"))
    #expect(stored == StoredWeight(.i8, scales: WeightScales(tensor: "w@scales", axis: axis)))
    let scales = try file.tensor(named: "w@scales").floats
    #expect(scales.count == shape[axis])
    let bytes = try file.storedTensor(named: "w").int64s
    let run = shape.dimensions[(axis + 1)...].reduce(1, *)
    let expected = bytes.enumerated().map { place, byte in
      Float(byte) * scales[place / run % scales.count]
    }
    let found = try file.tensor(named: "w")
    #expect(found.type == .f32 && found.floats == expected)
    let worst = zip(floats, expected).map { abs($0 - $1) }
    #expect(worst.max().map(Double.init) == error)
    #expect(worst.enumerated().allSatisfy { $1 <= 0.50001 * scales[$0 / run % scales.count] })
    for rows in [0..<1, 3..<17, 36..<37] {
      let part = try file.tensor(named: "w", rows: rows, for: .f32).floats
      #expect(part == Array(expected[rows.lowerBound * 34_100..<rows.upperBound * 34_100]))
    }
  }
}

@Test func whatIsNotFiniteIsNotStoredInBytes() throws {
  try withTemporaryFolder { folder in
    for (place, value) in [Float.nan, .infinity, -.infinity, .greatestFiniteMagnitude].enumerated()
    {
      var writer = try NativeWriter(
        path: folder + "/model.plumb", options: StorageOptions(weights: .i8))
      let tensor = Tensor(floats: [1, 2, value, 4], shape: [2, 2])
      #expect(throws: NativeError.self, "\(place)") {
        try writer.add("w", tensor, inBytesAlong: 0)
      }
    }
    var writer = try NativeWriter(
      path: folder + "/model.plumb", options: StorageOptions(weights: .i8))
    let least = Float.leastNonzeroMagnitude
    let small = Tensor(floats: [0, least, -0.0, least * 70_000], shape: [2, 2])
    #expect(try writer.add("w", small, inBytesAlong: 0) <= 6e-39)
    try writer.add("v", Tensor(floats: [1], shape: [1]))
    try writer.finish(NativeContent())
    #expect(try NativeFile(path: folder + "/model.plumb").tensor(named: "w").shape == [2, 2])
  }
}

/// What needs nothing new is of the version that had it.
@Test func theLowestVersionIsWritten() throws {
  #expect(try roundTrip([("a", Tensor(floats: [1], shape: [1]))]).versionText == "1.0")
}
