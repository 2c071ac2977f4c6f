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
  /// Of those from the file, which may serve several comparisons.
  private var read: [Glob] = []

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

  /// - Returns: the file's patterns that match none of the tensors.
  /// - Throws: when a pattern of the command line matches none.
  func unused(_ names: [String]) throws -> [String] {
    func isUnused(_ glob: Glob) -> Bool { !names.contains { glob.matches($0) } }
    if let glob = given.first(where: isUnused) {
      throw PipelineError.noTensor(option: "--tolerance", pattern: glob.pattern, among: names)
    }
    return read.filter(isUnused).map(\.pattern)
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
      throw PipelineError.unsupportedFile(
        file: file, expected: "a JSON object with 'default', 'tensors' or both")
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
      let glob = Glob(pattern)
      entries.append(Entry(glob: glob, tolerance: try tolerance(value, pattern, file, rule)))
      read.append(glob)
    }
  }

  private func tolerance(
    _ value: JSONValue, _ key: String, _ file: String, _ rule: ToleranceRule
  ) throws -> Tolerance {
    func refuse(_ reason: String) -> PipelineError {
      .badSetting(file: file, key: key, expected: "a tolerance: " + reason)
    }
    guard let members = value.objectValue?.members else {
      throw refuse("it should be an object such as {\"atol\": 1e-5, \"rtol\": 1e-4}")
    }
    var rule = rule
    var tolerance = base
    var bounds: [String: Double] = [:]
    for (name, value) in members {
      switch name {
      case "atol", "rtol", "of_largest":
        guard let number = value.doubleValue, number.isFinite, number >= 0 else {
          throw refuse("its '\(name)' should be a number of at least 0")
        }
        bounds[name] = number
      case "rule":
        guard let named = value.stringValue.flatMap(ToleranceRule.init) else {
          throw refuse("its 'rule' should be sum or either")
        }
        rule = named
      case "equal_nan":
        guard let flag = value.boolValue else {
          throw refuse("its 'equal_nan' should be true or false")
        }
        tolerance.nanEqualsNaN = flag
      default:
        let known = ["atol", "rtol", "of_largest", "rule", "equal_nan"]
        let near = nearestName(to: name, among: known).map { "; did you mean '\($0)'?" } ?? ""
        throw refuse(
          "it has '\(name)', which is none of " + known.joined(separator: ", ") + near)
      }
    }
    if let factor = bounds["of_largest"] {
      guard bounds["rtol"] == nil else { throw refuse("it should have either rtol or of_largest") }
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
