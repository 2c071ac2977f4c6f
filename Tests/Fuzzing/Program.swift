import Glibc
import TestSupport

// What libFuzzer calls; its own `main` is the program's. It feeds one reader with what it makes up;
// tools/fuzz/run starts it:
//
//   plumb-fuzz HARNESS [options and corpora of libFuzzer]
//   plumb-fuzz --names               the harnesses, one a line
//   plumb-fuzz --seeds ROOT FOLDER   writes the seeds that this repository has to FOLDER/HARNESS

private let inheritedName = "PLUMB_FUZZ_HARNESS"

/// Takes the harness's name away from the arguments.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(
  _ count: UnsafeMutablePointer<Int32>,
  _ pointers: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>
) -> Int32 {
  let arguments = (0..<Int(count.pointee)).map { pointers.pointee[$0].map { String(cString: $0) } }
  switch arguments.dropFirst().first ?? nil {
  case "--names":
    for harness in harnesses { print(harness.name) }
    exit(0)
  case "--seeds":
    guard arguments.count == 4, let root = arguments[2], let folder = arguments[3] else { break }
    do { try writeSeeds(from: root, to: folder) } catch {
      print(error)
      exit(2)
    }
    exit(0)
  case let name?:
    guard let harness = harnesses.first(where: { $0.name == name }) else {
      // Processes that libFuzzer starts, to merge corpora, are not told the name: it is theirs already.
      guard let inherited = getenv(inheritedName) else { break }
      chosen = harnesses.first { $0.name == String(cString: inherited) }
      return 0
    }
    chosen = harness
    setenv(inheritedName, name, 1)
    for place in 1..<Int(count.pointee) {
      pointers.pointee[place] = place + 1 < arguments.count ? pointers.pointee[place + 1] : nil
    }
    count.pointee -= 1
    return 0
  case nil: break
  }
  print("usage: plumb-fuzz HARNESS [options and corpora of libFuzzer]; the harnesses are")
  print(harnesses.map(\.name).joined(separator: ", "))
  exit(2)
}

/// libFuzzer's own changes: bytes put in, taken out, bent, taken from other inputs.
@_silgen_name("LLVMFuzzerMutate")
private func bend(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ capacity: Int) -> Int

private func bent(_ part: [UInt8]) -> [UInt8] {
  var room = part + [UInt8](repeating: 0, count: 16)
  let size = room.withUnsafeMutableBufferPointer { buffer in
    buffer.baseAddress.map { bend($0, part.count, buffer.count) } ?? 0
  }
  return [UInt8](room[..<size])
}

/// Makes a new input of one that was worth keeping, in place; returns its size.
@_cdecl("LLVMFuzzerCustomMutator")
public func mutate(
  _ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ capacity: Int, _ seed: UInt32
) -> Int {
  var random = TestRandom(state: UInt64(seed))
  let input = [UInt8](UnsafeBufferPointer(start: bytes, count: count))
  var changed: [UInt8]?
  if UInt8.random(in: 0..<4, using: &random) > 0 {
    switch chosen?.content {
    case .wire: changed = mutatedWire(input, random: &random, bend: bent)
    case .json: changed = mutatedJSON(input, random: &random, bend: bent)
    case .bytes, nil: break
    }
  }
  guard let changed, changed.count <= capacity else { return bend(bytes, count, capacity) }
  UnsafeMutableRawBufferPointer(start: bytes, count: capacity).copyBytes(from: changed)
  return changed.count
}

/// Feeds an input.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  feed([UInt8](UnsafeBufferPointer(start: bytes, count: count)))
  return 0
}
