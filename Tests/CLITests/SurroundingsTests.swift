import ByteIO
import Glibc
import JSONText
import TestSupport
import Testing

/// Mounts a file system of its own on a new folder for as long as `body` runs. Needs to be root.
private func withMount(
  _ options: String, _ body: (String) throws -> Void
) throws {
  try withTemporaryFolder { folder in
    let place = folder + "/mount"
    try makeFolder(place)
    guard mount("plumb-test", place, "tmpfs", 0, options) == 0 else {
      throw ProcessError(
        description: "no tmpfs can be mounted: \(String(cString: strerror(errno)))")
    }
    defer { umount2(place, Int32(MNT_DETACH)) }
    try body(place)
  }
}

/// Whether file systems can be mounted here: only as root, and not in every container.
private let canMount: Bool = {
  (try? withMount("size=64k") { _ in }) != nil
}()

@Suite struct SurroundingsTests {
  @Test(.enabled(if: canMount, "a full disk is a small file system, which only root can mount"))
  func fullDisk() throws {
    try withMount("size=300k") { disk in
      let out = disk + "/m.plumb"
      try writeFile([7], to: out)
      try expectUnusable(
        ["convert", checkpoint("sd1-tiny"), "-o", out], says: ["disk is full", out])
      #expect(try bytes(out) == [7])
      #expect(try folderListing(disk) == ["m.plumb"])

      let ground = ["ground", try model(), "--image", picture(), "--phrase", "effusion"] + quick
      let run = try runPlumb(ground + ["--save-taps", "--no-cache", "-o", disk + "/out"])
      #expect(run.status == 2 && run.stderr.contains("disk is full"), "\(run)")
      for name in try folderListing(disk + "/out") {
        #expect(!name.hasPrefix("."), "left behind: \(name)")
        #expect(name != "result.json", "result.json says that all is there")
      }
      // A cache that is full costs a warning only.
      try withTemporaryFolder { folder in
        let cached = try expectGood(ground + ["--cache", disk, "-o", folder + "/out"])
        #expect(
          cached.stderr.contains("warning") == !(try folderListing(disk)).contains {
            $0.hasSuffix(".safetensors")
          })
      }
    }
  }

  @Test(.enabled(if: canMount, "root may write everywhere but on a read-only file system"))
  func folderWithoutRights() throws {
    try withMount("size=64k") { disk in
      guard
        mount("plumb-test", disk, "tmpfs", UInt(MS_REMOUNT | MS_RDONLY), nil) == 0
      else { throw ProcessError(description: "no read-only remount") }
      try expectUnusable(
        ["convert", checkpoint("unet-f16"), "-o", disk + "/m.plumb"],
        says: [disk + "/m.plumb", "may not write"])
      let ground = [
        "ground", try model(), "--image", picture(), "--phrase", "effusion", "--steps", "1000",
      ]
      try expectUnusable(ground + ["-o", disk + "/out"], says: [disk, "may not"])
      try withTemporaryFolder { folder in
        let base = ["ground", try model(), "--image", picture(), "--phrase", "effusion"] + quick
        let run = try expectGood(base + ["-o", folder + "/o", "--cache", disk + "/c"])
        #expect(run.stderr.contains("warning") && run.stderr.contains("may not"))
      }
    }
  }

  /// A result that nobody gets is no good end.
  @Test func standardOutputIsFull() throws {
    let result = try runProcess(
      "sh", ["-c", "exec \"$0\" inspect \"$1\" --json > /dev/full", plumbPath, try model()])
    #expect(result.status == 2)
    #expect(result.stderr.contains("standard output"), "\(result.stderr)")
  }

  /// `plumb inspect | head` ends quietly.
  @Test func aReaderMayStopEarly() throws {
    let result = try runProcess(
      "sh", ["-c", "\"$0\" inspect \"$1\" --tensors | head -n 1", plumbPath, try model()])
    #expect(result.status == 0 && result.stderr.isEmpty, "\(result)")
    #expect(result.stdout.split(separator: "\n").count == 1)
  }

  /// How far it is shows only where a person watches, and leaves a clean line behind.
  @Test func progress() throws {
    try withTemporaryFolder { folder in
      let command =
        "'\(plumbPath)' ground '\(try model())' --image '\(picture())' --phrase effusion "
        + "--no-cache --steps 30 --last 20 -o '\(folder)/o'"
      let watched = try runProcess("script", ["-qec", command, "/dev/null"])
      #expect(watched.status == 0, "\(watched)")
      let text = watched.stdout
      #expect(text.contains(#/(text|image) pass: \d+ of \d+, \d+ %/#), "\(text)")
      #expect(text.contains(#/, about \d+ (s|min \d+ s) left/#), "\(text)")
      #expect(text.contains("\r\u{1b}[K"))

      let unwatched = try runProcess("sh", ["-c", command])
      #expect(unwatched.status == 0 && unwatched.stderr.isEmpty, "\(unwatched)")
      #expect(!unwatched.stdout.contains("%"))
    }
  }

  /// Help is there at once: nothing big is loaded for it.
  @Test func helpIsQuick() throws {
    let clock = ContinuousClock()
    let times = try (0..<9).map { _ in
      try clock.measure { _ = try runPlumb(["--help"]) }
    }.sorted()
    // Generous, since other tests run beside this one; alone it takes about 5 ms.
    #expect(times[0] < .milliseconds(300), "\(times)")
  }

  @Test func theEnvironmentDoesNotMatter() throws {
    let bare = try runProcess(
      "env", ["-i", plumbPath, "inspect", try model(), "--json"])
    #expect(bare.status == 0)
    #expect(bare.stdout == (try runPlumb(["inspect", try model(), "--json"])).stdout)
  }
}
