import ByteIO
import JSONText

/// Where cases come from.
enum Suite: String, CaseIterable {
  case debianNode = "debian-node"
  case debianSimple = "debian-simple"
  case debianPyTorchConverted = "debian-pytorch-converted"
  case debianPyTorchOperator = "debian-pytorch-operator"
  case pypiNode = "pypi-node"
  case pypiLight = "pypi-light"

  /// A folder of cases.
  var folder: String {
    let debian = "/usr/share/libonnx-testdata/data"
    let written = packageRoot + "/.build/onnx-cases"
    return switch self {
    case .debianNode: debian + "/node"
    case .debianSimple: debian + "/simple"
    case .debianPyTorchConverted: debian + "/pytorch-converted"
    case .debianPyTorchOperator: debian + "/pytorch-operator"
    case .pypiNode: written + "/node"
    case .pypiLight: written + "/light"
    }
  }

  /// What brings the folder.
  private var maker: String {
    switch self {
    case .pypiNode, .pypiLight: "tools/onnx/write-cases"
    default: "tools/setup"
    }
  }

  /// What the suite tests, for the table.
  var title: String {
    switch self {
    case .debianNode: "ONNX 1.12, nodes (Debian)"
    case .debianSimple: "ONNX 1.12, small graphs (Debian)"
    case .debianPyTorchConverted: "ONNX 1.12, layers from PyTorch (Debian)"
    case .debianPyTorchOperator: "ONNX 1.12, operators from PyTorch (Debian)"
    case .pypiNode: "ONNX 1.23, nodes (PyPI)"
    case .pypiLight: "ONNX 1.23, convolutional networks (PyPI)"
    }
  }

  /// By name. Errors: the folder is missing.
  func cases() throws(ConformanceError) -> [Case] {
    guard folderExists(folder), let names = try? folderListing(folder) else {
      throw .message("\(folder) is missing; \(maker) brings it")
    }
    var cases: [Case] = []
    for name in names.sorted() where fileExists("\(folder)/\(name)/model.onnx") {
      cases.append(try Case(suite: self, name: name))
    }
    guard !cases.isEmpty else { throw .message("\(folder) has no case; \(maker) brings them") }
    return cases
  }
}

/// A model, inputs and what it must answer.
struct Case {
  let suite: Suite
  let name: String
  /// |actual − expected| ≤ absolute + relative · |expected|: the case's own.
  let absolute: Double
  let relative: Double

  var folder: String { suite.folder + "/" + name }

  /// The bounds are ONNX's own unless the case's data.json says others.
  init(suite: Suite, name: String) throws(ConformanceError) {
    (self.suite, self.name) = (suite, name)
    let path = "\(suite.folder)/\(name)/data.json"
    guard fileExists(path) else {
      (absolute, relative) = (1e-7, 1e-3)
      return
    }
    guard let text = try? readSmallFile(path, maximum: 1 << 16),
      let object = try? JSONValue(parsing: text)
    else { throw .message("\(path) cannot be read") }
    absolute = object["atol"]?.doubleValue ?? 1e-7
    relative = object["rtol"]?.doubleValue ?? 1e-3
  }

  /// Folders with inputs and outputs.
  var dataSets: [String] {
    let names = (try? folderListing(folder)) ?? []
    return names.filter { $0.hasPrefix("test_data_set_") }.sorted().map { folder + "/" + $0 }
  }
}

/// How a model is run.
enum Runtime: String, CaseIterable {
  /// As it was read: no passes, plain kernels.
  case asRead = "as-read"
  /// With all passes and fast kernels.
  case optimised
  /// Written to a .plumb, read back, and optimised.
  case reloaded
}

enum ConformanceError: Error {
  case message(String)
}

/// The folder of Package.swift.
let packageRoot: String = {
  var folder = #filePath
  for _ in 0..<3 { folder = folderPart(of: folder) }
  return folder
}()
