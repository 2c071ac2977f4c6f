import ByteIO
import Glibc
import NativeFormat
import TensorBase
import TestSupport
import Testing

/// A measurement, not a test: sizes and speeds over the raw float32 file that
/// PLUMB_MEASURE_WEIGHTS names (formats/plumb.md, Annex A). Does nothing without it.
@Test func measureSizesAndSpeeds() throws {
  guard let name = getenv("PLUMB_MEASURE_WEIGHTS") else { return }
  let source = try MappedFile(path: String(cString: name))
  let count = source.size / 4
  let floats = Tensor(
    type: .f32, shape: [count], bytes: try source.bytes(in: 0..<4 * count))
  let half = floats.converted(to: .f16)
  try measure("f32", floats, StorageOptions())
  try measure("f32, level 1", floats, StorageOptions(level: 1))
  try measure("f32, level 9", floats, StorageOptions(level: 9))
  try measure("f32, raw", floats, StorageOptions(packing: .raw))
  try measure("f32 of f16 origin", half.converted(to: .f32), StorageOptions())
  try measure("f32, --weights f16", floats, StorageOptions(weights: .f16))
  try measure("f32, --weights bf16", floats, StorageOptions(weights: .bf16))
  try measure("f16", half, StorageOptions())
  try measure("bf16", floats.converted(to: .bf16), StorageOptions())
}

private func measure(_ what: String, _ tensor: Tensor, _ options: StorageOptions) throws {
  let folder = try TemporaryFolder()
  let path = folder.path + "/a.plumb"
  var packing: [Double] = []
  var unpacking: [Double] = []
  var size = 0
  for _ in 0..<3 {
    packing.append(
      try seconds {
        var writer = try NativeWriter(path: path, options: options)
        try writer.add("a", tensor)
        try writer.finish(NativeContent())
      })
    let file = try NativeFile(path: path)
    size = file.byteCount
    for _ in 0..<3 { unpacking.append(try seconds { _ = try file.tensor(named: "a") }) }
  }
  let bytes = Double(tensor.byteCount)
  let percent = (Double(size) / bytes * 100_000).rounded() / 1000
  let speeds = [packing, unpacking].map { Int(bytes / ($0.min() ?? 1) / 1e6) }
  print("\(what): \(percent) % of \(tensor.byteCount) bytes,", terminator: " ")
  print("written at \(speeds[0]) MB/s, read at \(speeds[1]) MB/s")
}

private func seconds(_ body: () throws -> Void) rethrows -> Double {
  let clock = ContinuousClock()
  return try clock.measure(body) / .seconds(1)
}

/// A measurement, not a test: how fast the tensors of the .plumb that PLUMB_MEASURE_FILE names are
/// unpacked, each into the type it is stored in; for tools/bench/compactness. Does nothing without it.
@Test func measureReading() throws {
  guard let name = getenv("PLUMB_MEASURE_FILE") else { return }
  let file = try NativeFile(path: String(cString: name))
  let own = file.tensors.filter { $0.sameAs == nil }
  var times: [Double] = []
  var bytes = 0
  for _ in 0..<7 {
    bytes = 0
    times.append(
      try seconds {
        for tensor in own { bytes += try file.storedTensor(named: tensor.name).byteCount }
      })
  }
  print("measured \(bytes) bytes, best of \(times.count): \(times.min() ?? 0) s")
}
