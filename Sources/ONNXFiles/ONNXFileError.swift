import ByteIO
import TensorBase

/// Why an ONNX file was not read. `file` is the file's name; each case says which rule is broken,
/// where, and with which value.
package enum ONNXFileError: Error, Equatable, CustomStringConvertible {
  case bytes(ByteIOError)
  case emptyFile(file: String)
  /// The bytes are not the protobuf message they should be.
  case wire(file: String, ONNXWireFault)
  case model(file: String, ONNXModelFault)
  case tensor(file: String, tensor: String, ONNXTensorFault)
  case external(file: String, tensor: String, ONNXExternalFault)

  package var description: String {
    switch self {
    case .bytes(let error):
      error.description
    case .emptyFile(let file):
      "\(file) is empty."
    case .wire(let file, let fault):
      "\(file) is not an ONNX file that can be read: \(fault)."
    case .model(let file, let fault):
      "\(file) is not an ONNX model that can be used: \(fault)."
    case .tensor(let file, let tensor, let fault):
      "\(file), tensor \(quoted(tensor)): \(fault)."
    case .external(let file, let tensor, let fault):
      "\(file), tensor \(quoted(tensor)) in another file: \(fault)."
    }
  }
}

/// What can be wrong with a protobuf message. `message` and `field` are names of the schema,
/// offsets count from the start of the file.
package enum ONNXWireFault: Error, Equatable, CustomStringConvertible {
  case text
  case pointer
  case truncated(offset: Int, needed: UInt64, available: Int)
  case badVarint(offset: Int)
  case badTag(offset: Int)
  case wrongKind(message: String, field: String, offset: Int)
  case twice(message: String, field: String, offset: Int)
  case badPacked(message: String, field: String, offset: Int)
  case notText(message: String, field: String, offset: Int)
  case tooLong(message: String, field: String, count: UInt64, maximum: Int)
  case tooDeep(maximum: Int)
  case tooMany(maximum: Int)
  case tooLarge(maximum: Int)
  case notUnpacked

  package var description: String {
    switch self {
    case .text:
      "it is text, where a protobuf in binary form is expected"
    case .pointer:
      "it is a pointer of Git LFS that stands for the model; fetch the model itself with git lfs "
        + "pull"
    case .truncated(let offset, let needed, let available):
      "\(needed) bytes are needed at byte \(offset), and \(available) are left; it may be cut "
        + "short, or no protobuf at all"
    case .badVarint(let offset):
      "the number at byte \(offset) is longer than any number can be"
    case .badTag(let offset):
      "there is no field of the kind that byte \(offset) begins"
    case .wrongKind(let message, let field, let offset):
      "\(field) of \(message) has the wrong kind of value at byte \(offset)"
    case .twice(let message, let field, let offset):
      "\(field) of \(message) is given a second time at byte \(offset)"
    case .badPacked(let message, let field, let offset):
      "the list \(field) of \(message) at byte \(offset) ends inside an element"
    case .notText(let message, let field, let offset):
      "\(field) of \(message) at byte \(offset) is not UTF-8 or holds a NUL"
    case .tooLong(let message, let field, let count, let maximum):
      "\(field) of \(message) has \(count) bytes; at most \(maximum) are allowed"
    case .tooDeep(let maximum):
      "its messages are nested more than \(maximum) deep"
    case .tooMany(let maximum):
      "it is made of more than \(maximum) parts"
    case .tooLarge(let maximum):
      "it holds more than \(maximum) bytes beside the elements of its tensors"
    case .notUnpacked:
      "protobuf-c does not unpack it, or there is no memory left for it"
    }
  }
}

/// What can be wrong with a model whose protobuf is sound. `node` says which one: see
/// `ONNXNode.label`.
package enum ONNXModelFault: Error, Equatable, CustomStringConvertible {
  case noVersion
  case oldVersion(Int)
  case newVersion(Int, newest: Int)
  case noOpsets
  case badOpset(domain: String, version: Int)
  case opsetTwice(domain: String)
  case noOpset(node: String)
  case noGraph
  case nameless(String)
  case inputTwice(String)
  case outputTwice(String)
  case initializerTwice(String)
  case noOperator(node: String)
  case valueTwice(node: String, value: String)
  case nothingGives(node: String, value: String)
  case nothingGivesOutput(value: String)
  case circle(node: String, value: String)
  case namelessAttribute(node: String)
  case attributeTwice(node: String, attribute: String)
  case attributeType(node: String, attribute: String, type: Int)
  case attributeValue(node: String, attribute: String, expected: String)
  case straySource(node: String, attribute: String)
  case badDimension(value: String, dimension: Int)
  case twoKinds(value: String)
  case tooManyDimensions(value: String, maximum: Int)
  case unknownElementType(value: String, type: Int)
  case functionTwice(String)
  case functionCircle(String)

  package var description: String {
    switch self {
    case .noVersion:
      "it has no ir_version"
    case .oldVersion(let version):
      "its ir_version is \(version); from 3 on there are operator sets, without which operators "
        + "have no fixed meaning"
    case .newVersion(let version, let newest):
      "its ir_version is \(version); the newest that is known is \(newest)"
    case .noOpsets:
      "it imports no operator set"
    case .badOpset(let domain, let version):
      "it imports version \(version) of the operator set \(quoted(domain)); versions begin at 1"
    case .opsetTwice(let domain):
      "it imports the operator set \(quoted(domain)) in two versions"
    case .noOpset(let node):
      "\(node) is of the operator set of ONNX itself, which is not imported"
    case .noGraph:
      "it has no graph"
    case .nameless(let what):
      "\(what) has no name"
    case .inputTwice(let name):
      "two inputs of one graph are named \(quoted(name))"
    case .outputTwice(let name):
      "two outputs of the graph are named \(quoted(name))"
    case .initializerTwice(let name):
      "two initializers of one graph are named \(quoted(name))"
    case .noOperator(let node):
      "\(node) does not say which operator it is"
    case .valueTwice(let node, let value):
      "\(node) gives \(quoted(value)), which is given already"
    case .nothingGives(let node, let value):
      "\(node) reads \(quoted(value)), which nothing gives"
    case .nothingGivesOutput(let value):
      "nothing gives the output \(quoted(value))"
    case .circle(let node, let value):
      "\(node) needs \(quoted(value)), which depends on what that node gives"
    case .namelessAttribute(let node):
      "\(node) has an attribute without a name"
    case .attributeTwice(let node, let attribute):
      "\(node) has two attributes named \(quoted(attribute))"
    case .attributeType(let node, let attribute, let type):
      "attribute \(quoted(attribute)) of \(node) is of type \(type), which ONNX does not have"
    case .attributeValue(let node, let attribute, let expected):
      "attribute \(quoted(attribute)) of \(node) should hold \(expected)"
    case .straySource(let node, let attribute):
      "attribute \(quoted(attribute)) of \(node) refers to an attribute of a function, but is not "
        + "inside one"
    case .badDimension(let value, let dimension):
      "\(quoted(value)) has a dimension of \(dimension)"
    case .twoKinds(let value):
      "\(quoted(value)) is said to be of two kinds at once"
    case .tooManyDimensions(let value, let maximum):
      "\(quoted(value)) has more than \(maximum) dimensions"
    case .unknownElementType(let value, let type):
      "\(quoted(value)) has elements of type \(type), which ONNX does not have"
    case .functionTwice(let name):
      "it has two functions \(quoted(name))"
    case .functionCircle(let name):
      "the function \(quoted(name)) calls itself, directly or through others"
    }
  }
}

/// What can be wrong with a tensor.
package enum ONNXTensorFault: Error, Equatable, CustomStringConvertible {
  case noType
  case unknownType(Int)
  case notComputable(ONNXElementType)
  case badShape(TensorError)
  case tooManyDimensions(maximum: Int)
  case segment
  case location(Int)
  case twoPlaces
  case wrongField(field: String, type: ONNXElementType)
  case wrongCount(field: String, found: Int, expected: Int)
  case wrongSize(found: Int, expected: Int)
  case outOfRange(index: Int)
  case changed
  case noValues
  case noIndices
  case sparseShape(String)
  case sparseIndex(index: Int)
  case sparseTooLarge(bytes: Int, maximum: Int)

  package var description: String {
    switch self {
    case .noType:
      "it has no element type"
    case .unknownType(let number):
      "its element type is \(number), which ONNX does not have"
    case .notComputable(let type):
      "its elements are of type \(type.name), which is not computed with"
    case .badShape(let error):
      "\(error)"
    case .tooManyDimensions(let maximum):
      "it has more than \(maximum) dimensions"
    case .segment:
      "it is a segment of a larger tensor, which is not read"
    case .location(let number):
      "its data_location is \(number); 0 and 1 are known"
    case .twoPlaces:
      "its elements are in two places at once"
    case .wrongField(let field, let type):
      "its elements are in \(field), which is not for elements of type \(type.name)"
    case .wrongCount(let field, let found, let expected):
      "it has \(found) entries in \(field) where its type and shape need \(expected)"
    case .wrongSize(let found, let expected):
      "it has \(found) bytes where its type and shape need \(expected)"
    case .outOfRange(let index):
      "its element \(index) does not fit its type"
    case .changed:
      "its file has changed since it was opened"
    case .noValues:
      "it is sparse and has no values"
    case .noIndices:
      "it is sparse and has no indices"
    case .sparseShape(let rule):
      "it is sparse, and \(rule)"
    case .sparseIndex(let index):
      "it is sparse, and index \(index) leaves its shape or comes twice"
    case .sparseTooLarge(let bytes, let maximum):
      "it is sparse and would take \(bytes) bytes; at most \(maximum) are allowed"
    }
  }
}

/// What can be wrong with a tensor's place in another file.
package enum ONNXExternalFault: Error, Equatable, CustomStringConvertible {
  case noLocation
  case keyTwice(String)
  case outside(location: String)
  case badNumber(key: String, value: String)
  case wrongLength(found: Int, expected: Int)
  case beyondEnd(location: String, end: Int, size: Int)
  case wrongChecksum(location: String, found: String, expected: String)

  package var description: String {
    switch self {
    case .noLocation:
      "it does not say which"
    case .keyTwice(let key):
      "\(key) is given twice"
    case .outside(let location):
      "\(quoted(location)) is not a file in the model's own folder"
    case .badNumber(let key, let value):
      "\(key) is \(quoted(value)), where a whole number from 0 on is expected"
    case .wrongLength(let found, let expected):
      "its length is \(found) where its type and shape need \(expected)"
    case .beyondEnd(let location, let end, let size):
      "it ends at byte \(end) of \(quoted(location)), which has \(size)"
    case .wrongChecksum(let location, let found, let expected):
      "the SHA-1 of \(quoted(location)) is \(found), not \(quoted(expected)): it is damaged or another file"
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
