/// What can be wrong with what grounding is given. Every description is one sentence for people.
package enum GroundingError: Error, Equatable, CustomStringConvertible {
  /// A scheduler setting asks for something that is not implemented.
  case unsupportedSetting(key: String, value: String, supported: String)
  /// A scheduler setting has a value outside its range.
  case invalidSetting(key: String, value: String, expected: String)
  /// The number of inference steps does not fit the schedule.
  case unusableSteps(steps: Int, reason: String)
  /// A timestep outside the schedule.
  case timestepOutOfRange(timestep: Int, trainingSteps: Int)
  /// A buffer has another length than its sizes say.
  case countMismatch(what: String, found: Int, expected: Int)
  /// Two things that must be of one size are not.
  case sizeMismatch(what: String, found: String, expected: String)
  /// A NaN or an infinity in the input.
  case notFinite(what: String, index: Int)
  /// A step, layer or token number that the record does not have.
  case outOfRange(what: String, index: Int, count: Int)
  /// Nothing is selected where at least one is needed.
  case nothingSelected(what: String)
  /// A tap whose side does not divide the side of the map.
  case layerSide(layer: Int, height: Int, width: Int, side: Int)
  /// The same tap was added twice.
  case repeatedTap(layer: Int, step: Int)
  /// The maps were asked for before all taps were there.
  case missingTaps(added: Int, expected: Int)
  /// A map whose smallest and largest value are the same: it points nowhere.
  case flatMap(GroundingMap)
  /// An image too small to be compared.
  case imageTooSmall(height: Int, width: Int, minimum: Int)
  /// A ground truth that covers nothing or everything: it has no inside or no outside.
  case degenerateGroundTruth(foreground: Int, pixels: Int)

  package var description: String {
    switch self {
    case .unsupportedSetting(let key, let value, let supported):
      "Scheduler setting \(key) = \(value) is not supported; supported: \(supported)."
    case .invalidSetting(let key, let value, let expected):
      "Scheduler setting \(key) = \(value) is not usable; expected \(expected)."
    case .unusableSteps(let steps, let reason):
      "\(steps) inference steps cannot be run with this schedule: \(reason)."
    case .timestepOutOfRange(let timestep, let trainingSteps):
      "Timestep \(timestep) is outside the schedule of \(trainingSteps) training steps."
    case .countMismatch(let what, let found, let expected):
      "\(what) has \(found) values; expected \(expected)."
    case .sizeMismatch(let what, let found, let expected):
      "\(what) has size \(found); expected \(expected)."
    case .notFinite(let what, let index):
      "\(what) holds NaN or infinity at position \(index); the run that made it went wrong."
    case .outOfRange(let what, let index, let count):
      "There is no \(what) \(index); the record has \(count), counted from 0."
    case .nothingSelected(let what):
      "No \(what) is selected; at least one is needed."
    case .layerSide(let layer, let height, let width, let side):
      "The tap of layer \(layer) is \(height)×\(width), which cannot be repeated to the map's"
        + " \(side)×\(side); the side must be a divisor."
    case .repeatedTap(let layer, let step):
      "The tap of layer \(layer) at step \(step) was added twice."
    case .missingTaps(let added, let expected):
      "Only \(added) of \(expected) taps were added before the maps were asked for."
    case .flatMap(let map):
      "The \(map.rawValue) is flat (its smallest and largest value are the same), so it points"
        + " nowhere in the image."
    case .imageTooSmall(let height, let width, let minimum):
      "An image of \(height)×\(width) is too small to be compared; each side needs at least"
        + " \(minimum) pixels."
    case .degenerateGroundTruth(let foreground, let pixels):
      "The ground truth marks \(foreground) of \(pixels) pixels; scores need both an inside and"
        + " an outside."
    }
  }
}

/// The maps that grounding makes, as errors name them.
package enum GroundingMap: String, Sendable {
  case activation = "activation map"
  case imageBias = "image bias"
  case textBias = "text bias"
  case merged = "merged map"
  case result = "grounding map"
}
