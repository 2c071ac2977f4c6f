import ByteIO
import TensorBase

/// Reads a pickle of protocol 2 to 5 that holds tensors, plain values and containers of them. It
/// builds descriptions only: nothing is imported, called or executed, and a name outside
/// `PickleGlobal` ends the reading at once.
struct PickleMachine {
  private(set) var store = PickleStore()
  private var stack: [PickleValue] = []
  /// Heights of `stack` at the marks.
  private var marks: [Int] = []
  private var memo: [UInt64: PickleValue] = [:]
  private var reader: ByteReader
  /// Where the opcode at work began.
  private var at = 0
  /// Values built so far, against pickles that repeat what they recall.
  private var built = 0
  private var storageByKey: [String: Int] = [:]

  /// More values than any checkpoint has: 64 million would be gigabytes.
  private static let builtLimit = 8 << 20

  private init(_ bytes: [UInt8]) { reader = ByteReader(bytes, name: "data.pkl") }

  /// The pickled value, with the store that holds its containers.
  static func read(
    _ bytes: [UInt8]
  ) throws(PickleFault) -> (value: PickleValue, store: PickleStore) {
    var machine = PickleMachine(bytes)
    let value = try machine.run()
    return (value, machine.store)
  }

  private mutating func run() throws(PickleFault) -> PickleValue {
    while !reader.isAtEnd {
      at = reader.offset
      do {
        let code = try reader.u8()
        if code == UInt8(ascii: ".") {
          guard reader.isAtEnd else {
            throw PickleFault.trailingBytes(count: reader.remaining)
          }
          return try pop()
        }
        try step(code)
      } catch let fault as PickleFault {
        throw fault
      } catch ByteIOError.notUTF8 {
        throw .notText(offset: at)
      } catch {
        throw .truncated(offset: at)
      }
    }
    throw .noStop
  }

  // Opcodes by Python's pickletools; protocols 0 and 1 have more, in text, that torch never writes.
  private mutating func step(_ code: UInt8) throws {
    switch code {
    case 0x80:
      let number = try reader.u8()
      guard (2...5).contains(number) else { throw PickleFault.unsupportedProtocol(number) }
    case 0x95: try reader.skip(8)
    case UInt8(ascii: "("): marks.append(stack.count)
    case UInt8(ascii: "0"): _ = try pop()
    case UInt8(ascii: "1"): _ = try popToMark()
    case UInt8(ascii: "2"):
      let top = try pop()
      stack.append(top)
      try push(top)
    case UInt8(ascii: "N"): try push(.none)
    case 0x88: try push(.bool(true))
    case 0x89: try push(.bool(false))
    case UInt8(ascii: "J"): try push(.int(Int64(try reader.i32())))
    case UInt8(ascii: "K"): try push(.int(Int64(try reader.u8())))
    case UInt8(ascii: "M"): try push(.int(Int64(try reader.u16())))
    case 0x8A: try push(try longInteger(UInt64(try reader.u8())))
    case 0x8B: try push(try longInteger(UInt64(try reader.u32())))
    case UInt8(ascii: "G"):
      try push(.float(Double(bitPattern: try reader.u64().byteSwapped)))
    case UInt8(ascii: "X"): try push(.string(try reader.string(UInt64(try reader.u32()))))
    case 0x8C: try push(.string(try reader.string(UInt64(try reader.u8()))))
    case 0x8D: try push(.string(try reader.string(try reader.u64())))
    case UInt8(ascii: "T"): try push(.string(try reader.string(UInt64(try reader.u32()))))
    case UInt8(ascii: "U"): try push(.string(try reader.string(UInt64(try reader.u8()))))
    case UInt8(ascii: "B"): try push(.bytes(try reader.bytes(UInt64(try reader.u32()))))
    case UInt8(ascii: "C"): try push(.bytes(try reader.bytes(UInt64(try reader.u8()))))
    case 0x8E, 0x96: try push(.bytes(try reader.bytes(try reader.u64())))
    case UInt8(ascii: "]"), 0x8F: try push(newList([]))
    case UInt8(ascii: "l"), 0x91: try push(newList(try popToMark()))
    case UInt8(ascii: "a"): try append([try pop()])
    case UInt8(ascii: "e"), 0x90: try append(try popToMark())
    case UInt8(ascii: ")"): try push(newTuple([]))
    case 0x85: try push(newTuple(try pop(1)))
    case 0x86: try push(newTuple(try pop(2)))
    case 0x87: try push(newTuple(try pop(3)))
    case UInt8(ascii: "t"): try push(newTuple(try popToMark()))
    case UInt8(ascii: "}"): try push(newDictionary())
    case UInt8(ascii: "d"):
      let items = try popToMark()
      try push(newDictionary())
      try setItems(items)
    case UInt8(ascii: "s"): try setItems(try pop(2))
    case UInt8(ascii: "u"): try setItems(try popToMark())
    case UInt8(ascii: "h"): try recall(UInt64(try reader.u8()))
    case UInt8(ascii: "j"): try recall(UInt64(try reader.u32()))
    case UInt8(ascii: "q"): memo[UInt64(try reader.u8())] = try top()
    case UInt8(ascii: "r"): memo[UInt64(try reader.u32())] = try top()
    case 0x94: memo[UInt64(memo.count)] = try top()
    case UInt8(ascii: "c"):
      let module = try line()
      try push(.global(try PickleGlobal(module: module, name: try line())))
    case 0x93:
      let names = try pop(2)
      guard case .string(let module) = names[0], case .string(let name) = names[1] else {
        throw PickleFault.wrongOperand(offset: at, expected: "a module and a name")
      }
      try push(.global(try PickleGlobal(module: module, name: name)))
    case UInt8(ascii: "Q"): try push(try storage(try pop()))
    case UInt8(ascii: "R"), 0x81:
      let operands = try pop(2)
      try push(try reduce(operands[0], arguments: operands[1]))
    case UInt8(ascii: "b"): try build(try pop())
    default: throw PickleFault.opcode(code, offset: at)
    }
  }
}

// The stack.
extension PickleMachine {
  private mutating func push(_ value: PickleValue) throws(PickleFault) {
    built += 1
    guard built <= Self.builtLimit else { throw .tooLong(offset: at) }
    stack.append(value)
  }

  private func top() throws(PickleFault) -> PickleValue {
    guard stack.count > (marks.last ?? 0), let value = stack.last else {
      throw .stackUnderflow(offset: at)
    }
    return value
  }

  private mutating func pop() throws(PickleFault) -> PickleValue {
    let value = try top()
    stack.removeLast()
    return value
  }

  private mutating func pop(_ count: Int) throws(PickleFault) -> [PickleValue] {
    guard stack.count - (marks.last ?? 0) >= count else { throw .stackUnderflow(offset: at) }
    let values = Array(stack.suffix(count))
    stack.removeLast(count)
    return values
  }

  private mutating func popToMark() throws(PickleFault) -> [PickleValue] {
    guard let mark = marks.popLast() else { throw .stackUnderflow(offset: at) }
    let values = Array(stack[mark...])
    stack.removeLast(stack.count - mark)
    return values
  }

  private mutating func recall(_ index: UInt64) throws(PickleFault) {
    guard let value = memo[index] else { throw .noSuchMemo(index, offset: at) }
    try push(value)
  }

  private mutating func line() throws -> String {
    let bytes = try reader.bytes(upTo: UInt8(ascii: "\n"), maximum: 256)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw PickleFault.notText(offset: at)
    }
    return text
  }

  /// A little-endian two's-complement number of `count` bytes.
  private mutating func longInteger(_ count: UInt64) throws -> PickleValue {
    let bytes = try reader.bytes(count)
    let isNegative = bytes.last.map { $0 >= 0x80 } ?? false
    guard count <= 8 else { return .largeInteger(text(ofMagnitude: bytes, isNegative: isNegative)) }
    var value: UInt64 = isNegative ? .max : 0
    for byte in bytes.reversed() { value = value << 8 | UInt64(byte) }
    return .int(Int64(bitPattern: value))
  }
}

/// A whole number in hexadecimal digits; of a very long one its length alone.
private func text(ofMagnitude bytes: [UInt8], isNegative: Bool) -> String {
  guard bytes.count <= 64 else { return "a whole number of \(bytes.count) bytes" }
  var magnitude = bytes
  if isNegative {
    var carry = true
    for i in magnitude.indices {
      magnitude[i] = ~magnitude[i] &+ (carry ? 1 : 0)
      carry = carry && magnitude[i] == 0
    }
  }
  let digits = magnitude.reversed().map { byte in
    String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
  }
  let significant = digits.joined().drop { $0 == "0" }
  return (isNegative ? "-0x" : "0x") + (significant.isEmpty ? "0" : significant)
}

// Containers.
extension PickleMachine {
  private mutating func newTuple(_ values: [PickleValue]) -> PickleValue {
    store.tuples.append(values)
    return .tuple(store.tuples.count - 1)
  }

  private mutating func newList(_ values: [PickleValue]) -> PickleValue {
    store.lists.append(values)
    return .list(store.lists.count - 1)
  }

  private mutating func newDictionary() -> PickleValue {
    store.dictionaries.append([])
    return .dictionary(store.dictionaries.count - 1)
  }

  private mutating func append(_ values: [PickleValue]) throws(PickleFault) {
    guard case .list(let list) = try top() else {
      throw .wrongOperand(offset: at, expected: "a list to append to")
    }
    store.lists[list] += values
  }

  private mutating func setItems(_ items: [PickleValue]) throws(PickleFault) {
    guard case .dictionary(let dictionary) = try top() else {
      throw .wrongOperand(offset: at, expected: "a dictionary to put items into")
    }
    guard items.count % 2 == 0 else {
      throw .wrongOperand(offset: at, expected: "a value for every key")
    }
    for i in stride(from: 0, to: items.count, by: 2) {
      store.dictionaries[dictionary].append((items[i], items[i + 1]))
    }
  }

  /// An OrderedDict's attributes (torch keeps `_metadata` there) hold no weights.
  private mutating func build(_ state: PickleValue) throws(PickleFault) {
    guard case .dictionary = try top(), case .dictionary = state else {
      throw .wrongOperand(offset: at, expected: "attributes of an OrderedDict")
    }
  }
}

// Tensors.
extension PickleMachine {
  /// `('storage', type, key, location, count)`.
  private mutating func storage(_ id: PickleValue) throws(PickleFault) -> PickleValue {
    guard case .tuple(let index) = id, store.tuples[index].count == 5,
      case .string("storage") = store.tuples[index][0],
      case .global(.storageType(let type)) = store.tuples[index][1],
      case .string(let key) = store.tuples[index][2],
      case .int(let count) = store.tuples[index][4], count >= 0
    else { throw .wrongOperand(offset: at, expected: "the persistent id of a storage") }
    let storage = PickledStorage(type: type, key: key, count: UInt64(count))
    if let known = storageByKey[key], store.storages[known] == storage { return .storage(known) }
    store.storages.append(storage)
    storageByKey[key] = store.storages.count - 1
    return .storage(store.storages.count - 1)
  }

  private mutating func reduce(
    _ callable: PickleValue, arguments: PickleValue
  ) throws(PickleFault) -> PickleValue {
    guard case .global(let global) = callable, case .tuple(let index) = arguments else {
      throw .wrongOperand(offset: at, expected: "a known name and a tuple of arguments")
    }
    let arguments = store.tuples[index]
    switch global {
    case .orderedDictionary:
      guard arguments.isEmpty else {
        throw .wrongOperand(offset: at, expected: "an OrderedDict that starts empty")
      }
      return newDictionary()
    case .size:
      guard arguments.count == 1, case .tuple = arguments[0] else {
        throw .wrongOperand(offset: at, expected: "a tuple for torch.Size")
      }
      return arguments[0]
    case .rebuildTensor, .rebuildTypedTensor:
      return try tensor(arguments, typed: global == .rebuildTypedTensor)
    case .rebuildParameter:
      guard arguments.count == 3, case .tensor = arguments[0] else {
        throw .wrongOperand(offset: at, expected: "a tensor for torch.nn.Parameter")
      }
      return arguments[0]
    case .storageType, .elementType, .word:
      throw .wrongOperand(offset: at, expected: "a function of the known ones")
    }
  }

  /// v2: storage, offset, size, stride, requires_grad, hooks[, metadata];
  /// v3: the same with the element type in seventh place, over an untyped storage.
  private mutating func tensor(
    _ arguments: [PickleValue], typed: Bool
  ) throws(PickleFault) -> PickleValue {
    guard (typed ? 7...8 : 6...7).contains(arguments.count),
      case .storage(let storage) = arguments[0], case .int(let offset) = arguments[1],
      let size = integers(arguments[2]), let stride = integers(arguments[3])
    else { throw .wrongOperand(offset: at, expected: "the arguments of a tensor") }
    var type = store.storages[storage].type
    if typed {
      guard case .global(.elementType(let own)) = arguments[6], type == nil || type == own else {
        throw .wrongOperand(offset: at, expected: "the element type of a tensor")
      }
      type = own
    }
    guard let type else {
      throw .wrongOperand(offset: at, expected: "a storage with an element type")
    }
    store.tensors.append(
      PickledTensor(storage: storage, type: type, offset: offset, size: size, stride: stride))
    return .tensor(store.tensors.count - 1)
  }

  private func integers(_ value: PickleValue) -> [Int64]? {
    guard case .tuple(let index) = value else { return nil }
    var result: [Int64] = []
    for item in store.tuples[index] {
      guard case .int(let number) = item else { return nil }
      result.append(number)
    }
    return result
  }
}
