import ByteIO
import Glibc
import TestSupport
import Testing

/// The program beside the test bundle, in debug and in release.
private let programPath: String = {
  let bundles = CommandLine.arguments + [resolvedPath("/proc/self/exe") ?? ""]
  for bundle in bundles.reversed() {
    let path = folderPart(of: bundle) + "/onnx-conformance"
    if regularFileExists(path) { return path }
  }
  return packageRoot + "/.build/release/onnx-conformance"
}()

/// Runs the program with its output going to a file; its exit status and what it wrote.
private func runConformance(_ arguments: [String]) throws -> (status: Int32, text: String) {
  try withTemporaryFolder { folder in
    let path = folder + "/output"
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 1, path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    var words: [UnsafeMutablePointer<CChar>?] =
      ([programPath] + arguments).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var process = pid_t()
    let code = posix_spawn(&process, programPath, &actions, nil, &words, environ)
    try #require(code == 0, "\(programPath) cannot be started: \(String(cString: strerror(code)))")
    var ending: Int32 = 0
    while waitpid(process, &ending, 0) < 0, errno == EINTR {}
    let text = String(decoding: try readSmallFile(path, maximum: 1 << 26), as: UTF8.self)
    return (ending & 0x7f == 0 ? ending >> 8 & 0xff : 128 + (ending & 0x7f), text)
  }
}

/// Every case of every suite under every runtime: what passes and what does not is what the lists in
/// `expected` say, and docs/onnx.md has the figures.
@Test func casesPassExactlyAsListed() throws {
  let (status, text) = try runConformance([])
  let complaints = text.firstRange(of: "\nOther than listed:\n").map { text[$0.upperBound...] }
  #expect(status == 0, "\(complaints ?? text[...])")
  // The figures belong to the log of a test run.
  print(text[(text.firstRange(of: "| suite |")?.lowerBound ?? text.startIndex)...])
}
