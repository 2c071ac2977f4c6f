import ByteIO
import TensorBase

/// Turns messages of tensors into tensors whose elements are known to be where they should be.
final class TensorImporter {
  static let maximumRank = 32
  /// Of a sparse tensor once it is dense, in bytes.
  static let maximumDenseSize = 256 << 20

  let file: MappedFile
  let notes: [ElementNote]
  let external: ExternalFiles

  init(file: MappedFile, notes: [ElementNote]) {
    self.file = file
    self.notes = notes
    external = ExternalFiles(of: file)
  }

  func tensor(_ wire: WireTensor) throws(ONNXFileError) -> ONNXTensor {
    do {
      let type = try elementType(wire)
      let shape = try self.shape(wire.dimensions)
      guard !wire.hasSegment else { throw ONNXTensorFault.segment }
      let note = notes[wire.note]
      let source: ElementSource
      switch wire.location {
      case 0: source = try self.source(note, type, shape)
      case 1:
        guard note.raw?.isEmpty ?? true, note.counts.isEmpty else {
          throw ONNXTensorFault.twoPlaces
        }
        source = try externalSource(wire, type, shape)
      default: throw ONNXTensorFault.location(Int(wire.location))
      }
      return ONNXTensor(name: wire.name, storedType: type, shape: shape, source: source)
    } catch let error as ONNXFileError {
      throw error
    } catch let fault as ONNXTensorFault {
      throw .tensor(file: file.name, tensor: wire.name, fault)
    } catch {
      preconditionFailure("an error of another kind: \(error)")
    }
  }

  func shape(_ dimensions: [Int64]) throws(ONNXTensorFault) -> Shape {
    guard dimensions.count <= Self.maximumRank else {
      throw .tooManyDimensions(maximum: Self.maximumRank)
    }
    do { return try Shape(checking: dimensions.map(Int.init)) } catch { throw .badShape(error) }
  }

  private func elementType(_ wire: WireTensor) throws(ONNXTensorFault) -> ONNXElementType {
    guard let number = wire.type, number != 0 else { throw .noType }
    guard let type = ONNXElementType(rawValue: Int(number)) else {
      throw .unknownType(Int(number))
    }
    return type
  }

  /// Elements in the file itself.
  private func source(
    _ note: ElementNote, _ type: ONNXElementType, _ shape: Shape
  ) throws(ONNXTensorFault) -> ElementSource {
    if let raw = note.raw, !raw.isEmpty {
      guard note.counts.isEmpty else { throw .twoPlaces }
      guard let size = type.packedSize(of: shape.count) else {
        throw .wrongField(field: ElementField.raw.name, type: type)
      }
      guard raw.count == size else { throw .wrongSize(found: raw.count, expected: size) }
      return .raw(file, raw)
    }
    guard note.counts.count <= 1 else { throw .twoPlaces }
    let field = type.field
    if let (found, count) = note.counts.first {
      guard found == field else { throw .wrongField(field: found.name, type: type) }
      let expected = type.fieldCount(of: shape.count)
      guard count == expected else {
        throw .wrongCount(field: field.name, found: count, expected: expected)
      }
    } else if shape.count > 0 {
      guard note.raw != nil, let size = type.packedSize(of: shape.count) else {
        throw .wrongCount(
          field: field.name, found: 0, expected: type.fieldCount(of: shape.count))
      }
      throw .wrongSize(found: 0, expected: size)
    }
    if type == .string { return .nowhere(file) }
    // A packed list of floats is laid out as raw_data is.
    if let run = note.run, type == .float || type == .double { return .raw(file, run) }
    return .fields(file, note.message)
  }

  private func externalSource(
    _ wire: WireTensor, _ type: ONNXElementType, _ shape: Shape
  ) throws(ONNXFileError) -> ElementSource {
    guard let size = type.packedSize(of: shape.count) else {
      throw .tensor(
        file: file.name, tensor: wire.name, .wrongField(field: "external_data", type: type))
    }
    let (file, range) = try external.place(wire.external, size: size, tensor: wire.name)
    return .raw(file, range)
  }

  /// A sparse tensor; it goes by the name of its values.
  func tensor(_ wire: WireSparseTensor) throws(ONNXFileError) -> ONNXTensor {
    let name = wire.values?.name ?? ""
    func refuse(_ fault: ONNXTensorFault) -> ONNXFileError {
      .tensor(file: file.name, tensor: name, fault)
    }
    guard let wireValues = wire.values else { throw refuse(.noValues) }
    guard let wireIndices = wire.indices else { throw refuse(.noIndices) }
    let values = try tensor(wireValues)
    let indices = try tensor(wireIndices)
    let shape: Shape
    do { shape = try self.shape(wire.dimensions) } catch { throw refuse(error) }
    guard values.shape.rank == 1 else {
      throw refuse(.sparseShape("its values should have one dimension"))
    }
    guard indices.storedType == .int64 else {
      throw refuse(.sparseShape("its indices should be of type int64"))
    }
    let count = values.shape.count
    guard indices.shape == [count] || indices.shape == Shape([count, shape.rank]) else {
      throw refuse(
        .sparseShape(
          "its indices have the shape \(indices.shape), where [\(count)] or "
            + "[\(count), \(shape.rank)] is expected"))
    }
    let result = ONNXTensor(
      name: name, storedType: values.storedType, shape: shape,
      source: .sparse(values: values, indices: indices))
    guard result.byteCount <= Self.maximumDenseSize else {
      throw refuse(
        .sparseTooLarge(bytes: result.byteCount, maximum: Self.maximumDenseSize))
    }
    return result
  }
}

extension ONNXElementType {
  /// Bytes that `count` elements take in raw_data; nil for strings.
  func packedSize(of count: Int) -> Int? {
    guard let bits = bitCount else { return nil }
    guard bits >= 8 else { return count / 8 * bits + (count % 8 * bits + 7) / 8 }
    // Shapes have at most Int.max / 8 elements, and some take 16 bytes.
    let (size, overflow) = count.multipliedReportingOverflow(by: bits / 8)
    return overflow ? Int.max : size
  }

  /// The field that holds such elements when raw_data does not.
  var field: ElementField {
    switch self {
    case .float, .complex64: .float
    case .double, .complex128: .double
    case .int64: .int64
    case .uint32, .uint64: .uint64
    case .string: .string
    case .int32, .int16, .int8, .int4, .int2, .uint16, .uint8, .uint4, .uint2, .bool: .int32
    case .float16, .bfloat16, .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz: .int32
    case .float4e2m1, .float8e8m0, .float6e2m3, .float6e3m2: .int32
    }
  }

  /// Elements that one entry of that field holds.
  var elementsPerEntry: Int {
    switch self {
    case .int4, .uint4, .float4e2m1: 2
    case .int2, .uint2: 4
    default: 1
    }
  }

  /// Entries of that field for `count` elements.
  func fieldCount(of count: Int) -> Int {
    switch self {
    case .complex64, .complex128: 2 * count
    default: count / elementsPerEntry + (count % elementsPerEntry == 0 ? 0 : 1)
    }
  }
}
