/// How a case went under one runtime.
enum Outcome: Equatable {
  case passed
  /// A clear sentence at load, before anything ran.
  case refused(String)
  /// An error while running.
  case failed(String)
  /// Other values, types or shapes than expected.
  case wrong(String)
  /// The process died, or never came back.
  case crashed(String)

  /// As workers write it and the lists have it.
  var kind: String {
    switch self {
    case .passed: "passed"
    case .refused: "refused"
    case .failed: "failed"
    case .wrong: "wrong"
    case .crashed: "crashed"
    }
  }

  var sentence: String {
    switch self {
    case .passed: ""
    case .refused(let text), .failed(let text), .wrong(let text), .crashed(let text): text
    }
  }

  init?(kind: String, sentence: String) {
    switch kind {
    case "passed": self = .passed
    case "refused": self = .refused(sentence)
    case "failed": self = .failed(sentence)
    case "wrong": self = .wrong(sentence)
    case "crashed": self = .crashed(sentence)
    default: return nil
    }
  }
}

/// A case under a runtime.
struct Unit: Hashable {
  let suite: Suite
  let name: String
  let runtime: Runtime

  var text: String { "\(suite.rawValue)\t\(name)\t\(runtime.rawValue)" }

  init(_ suite: Suite, _ name: String, _ runtime: Runtime) {
    (self.suite, self.name, self.runtime) = (suite, name, runtime)
  }

  init?(_ fields: [String]) {
    guard fields.count >= 3, let suite = Suite(rawValue: fields[0]),
      let runtime = Runtime(rawValue: fields[2])
    else { return nil }
    self.init(suite, fields[1], runtime)
  }
}

/// What a model is about, told by its file alone.
struct About {
  /// The one node's operator; nil when there are several nodes.
  let op: String?
  let opset: Int
  /// Why the case is outside the scope; nil when it is inside.
  let outside: String?

  var text: String { "\(op ?? "-")\t\(opset)\t\(outside ?? "-")" }

  init(op: String?, opset: Int, outside: String?) {
    (self.op, self.opset, self.outside) = (op, opset, outside)
  }

  init?(_ fields: [String]) {
    guard fields.count == 3, let opset = Int(fields[1]) else { return nil }
    self.init(
      op: fields[0] == "-" ? nil : fields[0], opset: opset,
      outside: fields[2] == "-" ? nil : fields[2])
  }
}

func tabFields(_ line: Substring) -> [String] {
  line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
}

/// On one line, without tabs.
func oneLine(_ text: String) -> String {
  String(text.map { $0.isNewline || $0 == "\t" ? " " : $0 })
}
