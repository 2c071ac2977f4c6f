extension ONNXTensor {
  /// The same tensor under another name.
  package func renamed(_ name: String) -> ONNXTensor {
    ONNXTensor(name: name, storedType: storedType, shape: shape, source: source)
  }
}
