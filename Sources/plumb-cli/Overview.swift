import Naming
import Pipeline

/// What the program can do, in the order in which one meets it.
let verbs = [
  convertCommand, inspectCommand, runCommand, groundCommand, evalCommand, diffCommand,
  verifyCommand, benchCommand,
]

/// The text of `plumb --help`.
var overview: String {
  let width = verbs.map(\.name.count).max() ?? 0
  let list = verbs.map { command in
    "  " + command.name + String(repeating: " ", count: width - command.name.count + 2)
      + command.summary
  }
  return """
    plumb converts released model checkpoints once into one compact file, runs it without Python,
    and shows by its cross-attention where in an image is what a phrase speaks of.

    usage: plumb VERB …

    \(list.joined(separator: "\n"))

    plumb VERB --help says more of one. Exit status: 0 good, 1 a comparison differs, 2 unusable
    input or usage.
    """
}

func nearest(_ verb: String) -> String? { nearestName(to: verb, among: verbs.map(\.name)) }
