import ByteIO
import JSONText
import TensorBase

/// How the bytes of a tensor's blocks are packed; formats/plumb.md §4.
enum Codec: Int64, CaseIterable {
  /// The elements as they are; a CRC-32 in the block's entry.
  case raw = 0
  /// One zstd frame.
  case zstandard = 1
  /// A zstd frame per byte plane, lowest bytes first.
  case planes = 2
}

/// A run of a tensor's elements, packed on its own.
struct Block: Hashable {
  /// Bytes each part takes in the file, one after the other: one part, or one per byte plane.
  var parts: [Int]
  /// CRC-32 of a raw block; 0 otherwise (zstd frames carry their own).
  var checksum: UInt32
}

/// One tensor of the index.
struct TensorEntry: Hashable {
  var name: String
  /// What the tensor is.
  var type: ElementType
  var shape: Shape
  /// The type its elements are stored in: `type`, or a narrower float that holds every element
  /// exactly or that the user asked for.
  var storedType: ElementType
  var codec: Codec
  /// Where the first block begins.
  var offset: Int
  /// Elements in every block but the last, which holds what is left.
  var blockElements: Int
  var blocks: [Block]

  /// Bytes of all blocks in the file.
  var storedByteCount: Int { blocks.reduce(0) { $0 + $1.parts.reduce(0, +) } }

  /// Elements of block `index`.
  func elementCount(ofBlock index: Int) -> Int {
    min(blockElements, shape.count - index * blockElements)
  }
}

extension TensorEntry {
  /// The blocks as ByteIO unpacks them.
  var packedBlocks: [PackedBlock] {
    var offset = offset
    return blocks.enumerated().map { index, block in
      let packing: PackedBlock.Packing =
        switch codec {
        case .raw: .raw(checksum: block.checksum)
        case .zstandard: .frame
        case .planes: .planes
        }
      defer { offset += block.parts.reduce(0, +) }
      return PackedBlock(
        packing: packing, offset: offset, parts: block.parts,
        byteCount: elementCount(ofBlock: index) * storedType.byteCount)
    }
  }

  var json: JSONValue {
    .object([
      "name": .string(name), "type": .string(type.rawValue),
      "shape": .array(shape.dimensions.map { .integer(Int64($0)) }),
      "stored": .string(storedType.rawValue), "codec": .integer(codec.rawValue),
      "offset": .integer(Int64(offset)), "block_elements": .integer(Int64(blockElements)),
      "blocks": .array(
        blocks.map { block in
          .array(
            [.integer(Int64(block.checksum))] + block.parts.map { .integer(Int64($0)) })
        }),
    ])
  }

  /// Reads an entry and checks all that does not need the file: sizes that fit each other.
  init(json: JSONValue) throws(IndexFault) {
    let object = try IndexObject(json, "a tensor")
    name = try object.string("name")
    guard !name.isEmpty, name.utf8.count <= 4096 else {
      throw IndexFault("a tensor's name has \(name.utf8.count) bytes")
    }
    let what = "tensor '\(name)'"
    type = try object.name("type")
    storedType = try object.name("stored")
    do {
      shape = try Shape(checking: try object.integers("shape"))
    } catch let error as TensorError {
      throw IndexFault("\(what): \(error)")
    } catch let error as IndexFault {
      throw error
    } catch { throw IndexFault("\(what): \(error)") }
    guard storedType == type || type.isFloatingPoint && storedType.isFloatingPoint else {
      throw IndexFault("\(what) is \(type.rawValue) but stored as \(storedType.rawValue)")
    }
    guard let codec = Codec(rawValue: Int64(try object.integer("codec"))) else {
      throw IndexFault("\(what) has an unknown codec")
    }
    self.codec = codec
    offset = try object.integer("offset")
    blockElements = try object.integer("block_elements")
    guard blockElements > 0, blockElements <= 64 << 20 else {
      throw IndexFault("\(what) has blocks of \(blockElements) elements")
    }
    let width = storedType.byteCount
    let partCount = codec == .planes ? width : 1
    blocks = []
    for item in try object.array("blocks") {
      guard let numbers = item.arrayValue?.compactMap(\.intValue),
        numbers.count == partCount + 1, item.arrayValue?.count == numbers.count,
        numbers.allSatisfy({ $0 >= 0 }), let checksum = UInt32(exactly: numbers[0])
      else { throw IndexFault("\(what) has a malformed block") }
      blocks.append(Block(parts: Array(numbers.dropFirst()), checksum: checksum))
    }
    let expected = (shape.count + blockElements - 1) / blockElements
    guard blocks.count == expected else {
      throw IndexFault("\(what) has \(blocks.count) blocks, its shape needs \(expected)")
    }
    for (index, block) in blocks.enumerated() where codec == .raw {
      guard block.parts[0] == elementCount(ofBlock: index) * width else {
        throw IndexFault("\(what): block \(index) has \(block.parts[0]) bytes")
      }
    }
  }
}

/// What is wrong with an index; the loader adds the file.
package struct IndexFault: Error, Equatable {
  let reason: String

  init(_ reason: String) { self.reason = reason }
}

/// A JSON object of the index with access that explains itself.
struct IndexObject {
  let object: JSONObject
  let what: String

  init(_ json: JSONValue?, _ what: String) throws(IndexFault) {
    guard let object = json?.objectValue else { throw IndexFault("\(what) is not an object") }
    self.object = object
    self.what = what
  }

  func integer(_ key: String) throws(IndexFault) -> Int {
    guard let value = object[key]?.intValue else { throw fault(key, "a whole number") }
    return value
  }

  func number(_ key: String) throws(IndexFault) -> Double {
    guard let value = object[key]?.doubleValue else { throw fault(key, "a number") }
    return value
  }

  func string(_ key: String) throws(IndexFault) -> String {
    guard let value = object[key]?.stringValue else { throw fault(key, "a string") }
    return value
  }

  func flag(_ key: String) throws(IndexFault) -> Bool {
    guard let value = object[key]?.boolValue else { throw fault(key, "true or false") }
    return value
  }

  func array(_ key: String) throws(IndexFault) -> [JSONValue] {
    guard let value = object[key]?.arrayValue else { throw fault(key, "a list") }
    return value
  }

  func integers(_ key: String) throws(IndexFault) -> [Int] {
    let items = try array(key)
    let numbers = items.compactMap(\.intValue)
    guard numbers.count == items.count else { throw fault(key, "a list of whole numbers") }
    return numbers
  }

  /// A member of a closed set, by its name.
  func name<Member: RawRepresentable & CaseIterable>(
    _ key: String
  ) throws(IndexFault) -> Member where Member.RawValue == String {
    let text = try string(key)
    guard let member = Member(rawValue: text) else {
      throw IndexFault("'\(key)' of \(what) is '\(text)', which this program does not know")
    }
    return member
  }

  func has(_ key: String) -> Bool { object[key].map { $0 != .null } ?? false }

  private func fault(_ key: String, _ expected: String) -> IndexFault {
    IndexFault("'\(key)' of \(what) is not \(expected)")
  }
}
