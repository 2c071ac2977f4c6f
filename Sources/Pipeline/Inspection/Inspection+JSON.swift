import GraphIR
import JSONText
import TensorBase

extension Inspection {
  /// The file for programs: one JSON object.
  ///
  /// - Parameter listsTensors: adds `tensors`.
  public func jsonText(listsTensors: Bool = false) -> String {
    var object: JSONObject = [
      "file": .string(file), "format": .string(format),
      "graphs": .array(graphs.map(\.json)),
      "storage": .array(
        storage.map { row in
          .object([
            "type": .string(row.type.rawValue), "tensors": integer(row.count),
            "elements": integer(row.elements), "raw_bytes": integer(row.raw),
            "stored_bytes": integer(row.stored),
          ])
        }),
      "parameters": integer(tensors.reduce(0) { $0 + $1.shape.count }),
      "components": .object(components), "provenance": .object(provenance),
      "tokenizer": .bool(hasTokenizer), "scheduler": .bool(hasScheduler),
    ]
    if let byteCount { object["bytes"] = integer(byteCount) }
    if let identity { object["identity"] = .string(identity) }
    if !metadata.isEmpty {
      var members = JSONObject()
      for key in metadata.keys.sorted() { members[key] = metadata[key].map { .string($0) } }
      object["metadata"] = .object(members)
    }
    if listsTensors { object["tensors"] = .array(tensors.map(\.json)) }
    return JSONValue.object(object).text(indent: 2)
  }
}

extension TensorInspection {
  fileprivate var json: JSONValue {
    .object([
      "name": .string(name), "type": .string(type.rawValue),
      "stored_type": .string(storedType.rawValue), "shape": list(shape.dimensions),
      "raw_bytes": integer(byteCount), "stored_bytes": integer(storedByteCount),
    ])
  }
}

extension GraphInspection {
  fileprivate var json: JSONValue {
    var counts = JSONObject()
    for (name, count) in ops { counts[name] = integer(count) }
    return .object([
      "name": .string(name),
      "inputs": .array(
        inputs.map { input in
          .object([
            "name": .string(input.name), "type": .string(input.type.rawValue),
            "shape": input.dimensions.map { dimensions in
              .array(
                dimensions.map { dimension in
                  switch dimension {
                  case .size(let size): integer(size)
                  case .symbol(let symbol): .string(symbol)
                  }
                })
            } ?? .null,
          ])
        }),
      "outputs": .array(
        outputs.map { output in
          .object([
            "name": .string(output.name),
            "example_shape": output.shape.map { list($0.dimensions) } ?? .null,
          ])
        }),
      "nodes": integer(nodeCount), "ops": .object(counts), "parameters": integer(parameterCount),
      "taps": .array(taps.map(\.json)),
    ])
  }
}

extension GraphInspection.Tap {
  fileprivate var json: JSONValue {
    .object([
      "name": .string(name), "kind": .string(kind.rawValue), "heads": integer(heads),
      "queries": queries.map(integer) ?? .null, "keys": keys.map(integer) ?? .null,
    ])
  }
}

private func integer(_ number: Int) -> JSONValue { .integer(Int64(number)) }

private func list(_ numbers: [Int]) -> JSONValue { .array(numbers.map(integer)) }
