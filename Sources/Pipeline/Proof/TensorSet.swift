import ByteIO
import NativeFormat
import TensorBase
import TensorFiles

/// Named tensors of any file that holds some: safetensors, PyTorch, npz, npy, or the weights of a
/// .plumb.
enum TensorSet {
  case tensors(TensorFile)
  case weights(NativeFile)

  init(path: String) throws {
    if try NativeFile.isNative(path) {
      self = .weights(try NativeFile(path: path))
    } else {
      self = .tensors(try TensorFile.open(path))
    }
  }

  var names: [String] {
    switch self {
    case .tensors(let file): file.names
    case .weights(let file): file.tensorNames
    }
  }

  func tensor(named name: String) throws -> Tensor {
    switch self {
    case .tensors(let file): try file.tensor(named: name)
    case .weights(let file): try file.tensor(named: name)
    }
  }

  /// Gives back the memory that reading a tensor took.
  func release(_ name: String) {
    switch self {
    case .tensors(let file): file.release(name)
    case .weights: break
    }
  }
}
