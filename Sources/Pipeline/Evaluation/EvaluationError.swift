/// What can be wrong with an evaluation. Every description is one sentence for people.
enum EvaluationError: Error, Equatable, CustomStringConvertible {
  /// `place` says where in the manifest: "annotations[3]", "line 7".
  case manifest(file: String, place: String, reason: String)
  case occupied(folder: String)
  case noRun(folder: String)
  case otherSettings(folder: String, differences: [String])
  case damagedRun(file: String, reason: String)
  case shards(reason: String)
  case map(file: String, reason: String)

  var description: String {
    switch self {
    case .manifest(let file, let place, let reason): "\(file), \(place): \(reason)"
    case .occupied(let folder):
      "\(folder) has the results of an evaluation; go on with it by --resume or name another folder"
    case .noRun(let folder):
      "\(folder) holds no evaluation: it has no \(EvaluationFolder.settingsName)"
    case .otherSettings(let folder, let differences):
      "\(folder) was begun otherwise and cannot be gone on with: "
        + differences.joined(separator: "; ")
    case .damagedRun(let file, let reason): "\(file): \(reason)"
    case .shards(let reason): "--merge: \(reason)"
    case .map(let file, let reason): "\(file) cannot be judged: \(reason)"
    }
  }
}
