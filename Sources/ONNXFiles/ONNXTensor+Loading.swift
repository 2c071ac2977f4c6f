import ByteIO
import TensorBase

extension ONNXTensor {
  /// A tensor whose elements are at hand.
  package init(name: String, _ tensor: Tensor, storedType: ONNXElementType) {
    precondition(tensor.type == storedType.elementType, "\(storedType) is not \(tensor.type)")
    self.init(
      name: name, storedType: storedType, shape: tensor.shape, source: .held(tensor))
  }

  /// The elements as `type`; in the mapped file itself where they lie there as they are needed.
  /// Errors: they cannot be computed with, or do not fit their type.
  package func load() throws(ONNXFileError) -> Tensor {
    guard let type else { throw refuse(.notComputable(storedType)) }
    switch source {
    case .raw(let file, let range):
      if storedType.isPlain { return fileTensor(file, range, type, shape) }
      return Tensor(type: type, shape: shape) { target in
        file.withBytes(in: range) { unpack($0, into: &target) }
      }
    case .fields(let file, let range):
      do {
        return try Tensor(type: type, shape: shape) { target throws(ONNXTensorFault) in
          try readFields(file, range, into: &target)
        }
      } catch { throw refuse(error) }
    case .sparse(let values, let indices):
      return try dense(values.load(), indices.load(), type)
    case .held(let tensor):
      return tensor
    case .nowhere:
      throw refuse(.notComputable(storedType))
    }
  }

  /// Gives back the pages of the file that loading took. Tensors that point into them stay valid.
  package func release() {
    switch source {
    case .raw(let file, let range), .fields(let file, let range): file.release(range)
    case .sparse(let values, let indices):
      values.release()
      indices.release()
    case .held, .nowhere: break
    }
  }

  private func refuse(_ fault: ONNXTensorFault) -> ONNXFileError {
    .tensor(file: fileName, tensor: name, fault)
  }

  /// Elements of fewer than eight bits, or of eight that are widened.
  private func unpack(_ bytes: RawSpan, into target: inout MutableRawSpan) {
    guard let bits = storedType.bitCount, bits <= 8 else {
      preconditionFailure("\(storedType) is not packed")
    }
    let decode = storedType.codes
    let mask = 1 << bits - 1
    for index in 0..<shape.count {
      let place = index * bits
      var word = Int(byte(bytes, place / 8))
      if place % 8 + bits > 8 { word |= Int(byte(bytes, place / 8 + 1)) << 8 }
      decode.store((word >> (place % 8)) & mask, at: index, into: &target)
    }
  }

  /// Elements in the fields of a TensorProto.
  private func readFields(
    _ file: MappedFile, _ range: Range<Int>, into target: inout MutableRawSpan
  ) throws(ONNXTensorFault) {
    guard shape.count > 0 else { return }
    let field = storedType.field
    let codes = storedType.isPlain ? nil : storedType.codes
    var index = 0
    func store(_ entry: UInt64, into target: inout MutableRawSpan) throws(ONNXTensorFault) {
      guard let codes else {
        guard index < shape.count else { throw .changed }
        try self.store(entry, at: index, into: &target)
        index += 1
        return
      }
      guard let byte = narrow(entry, bits: 8) else { throw .outOfRange(index: index) }
      let bits = storedType.bitCount ?? 8
      let perEntry = storedType.elementsPerEntry
      guard perEntry > 1 || byte < 1 << bits else { throw .outOfRange(index: index) }
      for i in 0..<perEntry where index < shape.count {
        codes.store(Int(byte) >> (i * bits) & (1 << bits - 1), at: index, into: &target)
        index += 1
      }
    }
    do {
      var reader = try ByteReader(file, range: range)
      while !reader.isAtEnd {
        let tag = try WireTag(&reader)
        guard tag.number == field.rawValue, let wire = field.wire else {
          try tag.skip(&reader)
          continue
        }
        guard tag.wire == .delimited else {
          try store(try entry(wire, &reader), into: &target)
          continue
        }
        var slice = try tag.slice(&reader)
        while !slice.isAtEnd { try store(try entry(wire, &slice), into: &target) }
      }
    } catch let fault as ONNXTensorFault {
      throw fault
    } catch {
      throw .changed
    }
    guard index == shape.count else { throw .changed }
  }

  private func entry(_ wire: WireKind, _ reader: inout ByteReader) throws -> UInt64 {
    switch wire {
    case .fixed32: UInt64(try reader.u32())
    case .fixed64: try reader.u64()
    case .varint, .delimited: try readVarint(&reader)
    }
  }

  /// Stores an entry of a field as an element that keeps its own bits.
  private func store(
    _ entry: UInt64, at index: Int, into target: inout MutableRawSpan
  ) throws(ONNXTensorFault) {
    switch storedType.bitCount {
    case 64: target.storeBytes(of: entry, toByteOffset: index * 8, as: UInt64.self)
    case 32:
      let isFloat = storedType == .float
      guard isFloat || storedType == .int32 || entry <= UInt64(UInt32.max) else {
        throw .outOfRange(index: index)
      }
      target.storeBytes(
        of: UInt32(truncatingIfNeeded: entry), toByteOffset: index * 4, as: UInt32.self)
    case 16:
      guard let bits = narrow(entry, bits: 16) else { throw .outOfRange(index: index) }
      target.storeBytes(of: UInt16(bits), toByteOffset: index * 2, as: UInt16.self)
    default:
      guard let bits = narrow(entry, bits: 8) else { throw .outOfRange(index: index) }
      target.storeBytes(of: UInt8(bits), toByteOffset: index, as: UInt8.self)
    }
  }

  /// The low bits of an entry of int32_data, in which writers put signed numbers and bare bits;
  /// nil when it is neither.
  private func narrow(_ entry: UInt64, bits: Int) -> UInt64? {
    let value = Int32(truncatingIfNeeded: entry)
    guard value >= -(1 << (bits - 1)), value < 1 << bits else { return nil }
    return UInt64(UInt32(bitPattern: value)) & (1 << UInt64(bits) - 1)
  }

  private func dense(
    _ values: Tensor, _ indices: Tensor, _ type: ElementType
  ) throws(ONNXFileError) -> Tensor {
    let rank = indices.shape.rank == 1 ? 1 : shape.rank
    let strides = rank == shape.rank ? shape.strides : [1]
    let limits = rank == shape.rank ? shape.dimensions : [shape.count]
    let places = indices.int64s
    var seen: Set<Int> = []
    do {
      return try Tensor(type: type, shape: shape) { target throws(ONNXTensorFault) in
        for i in 0..<values.shape.count {
          var place = 0
          for axis in 0..<rank {
            let index = Int(places[i * rank + axis])
            guard index >= 0, index < limits[axis] else { throw .sparseIndex(index: i) }
            place += index * strides[axis]
          }
          guard seen.insert(place).inserted else { throw .sparseIndex(index: i) }
          let size = type.byteCount
          values.withBytes { bytes in
            for b in 0..<size {
              target.storeBytes(
                of: byte(bytes, i * size + b), toByteOffset: place * size + b, as: UInt8.self)
            }
          }
        }
      }
    } catch { throw refuse(error) }
  }
}

extension ONNXTensor {
  fileprivate var fileName: String {
    switch source {
    case .raw(let file, _), .fields(let file, _), .nowhere(let file): file.name
    case .sparse(let values, _): values.fileName
    case .held: ""
    }
  }
}
