import TensorBase

/// Indices read from a tensor of i32 or i64, negative ones counted from the end, all checked.
struct Indices: ~Copyable {
  let base: UnsafeMutablePointer<Int>
  let count: Int

  private init(count: Int) {
    self.count = count
    base = .allocate(capacity: max(count, 1))
  }

  /// - Throws: `KernelError.relativeIndexOutOfRange` for the first index outside −size ..< size.
  static func checked(_ view: TensorView, size: Int) throws(KernelError) -> Indices {
    precondition(view.type == .i64 || view.type == .i32, "indices of \(view.type)")
    let result = Indices(count: view.shape.count)
    for position in 0..<result.count {
      let index = Elements.integer(view.base, position, view.type)
      guard index >= -Int64(size), index < Int64(size) else {
        throw .relativeIndexOutOfRange(index: index, position: position, size: size)
      }
      result.base[position] = Int(index) + (index < 0 ? size : 0)
    }
    return result
  }

  /// indices […, k] → for each k-tuple Σ index · stride, the i-th index being checked against
  /// `sizes[i]`; k = `sizes.count`.
  ///
  /// - Throws: `KernelError.relativeIndexOutOfRange` for the first index outside its axis.
  static func checked(
    tuples view: TensorView, sizes: [Int], strides: [Int]
  ) throws(KernelError) -> Indices {
    precondition(view.type == .i64 || view.type == .i32, "indices of \(view.type)")
    let width = sizes.count
    let result = Indices(count: view.shape.dimensions.dropLast().reduce(1, *))
    for tuple in 0..<result.count {
      var offset = 0
      for axis in 0..<width {
        let position = tuple * width + axis, size = sizes[axis]
        let index = Elements.integer(view.base, position, view.type)
        guard index >= -Int64(size), index < Int64(size) else {
          throw .relativeIndexOutOfRange(index: index, position: position, size: size)
        }
        offset += (Int(index) + (index < 0 ? size : 0)) * strides[axis]
      }
      result.base[tuple] = offset
    }
    return result
  }

  deinit { base.deallocate() }
}

/// Where the elements of a box of `dimensions`, one line along the last axis after the other, lie
/// in a larger tensor with `strides`, axis `axis` being replaced by an index read elsewhere.
struct IndexedLines {
  let lines: Int
  let width: Int
  /// Elements from one to the next of a line; 0 when the last axis is the indexed one.
  let step: Int
  /// What an index counts.
  let indexStride: Int
  private let dimensions: [Int]
  private let strides: [Int]

  init(_ dimensions: [Int], strides: [Int], axis: Int) {
    let last = dimensions.count - 1
    lines = dimensions.dropLast().reduce(1, *)
    width = dimensions[last]
    step = axis == last ? 0 : strides[last]
    indexStride = strides[axis]
    self.dimensions = dimensions
    self.strides = strides.indices.map { $0 == axis ? 0 : strides[$0] }
  }

  func start(_ line: Int) -> Int {
    var rest = line, offset = 0
    for axis in stride(from: dimensions.count - 2, through: 0, by: -1) {
      offset += rest % dimensions[axis] * strides[axis]
      rest /= dimensions[axis]
    }
    return offset
  }
}

/// One element of `size` bytes: 1, 2, 4 or 8.
@inline(__always) func copyElement(
  _ to: UnsafeMutableRawPointer, _ from: UnsafeRawPointer, size: Int
) {
  switch size {
  case 1: to.storeBytes(of: from.loadUnaligned(as: UInt8.self), as: UInt8.self)
  case 2: to.storeBytes(of: from.loadUnaligned(as: UInt16.self), as: UInt16.self)
  case 4: to.storeBytes(of: from.loadUnaligned(as: UInt32.self), as: UInt32.self)
  default: to.storeBytes(of: from.loadUnaligned(as: UInt64.self), as: UInt64.self)
  }
}

/// Sets every element to the one that `value` holds, or to zero; any type.
func fill(_ out: MutableTensorView, with value: TensorView?) {
  let count = out.shape.count, size = out.type.byteCount
  guard let value else {
    out.base.initializeMemory(as: UInt8.self, repeating: 0, count: count * size)
    return
  }
  precondition(value.type == out.type && value.shape.count == 1)
  for i in 0..<count { copyElement(out.base + i * size, value.base, size: size) }
}
