import CZlib

/// Unpacks raw deflate data (as in zip entries) that must give exactly `target.byteCount` bytes and
/// use up all of `bytes`. Errors: damage, or another size; `target` then holds rubbish.
package func inflate(_ bytes: RawSpan, into target: inout MutableRawSpan) throws(ByteIOError) {
  var stream = z_stream()
  let size = Int32(MemoryLayout<z_stream>.size)
  // −15: raw deflate, 32 KB window. inflateInit2 is a macro around this call.
  guard inflateInit2_(&stream, -15, ZLIB_VERSION, size) == Z_OK else {
    throw .corrupt(codec: "deflate", reason: "zlib could not start")
  }
  defer { inflateEnd(&stream) }
  let (status, used, made) = target.withUnsafeMutableBytes { output in
    bytes.withUnsafeBytes { input in
      runInflate(&stream, from: input, into: output)
    }
  }
  guard status == Z_STREAM_END else {
    if status == Z_OK || status == Z_BUF_ERROR {
      // Neither end nor damage: the input ran out, or the output is full.
      if made == target.byteCount {
        throw .wrongSize(
          codec: "deflate", expected: target.byteCount, found: UInt64(target.byteCount) + 1)
      }
      throw .corrupt(codec: "deflate", reason: "it ends too early")
    }
    throw .corrupt(codec: "deflate", reason: stream.msg.map { String(cString: $0) } ?? "bad data")
  }
  guard made == target.byteCount else {
    throw .wrongSize(codec: "deflate", expected: target.byteCount, found: UInt64(made))
  }
  guard used == bytes.byteCount else {
    throw .corrupt(codec: "deflate", reason: "\(bytes.byteCount - used) bytes follow its end")
  }
}

/// zlib counts in 32 bits: feeds it at most 1 GiB at a time. Gives the last status and the bytes
/// used and made.
private func runInflate(
  _ stream: inout z_stream, from input: UnsafeRawBufferPointer,
  into output: UnsafeMutableRawBufferPointer
) -> (status: Int32, used: Int, made: Int) {
  let step = 1 << 30
  // zlib refuses a null output pointer even when no room is needed.
  var dummy: UInt8 = 0
  return withUnsafeMutablePointer(to: &dummy) { spare in
    var used = 0
    var made = 0
    while true {
      let give = min(step, input.count - used)
      let room = min(step, output.count - made)
      let next = input.baseAddress.map { UnsafeMutableRawPointer(mutating: $0 + used) }
      stream.next_in = next?.assumingMemoryBound(to: UInt8.self) ?? spare
      stream.avail_in = uInt(give)
      let place = output.baseAddress.map { ($0 + made).assumingMemoryBound(to: UInt8.self) }
      stream.next_out = room > 0 ? place ?? spare : spare
      stream.avail_out = uInt(room)
      let status = CZlib.inflate(&stream, Z_NO_FLUSH)
      let took = give - Int(stream.avail_in)
      let gave = room - Int(stream.avail_out)
      used += took
      made += gave
      if status != Z_OK || (took == 0 && gave == 0) { return (status, used, made) }
    }
  }
}

/// CRC-32 as zip files use it; `continuing` is the value over the bytes before.
package func crc32(_ bytes: RawSpan, continuing: UInt32 = 0) -> UInt32 {
  bytes.withUnsafeBytes { bytes in
    UInt32(
      truncatingIfNeeded: crc32_z(
        uLong(continuing), bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count))
  }
}

/// CRC-32 of an array.
package func crc32(_ bytes: [UInt8]) -> UInt32 { crc32(bytes.span.bytes) }

/// The first `count` bytes of raw deflate data, or all when there are fewer. Errors: damage.
package func inflatePrefix(_ bytes: RawSpan, count: Int) throws(ByteIOError) -> [UInt8] {
  var stream = z_stream()
  let size = Int32(MemoryLayout<z_stream>.size)
  guard inflateInit2_(&stream, -15, ZLIB_VERSION, size) == Z_OK else {
    throw .corrupt(codec: "deflate", reason: "zlib could not start")
  }
  defer { inflateEnd(&stream) }
  var result = [UInt8](repeating: 0, count: count)
  let (status, _, made) = result.withUnsafeMutableBytes { output in
    bytes.withUnsafeBytes { runInflate(&stream, from: $0, into: output) }
  }
  guard status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR else {
    throw .corrupt(codec: "deflate", reason: stream.msg.map { String(cString: $0) } ?? "bad data")
  }
  result.removeLast(count - made)
  return result
}
