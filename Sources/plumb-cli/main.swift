import ByteIO
import Pipeline

let status = runProgram(Array(CommandLine.arguments.dropFirst()))
guard flushStandardOutput() else {
  printError("plumb: standard output does not take the result; is its disk full?")
  exitProgram(.unusable)
}
exitProgram(status)

/// Runs one verb; all errors end here, as one sentence.
func runProgram(_ words: [String]) -> ExitStatus {
  guard let first = words.first else {
    printError(overview)
    return .unusable
  }
  if first == "--help" || first == "-h" || first == "help" && words.count == 1 {
    print(overview)
    return .good
  }
  if first == "--version" {
    print("plumb \(plumbVersion)")
    return .good
  }
  let name = first == "help" ? words[1] : first
  guard let command = verbs.first(where: { $0.name == name }) else {
    let near = nearest(name).map { "; did you mean '\($0)'?" } ?? ""
    printError("plumb: there is no verb '\(name)'\(near) (plumb --help lists them)")
    return .unusable
  }
  do {
    let arguments = try Arguments(
      first == "help" ? ["--help"] : Array(words.dropFirst()), for: command)
    if arguments.wantsHelp {
      print(command.help)
      return .good
    }
    return try command.run(arguments)
  } catch let error as UsageError {
    printError("plumb \(name): \(error) (plumb \(name) --help)")
    return .unusable
  } catch {
    printError("plumb \(name): \(sentence(error))")
    return .unusable
  }
}

/// An error's text on one line, without the full stop that some end with.
func sentence(_ error: any Error) -> String {
  let text = "\(error)".split(whereSeparator: \.isNewline).joined(separator: " ")
  return text.hasSuffix(".") && !text.hasSuffix("..") ? String(text.dropLast()) : text
}
