import ByteIO

/// Reads ONNX models.
package enum ONNXFile {
  /// The newest IR version that is known: that of onnx 1.23.
  package static let newestVersion = 14

  /// Reads a model and checks all of it but the elements of its tensors, which stay where they are
  /// until they are asked for. Errors: the file is unreadable, is no protobuf, or breaks a rule.
  package static func open(path: String) throws(ONNXFileError) -> ONNXModel {
    let file = try mapped(path)
    let scan: WireScan
    let wire: WireModel
    do {
      scan = try WireScan(file, as: "ModelProto")
      wire = try WireModel(unpacking: scan)
    } catch { throw .wire(file: file.name, error) }
    let importer = ModelImporter(file: file, notes: scan.notes)
    return try importer.model(wire)
  }

  static func mapped(_ path: String) throws(ONNXFileError) -> MappedFile {
    let file: MappedFile
    do { file = try MappedFile(path: path) } catch { throw .bytes(error) }
    guard file.size > 0 else { throw .emptyFile(file: file.name) }
    var head: [UInt8] = []
    do { head = try file.bytes(in: 0..<min(64, file.size)) } catch { throw .bytes(error) }
    if head.starts(with: Array("version https://git-lfs".utf8)) {
      throw .wire(file: file.name, .pointer)
    }
    // A protobuf begins with a tag and a number, of which the one or the other is no character.
    if head.allSatisfy({ $0 >= 0x20 || $0 == 9 || $0 == 10 || $0 == 13 }) {
      throw .wire(file: file.name, .text)
    }
    return file
  }
}

extension ONNXTensor {
  /// Reads a file that is one TensorProto, as the inputs and outputs of ONNX's test cases are.
  package init(pbFile path: String) throws(ONNXFileError) {
    let file = try ONNXFile.mapped(path)
    let scan: WireScan
    let wire: WireTensor
    do {
      scan = try WireScan(file, as: "TensorProto")
      wire = try WireTensor(unpacking: scan)
    } catch { throw .wire(file: file.name, error) }
    self = try TensorImporter(file: file, notes: scan.notes).tensor(wire)
  }
}
