import ByteIO
import Glibc
import TestSupport
import Testing

@Suite struct AtomicFileWriterTests {
  @Test func writesAndPatches() throws {
    let folder = try temporaryFolder()
    let path = folder.file("out")
    let large = (0..<700_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    var writer = try AtomicFileWriter(path: path)
    try writer.append([1, 2, 3])
    try writer.append(littleEndian: UInt32(0x0807_0605))
    try writer.align(to: 8)
    #expect(writer.count == 8)
    try writer.append(large)
    try writer.append([4])
    try writer.patch([9, 9], at: 1)
    #expect(!fileExists(path))
    try writer.commit()
    let bytes = try readSmallFile(path, maximum: 1 << 20)
    #expect(bytes == [1, 9, 9, 5, 6, 7, 8, 0] + large + [4])
    #expect(try folderListing(folder.path) == ["out"])
  }

  @Test(arguments: [true, false])
  func withoutCommitNothingRemains(nameless: Bool) throws {
    let folder = try temporaryFolder()
    let path = folder.file("out")
    try writeFile([1], to: path)
    do {
      var writer = try AtomicFileWriter(path: path, nameless: nameless)
      try writer.append([2, 3])
      try writer.patch([4], at: 0)
      let names = try folderListing(folder.path)
      // /tmp may lack nameless files, never named ones.
      if !nameless {
        #expect(names.count == 2 && names[0].hasPrefix(".out.plumb-"))
      }
    }
    #expect(try readSmallFile(path, maximum: 10) == [1])
    #expect(try folderListing(folder.path) == ["out"])
  }

  @Test(arguments: [true, false])
  func replacesInOneStep(nameless: Bool) throws {
    let folder = try temporaryFolder()
    let path = folder.file("out")
    try writeFile([1], to: path)
    let old = try MappedFile(path: path)
    var writer = try AtomicFileWriter(path: path, nameless: nameless)
    try writer.append([2, 3])
    try writer.commit()
    #expect(try readSmallFile(path, maximum: 10) == [2, 3])
    #expect(try old.bytes(in: 0..<1) == [1])
    #expect(try folderListing(folder.path) == ["out"])
  }

  @Test func linksAreFollowed() throws {
    let folder = try temporaryFolder()
    try makeFolder(folder.file("real"))
    try writeFile([1], to: folder.file("real/target"))
    #expect(symlink("real/target", folder.file("link")) == 0)
    try writeFile([2], to: folder.file("link"))
    #expect(try readSmallFile(folder.file("real/target"), maximum: 10) == [2])
    var status = stat()
    #expect(lstat(folder.file("link"), &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
  }

  @Test func refusals() throws {
    let folder = try temporaryFolder()
    func error(_ path: String) -> ByteIOError? {
      do {
        let writer = try AtomicFileWriter(path: path)
        _ = writer.count
        return nil
      } catch { return error }
    }
    #expect(error(folder.path) == .isFolder(path: folder.path))
    #expect(error(folder.file("x") + "/") == .isFolder(path: folder.file("x") + "/"))
    #expect(error(folder.file("no/out")) == .noSuchFolder(path: folder.file("no")))
    #expect(error("/dev/null") == .notRegular(path: "/dev/null"))
    #expect(error("") == .noSuchFile(path: ""))
    if geteuid() != 0 {
      chmod(folder.path, 0o500)
      #expect(error(folder.file("out")) == .noPermission(path: folder.file("out"), action: "write"))
    }
  }

  /// A child process gets a limit on file sizes in place of a full disk.
  @Test func aFailedWriteLeavesTheOldFile() async throws {
    let folder = try temporaryFolder()
    try writeFile([1], to: folder.file("out"))
    await #expect(processExitsWith: .success) { [path = folder.file("out") as String] in
      signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit(rlim_cur: 100_000, rlim_max: 100_000)
      guard setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0 else { exit(2) }
      do {
        var writer = try AtomicFileWriter(path: path)
        try writer.append([UInt8](repeating: 7, count: 1_000_000))
        try writer.commit()
      } catch ByteIOError.system(_, "write", "File too large") {
        exit(0)
      }
      exit(3)
    }
    #expect(try readSmallFile(folder.file("out"), maximum: 10) == [1])
    #expect(try folderListing(folder.path) == ["out"])
  }

  @Test func aKilledProcessLeavesNoHalfFile() async throws {
    let folder = try temporaryFolder()
    try writeFile([1], to: folder.file("out"))
    await #expect(processExitsWith: .signal(SIGKILL)) { [path = folder.file("out") as String] in
      var writer = try AtomicFileWriter(path: path)
      try writer.append([UInt8](repeating: 7, count: 1_000_000))
      kill(getpid(), SIGKILL)
      try writer.commit()
    }
    #expect(try readSmallFile(folder.file("out"), maximum: 10) == [1])
    let names = try folderListing(folder.path)
    #expect(names.allSatisfy { $0 == "out" || $0.hasPrefix(".out.plumb-") })
  }
}
