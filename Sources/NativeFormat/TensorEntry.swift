import ByteIO
import JSONText
import TensorBase

/// How the bytes of a tensor's blocks are packed; formats/plumb.md §4.
enum Codec: String, CaseIterable {
  /// The elements as they are; a CRC-32 in the block's entry.
  case raw
  /// One part: a zstd frame, or coded.
  case frame
  /// A part per byte plane, lowest bytes first.
  case planes
  /// The same of the elements rotated left by one bit.
  case rotatedPlanes

  func packing(width: Int) -> BlockPacking {
    switch self {
    case .raw: .raw
    case .frame: .frame
    case .planes: .planes(width: width)
    case .rotatedPlanes: .rotatedPlanes(width: width)
    }
  }

  /// The codec of a packing.
  init(_ packing: BlockPacking) {
    switch packing {
    case .raw: self = .raw
    case .frame: self = .frame
    case .planes: self = .planes
    case .rotatedPlanes: self = .rotatedPlanes
    }
  }
}

/// Packed elements as they lie in the file.
struct StoredBlocks: Hashable {
  var codec: Codec
  /// Where the first block begins.
  var offset: Int
  /// Elements in every block but the last, which holds what is left.
  var blockElements: Int
  var blocks: [PackedBlock]

  /// Bytes of all blocks in the file.
  var byteCount: Int { blocks.reduce(0) { $0 + $1.parts.reduce(0, +) } }

  /// What the offset must be a multiple of.
  static func alignment(_ codec: Codec, byteCount: Int) -> Int {
    codec == .raw && byteCount >= 4096 ? 4096 : 64
  }
}

/// The largest scale of bytes: what they stand for is finite.
let largestScale: Float = 0x1p120

/// One tensor of the index.
struct TensorEntry: Hashable {
  var name: String
  /// What the tensor is.
  var type: ElementType
  var shape: Shape
  /// The type its elements are stored in: `type`, or f16, bf16 or (with scales) i8 for an f32
  /// tensor.
  var storedType: ElementType
  /// What bytes are multiplied with.
  var scales: Scales?
  /// `contentDigest` of the elements in the stored type.
  var digest: [UInt8]
  /// The place in the index of the tensor before this one that has the same stored elements.
  var sameAs: Int?
  /// The blocks, those of the other tensor where they are shared.
  var stored: StoredBlocks

  struct Scales: Hashable {
    /// The place in the index of the tensor, before this one, that they are.
    var place: Int
    /// The axis they lie along.
    var axis: Int
  }

  /// Where the elements are cut.
  var cut: BlockCut {
    BlockCut(
      byteCount: shape.count * storedType.byteCount,
      blockByteCount: stored.blockElements * storedType.byteCount)
  }
}

extension TensorEntry {
  /// The largest block, unpacked.
  static let maximumBlockByteCount = 64 << 20

  var json: JSONValue {
    var object: JSONObject = [
      "name": .string(name), "type": .string(type.rawValue), "shape": NativeFormat.json(shape),
      "stored": .string(storedType.rawValue), "digest": .string(hexText(digest)),
    ]
    if let scales {
      object["scales"] = .integer(Int64(scales.place))
      object["scale_axis"] = .integer(Int64(scales.axis))
    }
    if let sameAs {
      object["same_as"] = .integer(Int64(sameAs))
      return .object(object)
    }
    object["codec"] = .string(stored.codec.rawValue)
    object["offset"] = .integer(Int64(stored.offset))
    object["block_elements"] = .integer(Int64(stored.blockElements))
    object["blocks"] = .array(
      stored.blocks.map { block in
        .array(
          stored.codec == .raw
            ? [.integer(Int64(block.checksum))] : block.parts.map { .integer(Int64($0)) })
      })
    return .object(object)
  }

  /// Reads an entry and checks all that does not need the file: sizes that fit each other.
  ///
  /// - Parameters:
  ///   - earlier: the entries before this one.
  ///   - minor: the version that the file was written in.
  init(json: JSONValue, earlier: [TensorEntry], minor: UInt16) throws(IndexFault) {
    let newer = minor > Header.minor
    let name = try IndexObject(json, "a tensor").string("name")
    guard !name.isEmpty, name.utf8.count <= 4096 else {
      throw IndexFault("a tensor's name has \(name.utf8.count) bytes")
    }
    let what = "tensor '\(name)'"
    let object = try IndexObject(json, what)
    self.name = name
    type = try object.name("type")
    storedType = try object.name("stored")
    let narrow: [ElementType] = minor >= Self.scalesMinor ? [.f16, .bf16, .i8] : [.f16, .bf16]
    guard storedType == type || type == .f32 && narrow.contains(storedType) else {
      throw IndexFault("\(what) is \(type.rawValue) but stored as \(storedType.rawValue)")
    }
    shape = try object.shape("shape")
    digest = try object.bytes("digest", count: 32)
    var common = ["name", "type", "shape", "stored", "digest"]
    scales = nil
    if type == .f32, storedType == .i8 {
      common += ["scales", "scale_axis"]
      scales = try Scales(object, shape, earlier)
    }
    guard object.object["same_as"] == nil else {
      try object.expect(common + ["same_as"], newer: newer)
      let place = try object.integer("same_as")
      guard earlier.indices.contains(place), earlier[place].sameAs == nil else {
        throw IndexFault("\(what) is the same as tensor \(place), which is none before it")
      }
      let other = earlier[place]
      guard other.storedType == storedType, other.shape.count == shape.count,
        other.digest == digest
      else { throw IndexFault("\(what) is not the same as tensor '\(other.name)'") }
      sameAs = place
      stored = other.stored
      return
    }
    try object.expect(common + ["codec", "offset", "block_elements", "blocks"], newer: newer)
    sameAs = nil
    stored = StoredBlocks(
      codec: try object.name("codec"), offset: try object.integer("offset"),
      blockElements: try object.integer("block_elements"), blocks: [])
    try readBlocks(object)
  }

  /// The minor version that scales came with.
  static let scalesMinor: UInt16 = 1

  private mutating func readBlocks(_ object: IndexObject) throws(IndexFault) {
    let width = storedType.byteCount
    guard (1...Self.maximumBlockByteCount / width).contains(stored.blockElements) else {
      throw IndexFault("\(object.what) has blocks of \(stored.blockElements) elements")
    }
    let isPlanes = stored.codec == .planes || stored.codec == .rotatedPlanes
    guard !isPlanes || width > 1 else {
      throw IndexFault("\(object.what) has planes of elements of one byte")
    }
    let items = try object.array("blocks")
    let cut = cut
    guard items.count == cut.count else {
      throw IndexFault("\(object.what) has \(items.count) blocks, its shape needs \(cut.count)")
    }
    let numberCount = isPlanes ? width : 1
    for (index, item) in items.enumerated() {
      let numbers = item.arrayValue?.compactMap(\.intValue) ?? []
      guard numbers.count == numberCount, item.arrayValue?.count == numberCount else {
        throw IndexFault("block \(index) of \(object.what) is not \(numberCount) whole numbers")
      }
      if stored.codec == .raw {
        guard let checksum = UInt32(exactly: numbers[0]) else {
          throw IndexFault("block \(index) of \(object.what) has no CRC-32")
        }
        stored.blocks.append(PackedBlock(parts: [cut[index].count], checksum: checksum))
      } else {
        guard numbers.allSatisfy({ $0 > 0 && $0 <= 2 * Self.maximumBlockByteCount }) else {
          throw IndexFault("block \(index) of \(object.what) has parts of \(numbers) bytes")
        }
        stored.blocks.append(PackedBlock(parts: numbers))
      }
    }
  }
}

extension TensorEntry.Scales {
  /// - Parameters:
  ///   - shape: the tensor's whose they are.
  ///   - earlier: the entries before it.
  fileprivate init(
    _ object: IndexObject, _ shape: Shape, _ earlier: [TensorEntry]
  ) throws(IndexFault) {
    place = try object.integer("scales")
    axis = try object.integer("scale_axis")
    guard earlier.indices.contains(place) else {
      throw IndexFault("\(object.what) has scales in tensor \(place), which is none before it")
    }
    guard (0..<shape.rank).contains(axis) else {
      throw IndexFault("\(object.what) has scales along axis \(axis), which it does not have")
    }
    let found = earlier[place]
    guard found.type == .f32, found.scales == nil, found.shape == [shape[axis]] else {
      throw IndexFault(
        "\(object.what) has scales in tensor '\(found.name)', which is no vector of \(shape[axis]) f32"
      )
    }
  }
}
