import ByteIO
import GraphIR
import JSONText

/// Why a .plumb file cannot be read or written.
package enum NativeError: Error, Equatable, CustomStringConvertible {
  case notNative(file: String)
  case newerVersion(file: String, found: String, known: String)
  case badHeader(file: String, reason: String)
  case badIndex(file: String, reason: String)
  case damaged(file: String, tensor: String, reason: String)
  case noSuchTensor(file: String, name: String)
  case weightMissing(file: String, graph: String, tensor: String)
  case weightMismatch(file: String, graph: String, tensor: String, found: String, expected: String)
  case graph(file: String, GraphError)
  case bytes(ByteIOError)
  case unstorable(tensor: String, reason: String)
  case beyondMemory(file: String, tensor: String, needed: Int, available: Int)

  package var description: String {
    switch self {
    case .notNative(let file):
      "\(file) is not a .plumb file; make one with plumb convert"
    case .newerVersion(let file, let found, let known):
      "\(file) has format version \(found), this program reads up to \(known); use a newer plumb"
    case .badHeader(let file, let reason): "\(file) has a damaged header: \(reason)"
    case .badIndex(let file, let reason): "\(file) has a damaged index: \(reason)"
    case .damaged(let file, let tensor, let reason):
      "\(file): the data of tensor '\(tensor)' is damaged: \(reason)"
    case .noSuchTensor(let file, let name): "\(file) has no tensor '\(name)'"
    case .weightMissing(let file, let graph, let tensor):
      "\(file): graph '\(graph)' needs the tensor '\(tensor)', which is not there"
    case .weightMismatch(let file, let graph, let tensor, let found, let expected):
      "\(file): tensor '\(tensor)' is \(found); graph '\(graph)' expects \(expected)"
    case .graph(let file, let error): "\(file): \(error)"
    case .bytes(let error): error.description
    case .unstorable(let tensor, let reason): "tensor '\(tensor)' cannot be stored: \(reason)"
    case .beyondMemory(let file, let tensor, let needed, let available):
      "\(file): tensor '\(tensor)' unpacks to \(needed) bytes; this machine has \(available)"
    }
  }
}

/// Runs `body`, its byte errors as this target's.
func bytes<Result: ~Copyable>(
  _ body: () throws(ByteIOError) -> Result
) throws(NativeError) -> Result {
  do { return try body() } catch { throw .bytes(error) }
}
