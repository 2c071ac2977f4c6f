import Comparison
import JSONText
import TensorBase

// The result for programs: JSON and JUnit's XML.

extension LayerwiseVerification {
  /// One JSON object.
  public var jsonText: String {
    JSONValue.object([
      "passed": .bool(passed), "cases": .array(cases.map(\.json)),
      "skipped": .array(skipped.map { .string($0) }),
      "replay": replay.map { replay in
        .object([
          "folder": .string(replay.folder), "case": .string(replay.caseName),
          "value": .string(replay.value), "inputs": .string(replay.isOwn ? "golden" : "computed"),
        ])
      } ?? .null,
    ]).text(indent: 2)
  }

  /// JUnit's XML: two suites a case, `own` and `drift`, with a test for each value.
  public var junitText: String {
    junitXML(
      "plumb verify --layerwise",
      cases.flatMap(\.suites)
        + skipped.map { name in
          JUnitSuite(
            name: name,
            cases: [
              .init(
                name: "layers", failure: nil,
                skipped: "a whole run of the method, which has no layers")
            ])
        })
  }
}

extension LayerwiseVerification.Case {
  fileprivate var json: JSONValue {
    func name(_ layer: LayerwiseVerification.Layer?) -> JSONValue {
      layer.map { .string($0.name) } ?? .null
    }
    return .object([
      "case": .string(self.name), "graph": .string(graph), "passed": .bool(passed),
      "first_held": name(firstHeld), "first_own": name(firstOwn), "first_drift": name(firstDrift),
      "unknown": .array(unknown.map { .string($0) }),
      "assumed_inputs": .array(assumed.map { .string($0) }),
      "stray_inputs": .array(stray.map { .string($0) }),
      "layers": .array(layers.map(\.json)),
    ])
  }

  fileprivate var suites: [JUnitSuite] {
    let own = layers.map { layer in
      JUnitSuite.Case(
        name: layer.name, failure: .init(layer.own, more: layer.nodes.isEmpty ? [] : layer.account))
    }
    let drift = layers.filter { $0.role == .computed }.map { layer in
      let failure: JUnitSuite.Failure? =
        if let drift = layer.drift {
          .init(drift)
        } else {
          .init(
            kind: "shape", message: "\(layer.name): what it is computed from has another shape.")
        }
      return JUnitSuite.Case(name: layer.name, failure: failure)
    }
    let others = unknown.map {
      JUnitSuite.Case(name: $0, failure: nil, skipped: "the graph has no such value")
    }
    return [
      JUnitSuite(name: "\(name) own", cases: own + others),
      JUnitSuite(name: "\(name) drift", cases: drift),
    ]
  }
}

extension LayerwiseVerification.Layer {
  fileprivate var json: JSONValue {
    .object([
      "name": .string(name), "role": .string(role.rawValue), "passed": .bool(passed),
      "nodes": .array(nodes.map(\.json)),
      "takes": .array(
        takes.map { item in
          .object([
            "name": .string(item.name), "role": .string(item.role.rawValue),
            "type": .string(item.fact.type.rawValue),
            "shape": .array(item.fact.shape.dimensions.map { .integer(Int64($0)) }),
          ])
        }),
      "own": own.json, "drift": drift?.json ?? .null,
    ])
  }
}
