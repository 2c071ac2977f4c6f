import CCrypto

/// SHA-256 of bytes that come in pieces.
package struct SHA256: ~Copyable {
  private let context: OpaquePointer

  package init() throws(ByteIOError) { try self.init(EVP_sha256()) }

  private init(_ algorithm: OpaquePointer?) throws(ByteIOError) {
    guard let context = EVP_MD_CTX_new() else {
      throw .corrupt(codec: "SHA-256", reason: "out of memory")
    }
    guard EVP_DigestInit_ex(context, algorithm, nil) == 1 else {
      EVP_MD_CTX_free(context)
      throw .corrupt(codec: "SHA-256", reason: "libcrypto does not offer it")
    }
    self.context = context
  }

  deinit { EVP_MD_CTX_free(context) }

  package mutating func update(_ bytes: RawSpan) throws(ByteIOError) {
    let status = bytes.withUnsafeBytes { EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
    guard status == 1 else { throw .corrupt(codec: "SHA-256", reason: "libcrypto failed") }
  }

  package mutating func update(_ bytes: [UInt8]) throws(ByteIOError) {
    try update(bytes.span.bytes)
  }

  /// The 32 bytes of the digest of all that was given; nothing may follow.
  package consuming func digest() throws(ByteIOError) -> [UInt8] {
    var result = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var count: UInt32 = 0
    guard EVP_DigestFinal_ex(context, &result, &count) == 1 else {
      throw .corrupt(codec: "SHA-256", reason: "libcrypto failed")
    }
    result.removeLast(result.count - Int(count))
    return result
  }

  package static func digest(of bytes: [UInt8]) throws(ByteIOError) -> [UInt8] {
    var hash = try SHA256()
    try hash.update(bytes)
    return try hash.digest()
  }

  /// The digest of a whole file in hexadecimal. Pages behind the reading point are given back, so
  /// memory stays at a few megabytes however large the file is.
  package static func hexDigest(of file: MappedFile) throws(ByteIOError) -> String {
    try hexDigest(of: file, SHA256())
  }

  /// As above by SHA-1, which some formats use as a checksum; it protects from nobody.
  package static func sha1HexDigest(of file: MappedFile) throws(ByteIOError) -> String {
    try hexDigest(of: file, SHA256(EVP_sha1()))
  }

  private static func hexDigest(
    of file: MappedFile, _ start: consuming SHA256
  ) throws(ByteIOError) -> String {
    var hash = start
    let step = 8 << 20
    var start = 0
    while start < file.size {
      let range = start..<min(start + step, file.size)
      try file.withUnsafeBytes { bytes throws(ByteIOError) in
        try hash.update(UnsafeRawBufferPointer(rebasing: bytes[range]).bytes)
      }
      file.release(range)
      start = range.upperBound
    }
    return hexText(try hash.digest())
  }
}

/// Two lower-case hexadecimal digits a byte.
package func hexText(_ bytes: [UInt8]) -> String {
  let digits = Array("0123456789abcdef".utf8)
  return String(
    decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}
