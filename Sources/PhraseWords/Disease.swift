import Naming

/// The findings by which words can be chosen, with the strings that name each.
///
/// The classes are those of the MS-CXR benchmark; the strings are the reference method's.
package enum Disease: String, CaseIterable, Sendable {
  case atelectasis = "Atelectasis"
  case cardiomegaly = "Cardiomegaly"
  case consolidation = "Consolidation"
  case edema = "Edema"
  case lungOpacity = "Lung Opacity"
  case pleuralEffusion = "Pleural Effusion"
  case pneumonia = "Pneumonia"
  case pneumothorax = "Pneumothorax"

  /// What a word must contain, in lower case, to belong to the class.
  package var terms: [String] {
    switch self {
    case .atelectasis: ["atelectasis", "atelectatic"]
    case .cardiomegaly: ["cardiomegaly", "cardiac"]
    case .consolidation: ["consolidation", "consolidations", "consolidative"]
    case .edema: ["edema"]
    case .lungOpacity: ["opacity", "opacities", "opacification"]
    case .pleuralEffusion: ["pleural", "effusion", "effusions"]
    case .pneumonia: ["pneumonia"]
    case .pneumothorax: ["pneumothorax", "pneumothoraces"]
    }
  }

  /// The class of that name, whatever its case and whether its words are joined by a blank, `-`,
  /// `_` or nothing.
  package init(named name: String) throws(PhraseError) {
    let plain = Self.plain(name)
    for disease in Self.allCases where Self.plain(disease.rawValue) == plain {
      self = disease
      return
    }
    throw .unknownDisease(
      name, nearest: nearestName(to: name.lowercased(), among: Self.allCases.map(\.rawValue)))
  }

  private static func plain(_ name: String) -> String {
    name.lowercased().filter { $0 != " " && $0 != "-" && $0 != "_" }
  }
}
