import ByteIO
import TensorBase

/// A tensor of a model: what it is, and where its elements lie. They are read when asked for.
package struct ONNXTensor: Sendable {
  /// May be empty for a tensor that is an attribute.
  package let name: String
  package let storedType: ONNXElementType
  package let shape: Shape
  let source: ElementSource

  init(name: String, storedType: ONNXElementType, shape: Shape, source: ElementSource) {
    self.name = name
    self.storedType = storedType
    self.shape = shape
    self.source = source
  }

  /// The type of the elements once loaded; nil for strings and complex numbers, which cannot be.
  package var type: ElementType? { storedType.elementType }

  /// Of the elements once loaded; 0 for those that cannot be.
  package var byteCount: Int { shape.count * (type?.byteCount ?? 0) }
}

/// Where the elements of a tensor lie. The readers have checked that they fit type and shape.
indirect enum ElementSource: Sendable {
  /// As ONNX's raw_data lays them out.
  case raw(MappedFile, Range<Int>)
  /// In fields of the TensorProto that lies at the range.
  case fields(MappedFile, Range<Int>)
  case sparse(values: ONNXTensor, indices: ONNXTensor)
  case held(Tensor)
  /// Strings of a file: not kept.
  case nowhere(MappedFile)
}
