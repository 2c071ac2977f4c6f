import ByteIO
import Glibc
import TestSupport
import Testing

@Suite struct MappedFileTests {
  @Test func mapsBytes() throws {
    let folder = try temporaryFolder()
    let path = folder.file("a.bin")
    try writeFile([1, 2, 3, 4, 5], to: path)
    let file = try MappedFile(path: path)
    #expect(file.size == 5 && file.name == "a.bin" && file.path == path)
    #expect(file.withUnsafeBytes { [UInt8]($0) } == [1, 2, 3, 4, 5])
    #expect(try file.bytes(in: 1..<3) == [2, 3])
    #expect(throws: ByteIOError.truncated(name: "a.bin", offset: 3, needed: 3, available: 2)) {
      try file.bytes(in: 3..<6)
    }
    file.release(0..<5)
    #expect(try file.bytes(in: 0..<5) == [1, 2, 3, 4, 5])
  }

  @Test func emptyFileHasNoBytes() throws {
    let folder = try temporaryFolder()
    try writeFile([], to: folder.file("empty"))
    let file = try MappedFile(path: folder.file("empty"))
    #expect(file.size == 0 && file.withUnsafeBytes { $0.isEmpty })
    file.release(0..<0)
    file.prefetch(0..<10)
  }

  @Test func refusals() throws {
    let folder = try temporaryFolder()
    let missing = folder.file("missing")
    #expect(throws: ByteIOError.noSuchFile(path: missing)) { try MappedFile(path: missing) }
    #expect(throws: ByteIOError.isFolder(path: folder.path)) {
      try MappedFile(path: folder.path)
    }
    #expect(throws: ByteIOError.notRegular(path: "/dev/null")) {
      try MappedFile(path: "/dev/null")
    }
    let pipe = folder.file("pipe")
    #expect(mkfifo(pipe, 0o600) == 0)
    #expect(throws: ByteIOError.notRegular(path: pipe)) { try MappedFile(path: pipe) }
    #expect(throws: ByteIOError.noSuchFile(path: "a\0b")) { try MappedFile(path: "a\0b") }
    let file = folder.file("file")
    try writeFile([1], to: file)
    #expect(throws: ByteIOError.notAFolder(path: file + "/x")) {
      try MappedFile(path: file + "/x")
    }
    if geteuid() != 0 {
      chmod(file, 0)
      #expect(throws: ByteIOError.noPermission(path: file, action: "read")) {
        try MappedFile(path: file)
      }
    }
  }

  @Test func smallFiles() throws {
    let folder = try temporaryFolder()
    let path = folder.file("small")
    try writeFile([7, 8, 9], to: path)
    #expect(try readSmallFile(path, maximum: 3) == [7, 8, 9])
    #expect(throws: ByteIOError.fileTooLarge(path: path, size: 3, maximum: 2)) {
      try readSmallFile(path, maximum: 2)
    }
    #expect(throws: ByteIOError.isFolder(path: folder.path)) {
      try readSmallFile(folder.path, maximum: 2)
    }
  }

  @Test func listing() throws {
    let folder = try temporaryFolder()
    try makeFolder(folder.file("b/c"))
    try writeFile([], to: folder.file("a"))
    try writeFile([], to: folder.file("ä-" + String(repeating: "x", count: 240)))
    #expect(try folderListing(folder.path).map { $0.prefix(2) } == ["a", "b", "ä-"])
    #expect(folderExists(folder.file("b/c")) && !folderExists(folder.file("a")))
    #expect(throws: ByteIOError.notAFolder(path: folder.file("a"))) {
      try folderListing(folder.file("a"))
    }
    #expect(throws: ByteIOError.noSuchFile(path: folder.file("x"))) {
      try folderListing(folder.file("x"))
    }
  }

  @Test func paths() {
    #expect(folderPart(of: "a") == "." && folderPart(of: "/a") == "/")
    #expect(folderPart(of: "b/a") == "b" && lastComponent(of: "b/a/") == "a")
  }
}

@Suite struct ByteReaderTests {
  @Test func readsLittleEndian() throws {
    var reader = ByteReader([1, 2, 0, 3, 0, 0, 0, 255, 0, 0, 128, 63], name: "x")
    #expect(try reader.u8() == 1)
    #expect(try reader.u16() == 2)
    #expect(try reader.u32() == 3)
    #expect(try reader.i8() == -1)
    #expect(try reader.f32() == 1)
    #expect(reader.isAtEnd)
    #expect(throws: ByteIOError.truncated(name: "x", offset: 12, needed: 1, available: 0)) {
      try reader.u8()
    }
  }

  @Test func refusesWhatIsNotThere() throws {
    var reader = ByteReader([0, 1, 2, 3], name: "x")
    try reader.skip(1)
    #expect(throws: ByteIOError.truncated(name: "x", offset: 1, needed: 8, available: 3)) {
      try reader.u64()
    }
    #expect(throws: ByteIOError.truncated(name: "x", offset: 1, needed: .max, available: 3)) {
      try reader.bytes(.max)
    }
    #expect(throws: ByteIOError.truncated(name: "x", offset: 4, needed: 1, available: 0)) {
      try reader.seek(to: 5)
    }
    #expect(reader.offset == 1)
    #expect(try reader.bytes(3) == [1, 2, 3])
  }

  @Test func slicesKeepTheirBounds() throws {
    var reader = ByteReader([0, 1, 2, 3, 4], name: "x")
    try reader.skip(1)
    var slice = try reader.slice(2)
    #expect(try slice.u16() == 0x0201)
    #expect(throws: ByteIOError.truncated(name: "x", offset: 3, needed: 1, available: 0)) {
      try slice.u8()
    }
    #expect(try reader.u8() == 3)
  }

  @Test func text() throws {
    var reader = ByteReader(Array("né".utf8) + [0xFF], name: "x")
    #expect(try reader.string(3) == "né")
    #expect(throws: ByteIOError.notUTF8(name: "x", offset: 3)) { try reader.string(1) }
    var lines = ByteReader(Array("ab\ncd".utf8), name: "x")
    #expect(try lines.bytes(upTo: 10, maximum: 5) == Array("ab".utf8))
    #expect(throws: (any Error).self) { try lines.bytes(upTo: 10, maximum: 5) }
  }

  @Test func keepsTheFileAlive() throws {
    let folder = try temporaryFolder()
    try writeFile([9, 8, 7], to: folder.file("a"))
    var reader = try ByteReader(MappedFile(path: folder.file("a")), range: 1..<3)
    #expect(try reader.bytes(2) == [8, 7])
    #expect(throws: (any Error).self) {
      try ByteReader(MappedFile(path: folder.file("a")), range: 1..<4)
    }
  }
}
