/// An immutable array of elements of one type, row-major, with value semantics.
///
/// Copies share memory. A tensor read from a mapped file is a slice of the mapping and keeps it
/// alive.
@safe
package struct Tensor: Sendable {
  package let type: ElementType
  package let shape: Shape
  private let storage: TensorStorage

  package var byteCount: Int { shape.count * type.byteCount }

  /// A tensor whose zeroed bytes `fill` sets.
  package init(
    type: ElementType, shape: Shape,
    filling fill: (UnsafeMutableRawBufferPointer) throws -> Void
  ) rethrows {
    let byteCount = shape.count * type.byteCount
    let block = AlignedBytes(count: byteCount)
    try fill(UnsafeMutableRawBufferPointer(rebasing: block.bytes[..<byteCount]))
    self.type = type
    self.shape = shape
    storage = TensorStorage(block)
  }

  /// A tensor of zeros.
  package init(zeros shape: Shape, type: ElementType) {
    self.init(type: type, shape: shape) { _ in }
  }

  /// A tensor with a copy of `bytes`, little-endian elements. Traps when the count is not the
  /// shape's.
  package init(type: ElementType, shape: Shape, bytes: [UInt8]) {
    precondition(
      bytes.count == shape.count * type.byteCount,
      "\(bytes.count) bytes are not \(type) \(shape)")
    self.init(type: type, shape: shape) { target in
      bytes.withUnsafeBytes { target.copyMemory(from: $0) }
    }
  }

  /// A tensor over `bytes`, which live as long as `owner`. Traps when the count is not the
  /// shape's or the address is not aligned to the type.
  package init(
    type: ElementType, shape: Shape, mapped bytes: UnsafeRawBufferPointer,
    owner: any AnyObject & Sendable
  ) {
    precondition(
      bytes.count == shape.count * type.byteCount,
      "\(bytes.count) bytes are not \(type) \(shape)")
    precondition(UInt(bitPattern: bytes.baseAddress) % UInt(type.byteCount) == 0)
    self.type = type
    self.shape = shape
    storage = TensorStorage(mapped: bytes, owner: owner)
  }

  /// A float32 tensor. Traps when the count is not the shape's.
  package init(floats: [Float], shape: Shape) {
    self.init(copying: floats, type: .f32, shape: shape)
  }

  /// An int64 tensor. Traps when the count is not the shape's.
  package init(int64s: [Int64], shape: Shape) {
    self.init(copying: int64s, type: .i64, shape: shape)
  }

  /// A float64 tensor. Traps when the count is not the shape's.
  package init(doubles: [Double], shape: Shape) {
    self.init(copying: doubles, type: .f64, shape: shape)
  }

  private init<Element: BitwiseCopyable>(copying array: [Element], type: ElementType, shape: Shape)
  {
    precondition(array.count == shape.count, "\(array.count) elements do not fill \(shape)")
    self.init(type: type, shape: shape) { target in
      array.withUnsafeBytes { target.copyMemory(from: $0) }
    }
  }

  /// What a view that covers a whole storage holds, without copying: nobody may write through the
  /// view any more.
  package init(_ view: consuming MutableTensorView) {
    precondition(view.base == view.storage.bytes.baseAddress.map { $0 })
    type = view.type
    shape = view.shape
    storage = view.storage
  }

  private init(type: ElementType, shape: Shape, storage: TensorStorage) {
    self.type = type
    self.shape = shape
    self.storage = storage
  }

  private init(_ other: Tensor, shape: Shape) {
    type = other.type
    self.shape = shape
    storage = other.storage
  }

  /// The same elements under another shape of the same count; shares memory.
  package func reshaped(_ shape: Shape) -> Tensor {
    precondition(shape.count == self.shape.count, "\(self.shape) does not reshape to \(shape)")
    return Tensor(self, shape: shape)
  }

  /// What kernels read.
  package var view: TensorView { TensorView(type: type, shape: shape, storage: storage) }

  package func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(storage) {} }
    return try body(UnsafeRawBufferPointer(rebasing: storage.bytes[..<byteCount]))
  }
}

extension Tensor {
  /// A float32 scalar.
  package init(scalar value: Float) { self.init(floats: [value], shape: []) }

  /// An int64 scalar.
  package init(scalar value: Int64) { self.init(int64s: [value], shape: []) }
}

extension Tensor: Equatable {
  /// Same type, shape and bytes: NaNs of one pattern are equal, 0 and −0 are not.
  package static func == (a: Tensor, b: Tensor) -> Bool {
    guard a.type == b.type, a.shape == b.shape else { return false }
    return a.withUnsafeBytes { x in b.withUnsafeBytes { y in x.elementsEqual(y) } }
  }
}

extension Tensor: Hashable {
  package func hash(into hasher: inout Hasher) {
    hasher.combine(type)
    hasher.combine(shape)
    withUnsafeBytes { hasher.combine(bytes: $0) }
  }
}

extension Tensor {
  /// A tensor whose zeroed bytes `fill` sets.
  package init<Failure: Error>(
    type: ElementType, shape: Shape,
    fillingSpan fill: (inout MutableRawSpan) throws(Failure) -> Void
  ) throws(Failure) {
    var failure: Failure?
    self.init(type: type, shape: shape) { bytes in
      var span = bytes.mutableBytes
      do throws(Failure) { try fill(&span) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  /// A tensor whose bytes `write` sets, every one: what they are before is left over from earlier.
  package static func written<Failure: Error>(
    _ type: ElementType, _ shape: Shape, by write: (inout MutableRawSpan) throws(Failure) -> Void
  ) throws(Failure) -> Tensor {
    let byteCount = shape.count * type.byteCount
    let block = AlignedBytes(uninitializedCount: byteCount)
    var span = UnsafeMutableRawBufferPointer(rebasing: block.bytes[..<byteCount]).mutableBytes
    try write(&span)
    return Tensor(type: type, shape: shape, storage: TensorStorage(block))
  }

  /// A copy of the elements as they lie in memory.
  package var bytes: [UInt8] { withUnsafeBytes { [UInt8]($0) } }

  /// Lends the bytes.
  package func withBytes<Result, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try withUnsafeBytes { (bytes) throws(Failure) in try body(bytes.bytes) }
  }
}
