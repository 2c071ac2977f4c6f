import ByteIO
import Glibc

/// Runs the units that a file lists and writes, line by line, what it begins and what came of it, so
/// that the parent knows which one a dead worker was at.
func work(listPath: String, outputPath: String) throws {
  let list = String(decoding: try readSmallFile(listPath, maximum: 1 << 26), as: UTF8.self)
  let descriptor = open(outputPath, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
  guard descriptor >= 0 else { throw ConformanceError.message("\(outputPath) cannot be written") }
  func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
  }
  var bench: Bench?
  for line in list.split(separator: "\n") {
    guard let unit = Unit(tabFields(line)) else { continue }
    say("begin\t\(unit.text)")
    if bench?.test.name != unit.name || bench?.test.suite != unit.suite {
      let test = try Case(suite: unit.suite, name: unit.name)
      if let about = Bench.about(test) { say("about\t\(unit.text)\t\(about.text)") }
      bench = Bench(test)
    }
    let outcome = bench?.run(unit.runtime) ?? .failed("no case")
    say("end\t\(unit.text)\t\(outcome.kind)\t\(oneLine(outcome.sentence))")
  }
  close(descriptor)
}

/// What came of all units.
struct Results {
  var outcomes: [Unit: Outcome] = [:]
  /// By suite and case.
  var abouts: [Suite: [String: About]] = [:]
}

/// Runs units in processes of their own, a few at a time; a process that dies takes one unit with
/// it, and another goes on.
func runAll(_ units: [Unit]) throws -> Results {
  let folder = "/tmp/onnx-conformance-\(getpid())"
  try makeFolder(folder)
  defer {
    for name in (try? folderListing(folder)) ?? [] { try? removeFile(folder + "/" + name) }
    rmdir(folder)
  }
  // Networks one by one and first, since they take longest.
  var chunks: [[Unit]] = []
  for (_, group) in Dictionary(grouping: units.filter { $0.suite == .pypiLight }, by: \.name) {
    chunks.append(group)
  }
  let others = units.filter { $0.suite != .pypiLight }
  for start in stride(from: 0, to: others.count, by: 240) {
    chunks.append(Array(others[start..<min(start + 240, others.count)]))
  }
  let found = Collected()
  let pieces = chunks
  try concurrently(pieces.count, with: { () throws(ConformanceError) in }) {
    (_, piece) throws(ConformanceError) in
    found.add(try runChunk(pieces[piece], files: "\(folder)/\(piece)"))
  }
  return found.results
}

private func runChunk(_ units: [Unit], files: String) throws(ConformanceError) -> Results {
  var results = Results()
  var rest = units
  while !rest.isEmpty {
    let (list, output) = (files + ".list", files + ".out")
    let text = rest.map { $0.text + "\n" }.joined()
    guard (try? writeFile(text, to: list)) != nil else {
      throw .message("\(list) cannot be written")
    }
    let ending = runWorker(list: list, output: output)
    guard let bytes = try? readSmallFile(output, maximum: 1 << 28) else {
      throw .message("a worker wrote nothing: \(ending)")
    }
    var begun: Unit?
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      let fields = tabFields(line)
      guard let unit = Unit(Array(fields.dropFirst())) else { continue }
      switch fields[0] {
      case "begin": begun = unit
      case "about":
        if let about = About(Array(fields.dropFirst(4))) {
          results.abouts[unit.suite, default: [:]][unit.name] = about
        }
      case "end" where fields.count == 6:
        results.outcomes[unit] = Outcome(kind: fields[4], sentence: fields[5])
        begun = nil
      default: break
      }
    }
    let before = rest.count
    if let begun { results.outcomes[begun] = .crashed(ending) }
    rest.removeAll { results.outcomes[$0] != nil }
    guard rest.count < before else { throw .message("a worker ended at its start: \(ending)") }
  }
  return results
}

/// Waits for a worker; one that has written nothing for ten minutes is ended. Says how it ended.
private func runWorker(list: String, output: String) -> String {
  unlink(output)
  let program = resolvedPath("/proc/self/exe") ?? CommandLine.arguments[0]
  let arguments: [String] = [program, "--worker", list, output]
  var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
  defer { for word in words { free(word) } }
  var process = pid_t()
  // What a dying process says goes to a file: its last words are kept, without the long list of
  // calls that Swift's runtime would print.
  setenv("SWIFT_BACKTRACE", "enable=no", 1)
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  posix_spawn_file_actions_addopen(
    &actions, 2, output + ".err", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
  let code = posix_spawn(&process, program, &actions, nil, &words, environ)
  guard code == 0 else { return "cannot be started: \(String(cString: strerror(code)))" }
  var ending: Int32 = 0
  var (size, quiet) = (-1, 0)
  while true {
    let ended = waitpid(process, &ending, WNOHANG)
    if ended == process { break }
    usleep(20_000)
    var status = stat()
    let now = stat(output, &status) == 0 ? Int(status.st_size) : 0
    (size, quiet) = (now, now == size ? quiet + 1 : 0)
    if quiet > 600 * 50 {
      kill(process, SIGKILL)
      waitpid(process, &ending, 0)
      return "did not end within ten minutes"
    }
  }
  let said = (try? readSmallFile(output + ".err", maximum: 1 << 24)) ?? []
  let last = String(decoding: said, as: UTF8.self).split(separator: "\n").first.map { ": \($0)" }
  return
    (ending & 0x7f == 0
    ? "ended with status \(ending >> 8 & 0xff)" : "ended by signal \(ending & 0x7f)")
    + (last ?? "")
}

func writeFile(_ text: String, to path: String) throws {
  let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
  guard descriptor >= 0 else { throw ConformanceError.message("\(path) cannot be written") }
  defer { close(descriptor) }
  let bytes = Array(text.utf8)
  var done = 0
  while done < bytes.count {
    let count = bytes.withUnsafeBytes {
      write(descriptor, $0.baseAddress?.advanced(by: done), $0.count - done)
    }
    guard count > 0 else { throw ConformanceError.message("\(path) cannot be written") }
    done += count
  }
}
