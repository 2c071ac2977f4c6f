import ByteIO
import Glibc
import TestSupport
import Testing

/// How a process ended and what it wrote.
struct ProcessResult: CustomTestStringConvertible {
  /// The exit status; 128 and the signal's number when a signal ended it.
  let status: Int32
  let stdout: String
  let stderr: String

  var testDescription: String { "status \(status)\nstdout: \(stdout)\nstderr: \(stderr)" }
}

struct ProcessError: Error, CustomStringConvertible {
  let description: String
}

/// The built program: it lies beside the test bundle, in debug and in release.
let plumbPath: String = {
  let bundles = CommandLine.arguments + [resolvedPath("/proc/self/exe") ?? ""]
  for bundle in bundles.reversed() {
    let path = folderPart(of: bundle) + "/plumb"
    if regularFileExists(path) { return path }
  }
  return packageRoot + "/.build/release/plumb"
}()

/// Runs `plumb` and waits for its end.
///
/// - Parameters:
///   - environment: added to the test's own; a nil value takes a variable away. Without a word of
///     it text passes are cached nowhere, since `HOME` is a folder that cannot be made.
///   - stdin: what the program can read.
///   - folder: the working folder.
func runPlumb(
  _ arguments: [String], environment: [String: String?] = [:], stdin: String = "",
  in folder: String? = nil
) throws -> ProcessResult {
  try runProcess(
    plumbPath, arguments,
    environment: ["HOME": "/dev/null/none", "XDG_CACHE_HOME": nil].merging(environment) { $1 },
    stdin: stdin, in: folder)
}

/// Runs a program and waits for its end. Its output goes through files, so that none can fill up.
func runProcess(
  _ program: String, _ arguments: [String], environment: [String: String?] = [:],
  stdin: String = "", in folder: String? = nil
) throws -> ProcessResult {
  if let folder {
    return try runProcess(
      "env", ["-C", folder, program] + arguments, environment: environment, stdin: stdin)
  }
  return try withTemporaryFolder { place in
    let streams = ["in", "out", "err"].map { place + "/" + $0 }
    try writeFile(Array(stdin.utf8), to: streams[0])

    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, streams[0], O_RDONLY, 0)
    for (descriptor, path) in [(1 as Int32, streams[1]), (2, streams[2])] {
      posix_spawn_file_actions_addopen(
        &actions, descriptor, path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    }

    var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
    var variables: [UnsafeMutablePointer<CChar>?] =
      environmentLines(environment).map { strdup($0) } + [nil]
    defer { for word in words + variables { free(word) } }
    var process = pid_t()
    let code = posix_spawnp(&process, program, &actions, nil, &words, &variables)
    guard code == 0 else {
      throw ProcessError(
        description: "\(program) cannot be started: \(String(cString: strerror(code)))")
    }
    var ending: Int32 = 0
    while waitpid(process, &ending, 0) < 0, errno == EINTR {}
    func text(_ path: String) throws -> String {
      String(decoding: try readSmallFile(path, maximum: 1 << 26), as: UTF8.self)
    }
    return ProcessResult(
      status: ending & 0x7f == 0 ? ending >> 8 & 0xff : 128 + (ending & 0x7f),
      stdout: try text(streams[1]), stderr: try text(streams[2]))
  }
}

private func environmentLines(_ changes: [String: String?]) -> [String] {
  var lines: [String] = []
  var place = environ
  while let line = place.pointee {
    let text = String(cString: line)
    let name = String(text.prefix { $0 != "=" })
    if !changes.keys.contains(name) { lines.append(text) }
    place += 1
  }
  for (name, value) in changes { if let value { lines.append("\(name)=\(value)") } }
  return lines
}

/// The run was good: status 0, and nothing to complain of.
@discardableResult
func expectGood(
  _ arguments: [String], environment: [String: String?] = [:], in folder: String? = nil,
  sourceLocation: SourceLocation = #_sourceLocation
) throws -> ProcessResult {
  let result = try runPlumb(arguments, environment: environment, in: folder)
  #expect(result.status == 0, "\(arguments): \(result.stderr)", sourceLocation: sourceLocation)
  return result
}

/// The run ends with status 2, nothing on standard output and one clear sentence on standard error:
/// one line that names the verb, holds every one of `parts` and shows no value as Swift prints it.
@discardableResult
func expectUnusable(
  _ arguments: [String], says parts: [String], environment: [String: String?] = [:],
  in folder: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
) throws -> ProcessResult {
  let result = try runPlumb(arguments, environment: environment, in: folder)
  #expect(result.status == 2, "\(arguments): \(result)", sourceLocation: sourceLocation)
  #expect(result.stdout.isEmpty, "\(arguments)", sourceLocation: sourceLocation)
  let lines = result.stderr.split(separator: "\n", omittingEmptySubsequences: false)
  #expect(
    lines.count == 2 && lines.last == "" && result.stderr.hasPrefix("plumb"),
    "not one line: \(result.stderr)", sourceLocation: sourceLocation)
  for part in parts {
    #expect(
      result.stderr.contains(part), "'\(part)' is not in: \(result.stderr)",
      sourceLocation: sourceLocation)
  }
  for dump in ["Error(", "Error.", "Fault(", "Optional(", "rawValue", ".swift:", "Fatal", "{"] {
    #expect(
      !result.stderr.contains(dump), "'\(dump)' is in: \(result.stderr)",
      sourceLocation: sourceLocation)
  }
  // An enum's case with labels: `truncated(name: …`.
  let dumped = result.stderr.contains(#/\b[a-z]+[A-Za-z]*\([a-z]+[A-Za-z]*: /#)
  #expect(!dumped, "a dump: \(result.stderr)", sourceLocation: sourceLocation)
  return result
}
