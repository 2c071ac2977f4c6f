import ByteIO
import Comparison
import JSONText
import Naming

/// Which tolerance holds for which tensor: that of the last pattern that its name matches.
struct ToleranceTable {
  private struct Entry {
    let glob: Glob
    let tolerance: Tolerance
  }

  private var base: Tolerance
  private var entries: [Entry] = []
  /// Of those from the command line: a pattern that matches nothing is a slip.
  private var given: [Glob] = []

  /// - Throws: when a bound or the file of tolerances is not as it should be.
  init(_ options: DifferenceOptions) throws {
    base = Tolerance(
      nanEqualsNaN: options.nanEqualsNaN, typesMayDiffer: options.typesMayDiffer)
    if let path = options.tolerancesPath { try read(path, options.rule) }
    if options.absolute != nil || options.relative != nil {
      base.rule = options.rule.rule(options.absolute ?? 0, options.relative ?? 0)
    }
    for text in options.tolerances { try add(text, options.rule) }
  }

  func tolerance(for name: String) -> Tolerance {
    entries.last { $0.glob.matches(name) }?.tolerance ?? base
  }

  /// - Throws: when a pattern of the command line matches none of the tensors.
  func check(_ names: [String]) throws {
    for glob in given where !names.contains(where: { glob.matches($0) }) {
      throw PipelineError.badOption(
        name: "--tolerance", reason: "no tensor is called '\(glob.pattern)'")
    }
  }

  /// Adds `GLOB=ATOL,RTOL`, where words may follow: `sum`, `either`, `equal-nan`.
  private mutating func add(_ text: String, _ rule: ToleranceRule) throws {
    func refuse() -> PipelineError {
      .badOption(
        name: "--tolerance",
        reason: "'\(text)' is not GLOB=ATOL,RTOL, like '*.weight=1e-6,1e-4'; behind the numbers "
          + "may stand sum, either and equal-nan")
    }
    guard let equals = text.lastIndex(of: "="), equals > text.startIndex else { throw refuse() }
    let words = text[text.index(after: equals)...].split(
      separator: ",", omittingEmptySubsequences: false)
    guard words.count >= 2, let absolute = Double(words[0]), let relative = Double(words[1]),
      absolute.isFinite, relative.isFinite, absolute >= 0, relative >= 0
    else { throw refuse() }
    var rule = rule
    var tolerance = base
    for word in words.dropFirst(2) {
      switch word {
      case "sum": rule = .sum
      case "either": rule = .either
      case "equal-nan": tolerance.nanEqualsNaN = true
      default: throw refuse()
      }
    }
    tolerance.rule = rule.rule(absolute, relative)
    let glob = Glob(String(text[..<equals]))
    entries.append(Entry(glob: glob, tolerance: tolerance))
    given.append(glob)
  }

  /// Reads `{"default": {…}, "tensors": {GLOB: {…}, …}}`.
  private mutating func read(_ path: String, _ rule: ToleranceRule) throws {
    let file = lastComponent(of: path)
    let document = try readJSON(path)
    guard let object = document.objectValue else {
      throw PipelineError.badSetting(file: file, key: "", expected: "a JSON object")
    }
    for (key, value) in object.members {
      switch key {
      case "default": base = try tolerance(value, key, file, rule)
      case "tensors": break
      default:
        throw PipelineError.badSetting(
          file: file, key: key, expected: "one of default, tensors")
      }
    }
    guard let tensors = object["tensors"] else { return }
    guard let members = tensors.objectValue?.members else {
      throw PipelineError.badSetting(
        file: file, key: "tensors", expected: "an object of patterns and their tolerances")
    }
    for (pattern, value) in members {
      entries.append(
        Entry(glob: Glob(pattern), tolerance: try tolerance(value, pattern, file, rule)))
    }
  }

  private func tolerance(
    _ value: JSONValue, _ key: String, _ file: String, _ rule: ToleranceRule
  ) throws -> Tolerance {
    func refuse(_ expected: String) -> PipelineError {
      .badSetting(file: file, key: key, expected: expected)
    }
    guard let members = value.objectValue?.members else { throw refuse("an object of bounds") }
    var rule = rule
    var tolerance = base
    var bounds: [String: Double] = [:]
    for (name, value) in members {
      switch name {
      case "atol", "rtol", "of_largest":
        guard let number = value.doubleValue, number.isFinite, number >= 0 else {
          throw refuse("with a number of at least 0 as '\(name)'")
        }
        bounds[name] = number
      case "rule":
        guard let named = value.stringValue.flatMap(ToleranceRule.init) else {
          throw refuse("with a 'rule' that is sum or either")
        }
        rule = named
      case "equal_nan":
        guard let flag = value.boolValue else { throw refuse("with true or false as 'equal_nan'") }
        tolerance.nanEqualsNaN = flag
      default:
        throw refuse("made of atol, rtol, of_largest, rule and equal_nan alone ('\(name)')")
      }
    }
    if let factor = bounds["of_largest"] {
      guard bounds["rtol"] == nil else { throw refuse("with either rtol or of_largest") }
      tolerance.rule = .relativeToMaximum(factor, absolute: bounds["atol"] ?? 0)
    } else if bounds["atol"] != nil || bounds["rtol"] != nil {
      tolerance.rule = rule.rule(bounds["atol"] ?? 0, bounds["rtol"] ?? 0)
    }
    return tolerance
  }
}

extension ToleranceRule {
  fileprivate func rule(_ absolute: Double, _ relative: Double) -> Tolerance.Rule {
    switch self {
    case .sum: .bounds(absolute: absolute, relative: relative)
    case .either: .either(absolute: absolute, relative: relative)
    }
  }
}
