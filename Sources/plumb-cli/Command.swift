import Naming

/// One verb of the program: what it takes, and what it does.
struct Command: Sendable {
  let name: String
  /// One line, for the list of verbs.
  let summary: String
  let operands: [Operand]
  let options: [Option]
  /// Examples and remarks, shown at the end of the help.
  let notes: String
  let run: @Sendable (Arguments) throws -> ExitStatus

  /// A word without a dash.
  struct Operand: Sendable {
    let name: String
    let help: String
    var isOptional = false
    /// Whether any number of words may stand for it; the last operand only.
    var isRepeatable = false
  }

  struct Option: Sendable {
    /// With its dashes: `--output`.
    let name: String
    var short: String?
    /// What stands for the value in the help; nil for a switch.
    var value: String?
    let help: String
    var isRepeatable = false
  }
}

/// What the program tells the shell.
enum ExitStatus: Int32 {
  case good = 0
  /// A comparison differs.
  case differs = 1
  /// Unusable input or usage.
  case unusable = 2
}

/// A command line that does not fit the command.
struct UsageError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

/// The words of a command line, sorted by what they are.
struct Arguments {
  private var values: [String: [String]] = [:]
  private(set) var operands: [String] = []
  private(set) var wantsHelp = false

  /// Sorts the words behind the verb.
  ///
  /// - Throws: `UsageError` for an unknown option (with the nearest known one), a missing or
  ///   superfluous value, an option given twice, too many or too few operands.
  init(_ words: [String], for command: Command) throws {
    var rest = words[...]
    var endsOptions = false
    while let word = rest.popFirst() {
      if endsOptions || !word.hasPrefix("-") || word == "-" {
        operands.append(word)
      } else if word == "--" {
        endsOptions = true
      } else if word == "--help" || word == "-h" {
        wantsHelp = true
        return
      } else {
        try take(word, &rest, command)
      }
    }
    try checkOperands(command)
  }

  private mutating func take(
    _ word: String, _ rest: inout ArraySlice<String>, _ command: Command
  ) throws {
    let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let name = String(parts[0])
    guard let option = command.options.first(where: { $0.name == name || $0.short == name })
    else {
      let known = ["--help"] + command.options.map(\.name)
      let near = nearestName(to: name, among: known).map { "; did you mean \($0)?" } ?? ""
      throw UsageError("there is no option \(name)\(near)")
    }
    if values[option.name] != nil, !option.isRepeatable {
      throw UsageError("\(option.name) is given twice")
    }
    guard let placeholder = option.value else {
      guard parts.count == 1 else { throw UsageError("\(option.name) takes no value") }
      values[option.name] = []
      return
    }
    if parts.count == 2 {
      values[option.name, default: []].append(String(parts[1]))
    } else if let value = rest.popFirst() {
      values[option.name, default: []].append(value)
    } else {
      throw UsageError("\(option.name) needs a value: \(option.name) \(placeholder)")
    }
  }

  private func checkOperands(_ command: Command) throws {
    let required = command.operands.filter { !$0.isOptional }
    if operands.count < required.count {
      throw UsageError("\(required[operands.count].name) is missing")
    }
    if let empty = operands.firstIndex(of: ""), empty < command.operands.count {
      throw UsageError("\(command.operands[empty].name) is empty")
    }
    if operands.count > command.operands.count, command.operands.last?.isRepeatable != true {
      throw UsageError("'\(operands[command.operands.count])' is one word too many")
    }
  }

  func has(_ option: String) -> Bool { values[option] != nil }

  func value(_ option: String) -> String? { values[option]?.last }

  func all(_ option: String) -> [String] { values[option] ?? [] }

  /// The value of an option that must be given.
  func required(_ option: String) throws -> String {
    guard let value = value(option) else { throw UsageError("\(option) is missing") }
    guard !value.isEmpty else { throw UsageError("\(option) is empty") }
    return value
  }

  /// A whole number within `range`; nil when the option is not given.
  func integer(_ option: String, in range: ClosedRange<Int>) throws -> Int? {
    guard let text = value(option) else { return nil }
    guard let number = Int(text), range.contains(number) else {
      let bound =
        range.upperBound == .max
        ? "from \(range.lowerBound) on" : "from \(range.lowerBound) to \(range.upperBound)"
      throw UsageError("\(option) takes a whole number \(bound), not '\(text)'")
    }
    return number
  }

  /// A finite number of at least `minimum`; nil when the option is not given.
  func number(_ option: String, atLeast minimum: Double) throws -> Double? {
    guard let text = value(option) else { return nil }
    guard let number = Double(text), number.isFinite, number >= minimum else {
      let bound = minimum == minimum.rounded() ? "\(Int(minimum))" : "\(minimum)"
      throw UsageError("\(option) takes a number of at least \(bound), not '\(text)'")
    }
    return number
  }
}

extension Command {
  /// The text of `plumb VERB --help`.
  var help: String {
    var usage = "usage: plumb \(name)"
    for operand in operands {
      let name = operand.name + (operand.isRepeatable ? "…" : "")
      usage += operand.isOptional ? " [\(name)]" : " \(name)"
    }
    if !options.isEmpty { usage += " [options]" }
    var lines = [usage, "", summary]
    let rows =
      operands.map { ($0.name, $0.help) }
      + options.map { option in
        let names = [option.short, option.name].compactMap { $0 }.joined(separator: ", ")
        return (names + (option.value.map { " \($0)" } ?? ""), option.help)
      } + [("-h, --help", "this text")]
    let width = min(rows.map(\.0.count).max() ?? 0, 28)
    lines.append("")
    for (left, right) in rows {
      let helpLines = right.split(separator: "\n", omittingEmptySubsequences: false)
      let pad = String(repeating: " ", count: max(0, width - left.count))
      if left.count > width {
        lines.append("  " + left)
        lines.append(contentsOf: helpLines.map { String(repeating: " ", count: width + 4) + $0 })
      } else {
        lines.append("  " + left + pad + "  " + helpLines[0])
        lines.append(
          contentsOf: helpLines.dropFirst().map { String(repeating: " ", count: width + 4) + $0 })
      }
    }
    if !notes.isEmpty { lines += ["", notes] }
    return lines.joined(separator: "\n")
  }
}
