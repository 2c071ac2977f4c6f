extension Tensor {
  /// Lends the elements as they are stored, for callers without unsafe code. Traps when `Element`
  /// has another size than the tensor's type; `Element` must fit the type otherwise too
  /// (`UInt16` for the bits of f16 and bf16, `UInt8` for bool).
  package func withSpan<Element: BitwiseCopyable, Result, Failure: Error>(
    of _: Element.Type, _ body: (Span<Element>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    precondition(
      MemoryLayout<Element>.size == type.byteCount,
      "elements of \(MemoryLayout<Element>.size) bytes are not \(type)")
    return try withUnsafeBytes { (bytes) throws(Failure) in
      try body(bytes.assumingMemoryBound(to: Element.self).span)
    }
  }
}
