import ByteIO
import TestSupport
import Testing

@Suite struct LineLogTests {
  private func lines(_ path: String) throws -> [String] { try LineLog(path: path).lines }

  private func text(_ path: String) throws -> String {
    String(decoding: try readSmallFile(path, maximum: 1 << 20), as: UTF8.self)
  }

  @Test func linesStay() throws {
    let folder = try temporaryFolder()
    let path = folder.file("log")
    #expect(try lines(path) == [])
    try LineLog(path: path).append("one")
    var log = try LineLog(path: path)
    #expect(log.lines == ["one"])
    try log.append("")
    try log.append("zwei: ä")
    #expect(try text(path) == "one\n\nzwei: ä\n")
    log = try LineLog(path: folder.file("other"))
    #expect(try lines(path) == ["one", "", "zwei: ä"])
  }

  @Test func aTornLineGoes() throws {
    let folder = try temporaryFolder()
    let path = folder.file("log")
    let whole = "first\nsecond\n"
    for count in 0...whole.utf8.count {
      try writeFile(Array(whole.utf8.prefix(count)), to: path)
      let expected = count < 6 ? [] : count < 13 ? ["first"] : ["first", "second"]
      let log = try LineLog(path: path)
      #expect(log.lines == expected, "\(count)")
      try log.append("next")
      #expect(try text(path) == (expected + ["next"]).map { $0 + "\n" }.joined())
    }
  }

  @Test func refusals() throws {
    let folder = try temporaryFolder()
    let path = folder.file("log")
    let log = try LineLog(path: path)
    #expect(
      throws: ByteIOError.system(
        path: path, action: "write", reason: "another process is writing it")
    ) { _ = try LineLog(path: path) }
    try log.append("held")
    #expect(throws: ByteIOError.isFolder(path: folder.path)) {
      _ = try LineLog(path: folder.path)
    }
    try writeFile([0x61, 0xff, 0x0a], to: folder.file("latin"))
    #expect(throws: ByteIOError.notUTF8(name: "latin", offset: 0)) {
      _ = try LineLog(path: folder.file("latin"))
    }
  }
}
