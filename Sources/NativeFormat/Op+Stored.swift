import GraphIR
import JSONText

extension Op {
  /// The op as the index writes it: its name there, and its attributes. Precondition: it is no op of
  /// shaped graphs, which are not stored.
  package var stored: (name: String, attributes: JSONObject) { (storedName, attributes) }
}
