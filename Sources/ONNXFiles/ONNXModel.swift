import ByteIO
import TensorBase

/// An ONNX model as its file has it, checked: every name that is read is given by something, nodes
/// are in an order in which they can run. What the operators mean is not known here.
///
/// The operator set of ONNX itself is "" throughout, whether the file calls it that or `ai.onnx`.
package struct ONNXModel: Sendable {
  package let irVersion: Int
  /// The version of each operator set that is imported, by domain.
  package let opsets: [String: Int]
  package let graph: ONNXGraph
  package let functions: [ONNXFunction]
  package let metadata: [String: String]
  /// Name and version of the program that wrote the model, as far as given.
  package let producer: String
  /// Whether the file has a part for training, which is not read.
  package let hasTraining: Bool
  /// The model's file, then those with its external data.
  package let files: [MappedFile]
}

package struct ONNXGraph: Sendable {
  package let name: String
  /// In an order in which they can run; the file's own where that is one.
  package let nodes: [ONNXNode]
  /// Sparse ones among them; no two of one name.
  package let initializers: [ONNXTensor]
  /// Those that an initializer gives a default among them.
  package let inputs: [ONNXValueInfo]
  package let outputs: [ONNXValueInfo]
  /// Of values in between, as far as the file tells.
  package let valueInfo: [ONNXValueInfo]
}

package struct ONNXNode: Sendable {
  /// May be empty, and the same as another's.
  package let name: String
  package let domain: String
  package let op: String
  /// Tells functions of one name apart.
  package let overload: String
  /// "" is an input that is absent.
  package let inputs: [String]
  /// "" is an output that nobody wants.
  package let outputs: [String]
  package let attributes: [String: ONNXAttribute]
  /// The path of the module that the node was exported from, as far as its metadata tells:
  /// `down_blocks.0.attentions.0`.
  package let scope: String?

  package init(
    name: String = "", domain: String = "", op: String, overload: String = "",
    inputs: [String], outputs: [String], attributes: [String: ONNXAttribute] = [:],
    scope: String? = nil
  ) {
    self.name = name
    self.domain = domain
    self.op = op
    self.overload = overload
    self.inputs = inputs
    self.outputs = outputs
    self.attributes = attributes
    self.scope = scope
  }
}

package indirect enum ONNXAttribute: Sendable {
  case int(Int)
  case float(Float)
  case string(String)
  case tensor(ONNXTensor)
  case graph(ONNXGraph)
  case ints([Int])
  case floats([Float])
  case strings([String])
  case tensors([ONNXTensor])
  case graphs([ONNXGraph])
  /// Loads as a dense tensor.
  case sparseTensor(ONNXTensor)
  /// Inside a function: the value of the function's attribute of this name.
  case reference(String)
  /// What it is, for a sentence: "a type", "text that is not UTF-8".
  case unsupported(String)
}

/// What a graph says of one of its values.
package struct ONNXValueInfo: Sendable {
  package let name: String
  package let type: ONNXValueType

  package init(name: String, type: ONNXValueType) {
    self.name = name
    self.type = type
  }
}

package enum ONNXValueType: Hashable, Sendable {
  /// Elements as they are computed with (`stored.elementType`), as the file calls them, and the
  /// shape; nil when not even the rank is known.
  case tensor(ElementType, stored: ONNXElementType, [ONNXDimension]?)
  /// The file gives no type.
  case unknown
  /// What it is, for a sentence: "a tensor of strings", "a sequence of tensors of float".
  case unsupported(String)
}

package enum ONNXDimension: Hashable, Sendable {
  case size(Int)
  /// Equal wherever the name is the same.
  case symbol(String)
  case unknown
}

/// A function that the model brings along: a node of its domain and name stands for its nodes.
package struct ONNXFunction: Sendable {
  package let domain: String
  package let name: String
  package let overload: String
  package let inputs: [String]
  package let outputs: [String]
  /// Names of attributes that a node may give.
  package let attributes: [String]
  /// Attributes with the values they have when the node does not give them.
  package let defaults: [String: ONNXAttribute]
  package let opsets: [String: Int]
  /// In an order in which they can run.
  package let nodes: [ONNXNode]
}
