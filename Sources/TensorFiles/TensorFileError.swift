import ByteIO
import TensorBase

/// Why a file of tensors was not read or written. `file` is the file's name; each case says which
/// rule of the format is broken, where, and with which value.
package enum TensorFileError: Error, Equatable, CustomStringConvertible {
  case bytes(ByteIOError)
  /// Neither the content nor the extension is one that is read here.
  case unknownFormat(file: String)
  case emptyFile(file: String)
  case noSuchTensor(file: String, name: String)
  case duplicateTensor(file: String, name: String)
  /// A shape with a negative dimension or more elements than can be addressed.
  case badShape(file: String, tensor: String, TensorError)
  /// An element type by the name its format gives it.
  case unsupportedType(file: String, tensor: String, type: String)
  case safetensors(file: String, SafetensorsFault)
  case index(file: String, IndexFault)
  case zip(file: String, ZipFault)
  case pickle(file: String, PickleFault)
  case pytorch(file: String, PyTorchFault)
  case numpy(file: String, entry: String?, NumPyFault)

  package var description: String {
    switch self {
    case .bytes(let error):
      error.description
    case .unknownFormat(let file):
      "\(file) is no tensor file: safetensors, PyTorch zip checkpoints, .npy and .npz are read."
    case .emptyFile(let file):
      "\(file) is empty."
    case .noSuchTensor(let file, let name):
      "\(file) has no tensor named \(quoted(name))."
    case .duplicateTensor(let file, let name):
      "\(file) holds two tensors named \(quoted(name))."
    case .badShape(let file, let tensor, let error):
      "\(file), tensor \(quoted(tensor)): \(error)."
    case .unsupportedType(let file, let tensor, let type):
      "\(file), tensor \(quoted(tensor)): the element type \(type) is not supported."
    case .safetensors(let file, let fault):
      "\(file) is not valid safetensors: \(fault)."
    case .index(let file, let fault):
      "\(file) is not a valid index of shards: \(fault)."
    case .zip(let file, let fault):
      "\(file) is not a zip archive that can be read: \(fault)."
    case .pickle(let file, let fault):
      "\(file), data.pkl: \(fault)."
    case .pytorch(let file, let fault):
      "\(file) is not a PyTorch checkpoint that can be read: \(fault)."
    case .numpy(let file, let entry, let fault):
      "\(file)\(entry.map { ", entry \(quoted($0))" } ?? "") is not a NumPy array that can be "
        + "read or written: \(fault)."
    }
  }
}

/// Broken rules of formats/safetensors.md.
package enum SafetensorsFault: Error, Equatable, CustomStringConvertible {
  case tooShort(size: Int)
  case headerTooLong(length: UInt64, maximum: Int)
  case headerBeyondEnd(length: UInt64, available: Int)
  case headerStart(byte: UInt8)
  case notJSON(reason: String)
  case metadataNotStrings
  case entryNotObject(tensor: String)
  case missingKey(tensor: String, key: String)
  case unknownKey(tensor: String, key: String)
  case badDimension(tensor: String)
  case badOffsets(tensor: String)
  case offsetsReversed(tensor: String, begin: Int, end: Int)
  case offsetsBeyondEnd(tensor: String, end: Int, available: Int)
  case wrongSize(tensor: String, found: Int, expected: Int)
  case hole(tensor: String, begin: Int, expected: Int)
  case overlap(tensor: String, begin: Int, expected: Int)
  case trailingBytes(count: Int)

  package var description: String {
    switch self {
    case .tooShort(let size):
      "it has \(size) bytes, and the length of its header alone takes 8"
    case .headerTooLong(let length, let maximum):
      "its header claims \(length) bytes; at most \(maximum) are allowed"
    case .headerBeyondEnd(let length, let available):
      "its header claims \(length) bytes, but only \(available) follow"
    case .headerStart(let byte):
      "its header starts with byte \(byte), not with '{'"
    case .notJSON(let reason):
      "its header is not JSON: \(reason)"
    case .metadataNotStrings:
      "__metadata__ must be an object of strings"
    case .entryNotObject(let tensor):
      "the entry of tensor \(quoted(tensor)) must be an object"
    case .missingKey(let tensor, let key):
      "tensor \(quoted(tensor)) lacks \(key), or it has the wrong kind of value"
    case .unknownKey(let tensor, let key):
      "tensor \(quoted(tensor)) has an unknown key \(quoted(key))"
    case .badDimension(let tensor):
      "the shape of tensor \(quoted(tensor)) must be a list of whole numbers from 0 on"
    case .badOffsets(let tensor):
      "data_offsets of tensor \(quoted(tensor)) must be two whole numbers from 0 on"
    case .offsetsReversed(let tensor, let begin, let end):
      "tensor \(quoted(tensor)) begins at \(begin) but ends at \(end)"
    case .offsetsBeyondEnd(let tensor, let end, let available):
      "tensor \(quoted(tensor)) ends at byte \(end) of data that has \(available) bytes"
    case .wrongSize(let tensor, let found, let expected):
      "tensor \(quoted(tensor)) has \(found) bytes where its type and shape need \(expected)"
    case .hole(let tensor, let begin, let expected):
      "tensor \(quoted(tensor)) begins at \(begin), which leaves a hole from \(expected) on"
    case .overlap(let tensor, let begin, let expected):
      "tensor \(quoted(tensor)) begins at \(begin), inside the tensor that ends at \(expected)"
    case .trailingBytes(let count):
      "\(count) bytes follow the last tensor"
    }
  }
}

/// What can be wrong with `*.index.json` and the shards it names.
package enum IndexFault: Error, Equatable, CustomStringConvertible {
  case notJSON(reason: String)
  case noWeightMap
  case shardNotName(tensor: String)
  case shardOutside(shard: String)
  case notInShard(tensor: String, shard: String)
  case notInMap(tensor: String, shard: String)
  case wrongShard(tensor: String, shard: String, expected: String)

  package var description: String {
    switch self {
    case .notJSON(let reason):
      "it is not JSON: \(reason)"
    case .noWeightMap:
      "it has no object weight_map"
    case .shardNotName(let tensor):
      "weight_map gives no file name for tensor \(quoted(tensor))"
    case .shardOutside(let shard):
      "the shard \(quoted(shard)) is not a plain file name in the index's own folder"
    case .notInShard(let tensor, let shard):
      "tensor \(quoted(tensor)) is not in its shard \(quoted(shard))"
    case .notInMap(let tensor, let shard):
      "the shard \(quoted(shard)) holds tensor \(quoted(tensor)), which weight_map does not list"
    case .wrongShard(let tensor, let shard, let expected):
      "the shard \(quoted(shard)) holds tensor \(quoted(tensor)), which weight_map puts into "
        + quoted(expected)
    }
  }
}

/// What can be wrong with a zip archive. Names of entries are as stored.
package enum ZipFault: Error, Equatable, CustomStringConvertible {
  case noEndRecord
  case severalDisks
  case badDirectory(offset: Int, reason: String)
  case tooManyEntries(count: UInt64)
  case badName(offset: Int)
  case duplicateEntry(name: String)
  case encrypted(name: String)
  case unknownMethod(name: String, method: Int)
  case localMismatch(name: String)
  case outside(name: String)
  case overlap(name: String, other: String)
  case impossibleSize(name: String, packed: Int, unpacked: Int)
  case damaged(name: String, reason: String)
  case wrongChecksum(name: String)
  case tooLarge(name: String, size: Int, maximum: Int)

  package var description: String {
    switch self {
    case .noEndRecord:
      "it has no end record where the file ends; it may be cut short"
    case .severalDisks:
      "it is a part of an archive of several disks"
    case .badDirectory(let offset, let reason):
      "its directory is damaged at byte \(offset): \(reason)"
    case .tooManyEntries(let count):
      "it claims \(count) entries, more than fit its directory or are allowed"
    case .badName(let offset):
      "the entry listed at byte \(offset) has a name that is empty, not UTF-8 or holds a NUL"
    case .duplicateEntry(let name):
      "it has two entries named \(quoted(name))"
    case .encrypted(let name):
      "entry \(quoted(name)) is encrypted"
    case .unknownMethod(let name, let method):
      "entry \(quoted(name)) is packed by method \(method); only 0 (stored) and 8 (deflated) are "
        + "read"
    case .localMismatch(let name):
      "the header in front of entry \(quoted(name)) contradicts the directory"
    case .outside(let name):
      "entry \(quoted(name)) reaches beyond the data"
    case .overlap(let name, let other):
      "entries \(quoted(other)) and \(quoted(name)) overlap"
    case .impossibleSize(let name, let packed, let unpacked):
      "entry \(quoted(name)) cannot unpack from \(packed) to \(unpacked) bytes"
    case .damaged(let name, let reason):
      "entry \(quoted(name)) is damaged: \(reason)"
    case .wrongChecksum(let name):
      "entry \(quoted(name)) does not match its CRC-32"
    case .tooLarge(let name, let size, let maximum):
      "entry \(quoted(name)) has \(size) bytes; at most \(maximum) are expected of it"
    }
  }
}

/// What can be wrong with a pickle, or what this reader refuses to build.
package enum PickleFault: Error, Equatable, CustomStringConvertible {
  case truncated(offset: Int)
  case unsupportedProtocol(UInt8)
  case opcode(UInt8, offset: Int)
  case global(module: String, name: String)
  case stackUnderflow(offset: Int)
  case wrongOperand(offset: Int, expected: String)
  case noSuchMemo(UInt64, offset: Int)
  case notText(offset: Int)
  case tooLong(offset: Int)
  case noStop
  case trailingBytes(count: Int)

  package var description: String {
    switch self {
    case .truncated(let offset):
      "the pickle ends too early at byte \(offset)"
    case .unsupportedProtocol(let number):
      "the pickle is of protocol \(number); 2 to 5 are read"
    case .opcode(let code, let offset):
      "the pickle has opcode \(code) at byte \(offset), which a checkpoint of tensors does not need"
    case .global(let module, let name):
      "the pickle wants to use \(module).\(name), which is refused: only tensors and plain "
        + "containers are read; save the state_dict alone"
    case .stackUnderflow(let offset):
      "the pickle takes more from its stack than there is, at byte \(offset)"
    case .wrongOperand(let offset, let expected):
      "the pickle needs \(expected) at byte \(offset)"
    case .noSuchMemo(let index, let offset):
      "the pickle recalls memo \(index) at byte \(offset), which was never stored"
    case .notText(let offset):
      "the pickle has text at byte \(offset) that is not UTF-8"
    case .tooLong(let offset):
      "the pickle builds more than is sensible for a checkpoint, at byte \(offset)"
    case .noStop:
      "the pickle ends without its STOP opcode"
    case .trailingBytes(let count):
      "\(count) bytes follow the pickle's STOP opcode"
    }
  }
}

/// What can be wrong with a PyTorch checkpoint beyond its zip and its pickle.
package enum PyTorchFault: Error, Equatable, CustomStringConvertible {
  case oldFormat
  case barePickle
  case noPickle
  case severalPickles
  case byteOrder(String)
  case noTensors
  case nesting(maximum: Int)
  case badKey
  case noStorage(tensor: String, entry: String)
  case storageSize(entry: String, found: Int, expected: UInt64)
  case storageConflict(key: String)
  case badStrides(tensor: String)
  case beyondStorage(tensor: String, needed: Int, available: Int)
  case repeatsTooMuch(tensor: String, bytes: Int, maximum: Int)

  package var description: String {
    switch self {
    case .oldFormat:
      "it is in the format PyTorch wrote before 1.6, not a zip; load it there and save it again "
        + "with torch.save"
    case .barePickle:
      "it is a bare pickle, not the zip that torch.save writes"
    case .noPickle:
      "the archive has no data.pkl"
    case .severalPickles:
      "the archive has several data.pkl"
    case .byteOrder(let order):
      "its byte order is \(quoted(order)); only little is read"
    case .noTensors:
      "there is no tensor in it"
    case .nesting(let maximum):
      "its containers are nested more than \(maximum) deep"
    case .badKey:
      "a dictionary has a key that is neither text nor a whole number"
    case .noStorage(let tensor, let entry):
      "tensor \(quoted(tensor)) needs entry \(quoted(entry)), which is missing"
    case .storageSize(let entry, let found, let expected):
      "entry \(quoted(entry)) has \(found) bytes where \(expected) are needed"
    case .storageConflict(let key):
      "the storage \(quoted(key)) is described in two ways"
    case .badStrides(let tensor):
      "size, stride and offset of tensor \(quoted(tensor)) do not fit together"
    case .beyondStorage(let tensor, let needed, let available):
      "tensor \(quoted(tensor)) needs \(needed) elements of a storage that has \(available)"
    case .repeatsTooMuch(let tensor, let bytes, let maximum):
      "tensor \(quoted(tensor)) would repeat its storage to \(bytes) bytes; at most \(maximum) are "
        + "allowed"
    }
  }
}

/// What can be wrong with an .npy array, or cannot be written as one.
package enum NumPyFault: Error, Equatable, CustomStringConvertible {
  case noMagic
  case version(major: UInt8, minor: UInt8)
  case headerTooLong(length: Int, maximum: Int)
  case truncated
  case badHeader(offset: Int, expected: String)
  case bigEndian(type: String)
  case wrongSize(found: Int, expected: Int)
  case notAnArray
  case noNumPyType(ElementType)
  case badName(String)

  package var description: String {
    switch self {
    case .noMagic:
      "it does not start with \\x93NUMPY"
    case .version(let major, let minor):
      "it is of version \(major).\(minor); 1.0, 2.0 and 3.0 are read"
    case .headerTooLong(let length, let maximum):
      "its header claims \(length) bytes; at most \(maximum) are allowed"
    case .truncated:
      "it ends inside its header"
    case .badHeader(let offset, let expected):
      "its header needs \(expected) at byte \(offset)"
    case .bigEndian(let type):
      "its type \(type) is big-endian; only little-endian is read"
    case .wrongSize(let found, let expected):
      "\(found) bytes follow the header where type and shape need \(expected)"
    case .notAnArray:
      "an .npz holds .npy entries only"
    case .noNumPyType(let type):
      "NumPy has no element type \(type.rawValue); convert it to f32 first"
    case .badName(let name):
      "\(quoted(name)) cannot be the name of an entry"
    }
  }
}

/// A name from a file in quotes, cut to a sensible length, without control characters.
func quoted(_ name: String) -> String {
  let clean = name.unicodeScalars.prefix(200).map { scalar in
    scalar.value < 32 || (127..<160).contains(scalar.value) ? "?" : String(scalar)
  }
  return "'" + clean.joined() + (name.unicodeScalars.count > 200 ? "…" : "") + "'"
}

/// Another error's sentence as the end of one of ours: without its full stop.
func clause(_ error: any Error) -> String {
  let text = "\(error)"
  return text.hasSuffix(".") ? String(text.dropLast()) : text
}
