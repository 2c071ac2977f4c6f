import GraphIR

/// The attributes by which ONNX describes a window over the spatial axes of an image.
struct SpatialWindow {
  var image: [Int]
  var size, strides, dilations: [Int]
  var before, after: [Int]
  /// How many places the window has along each axis.
  var places: [Int]

  static let attributes: Set<String> = ["kernel_shape", "strides", "pads", "dilations", "auto_pad"]

  /// - Parameters:
  ///   - image: the spatial sizes.
  ///   - size: the window's where an input tells it; nil when `kernel_shape` does.
  init(_ x: borrowing Expansion, image: [Int], size: [Int]?) throws(ExpansionFault) {
    let rank = image.count
    guard rank > 0 else { throw .misfit("its input has no spatial axis") }
    let kernel = try x.ints("kernel_shape")
    guard let size = size ?? kernel else { throw .misfit("'kernel_shape' is not there") }
    if let kernel, kernel != size {
      throw .misfit("'kernel_shape' is \(kernel), and the weight has \(size)")
    }
    let ones = [Int](repeating: 1, count: rank)
    let strides = try x.ints("strides") ?? ones
    let dilations = try x.ints("dilations") ?? ones
    var pads = try x.ints("pads") ?? [Int](repeating: 0, count: 2 * rank)
    let automatic = try x.string("auto_pad", default: "NOTSET")
    if automatic != "NOTSET" { pads = [Int](repeating: 0, count: 2 * rank) }
    guard size.count == rank, strides.count == rank, dilations.count == rank,
      pads.count == 2 * rank
    else {
      throw .misfit(
        "a window of \(size), strides \(strides), dilations \(dilations) and padding \(pads) do "
          + "not fit \(rank) spatial axes")
    }
    let bound = 1 << 30
    guard (size + strides + dilations).allSatisfy({ (1...bound).contains($0) }),
      pads.allSatisfy({ (0...bound).contains($0) }), image.allSatisfy({ $0 <= 1 << 40 })
    else {
      throw .misfit(
        "a window of \(size), strides \(strides), dilations \(dilations) and padding \(pads) makes "
          + "no sense")
    }
    self.image = image
    self.size = size
    self.strides = strides
    self.dilations = dilations
    before = Array(pads[..<rank])
    after = Array(pads[rank...])
    places = []
    switch automatic {
    case "NOTSET", "VALID": break
    case "SAME_UPPER", "SAME_LOWER":
      for axis in 0..<rank {
        let wanted = (max(image[axis], 1) - 1) / strides[axis] + 1
        // Negative where strides are longer than the window: then the image is cut.
        let total = (wanted - 1) * strides[axis] + span(axis) - image[axis]
        before[axis] = (automatic == "SAME_UPPER" ? total : total + 1) / 2
        after[axis] = total - before[axis]
      }
    default: throw .unsupported("there is no padding '\(automatic)'")
    }
    // Where padding is not given outright, rounding up has no meaning of its own.
    let roundsUp = try x.flag("ceil_mode", default: false) && automatic == "NOTSET"
    for axis in 0..<rank {
      let room = image[axis] + before[axis] + after[axis] - span(axis)
      let way = room + (roundsUp ? strides[axis] - 1 : 0)
      // Division towards minus infinity: a window that is just too large has no place.
      var count = (way >= 0 ? way / strides[axis] : (way + 1) / strides[axis] - 1) + 1
      // A window that would begin in the padding behind the image is left out.
      if roundsUp && (count - 1) * strides[axis] >= image[axis] + before[axis] { count -= 1 }
      guard count >= 0 else {
        throw .misfit(
          "a window of \(size[axis]) at dilation \(dilations[axis]) is larger than \(image[axis]) "
            + "padded pixels")
      }
      places.append(count)
    }
  }

  /// Pixels from the first to the last tap.
  private func span(_ axis: Int) -> Int { (size[axis] - 1) * dilations[axis] + 1 }

  var window: ImageWindow {
    ImageWindow(
      image: image, places: places, size: size, strides: strides, dilations: dilations,
      before: before)
  }
}

extension Expansion {
  /// The sizes behind batch and channels.
  func spatialSizes(of id: ValueID) throws(ExpansionFault) -> [Int] {
    let shape = self[id].shape
    guard shape.rank >= 3 else {
      throw .misfit("its input \(self[id]) has not three axes or more")
    }
    return Array(shape.dimensions.dropFirst(2))
  }

  /// A half-precision value in f32, in which kernels compute; others as they are.
  mutating func widened(_ id: ValueID) throws(ExpansionFault) -> ValueID {
    switch self[id].type {
    case .f16, .bf16: try cast(id, to: .f32)
    case .f32, .f64, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .bool: id
    }
  }

  mutating func widened(optional id: ValueID?) throws(ExpansionFault) -> ValueID? {
    if let id { try widened(id) } else { nil }
  }
}
