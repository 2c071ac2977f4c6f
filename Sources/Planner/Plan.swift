import GraphIR
import TensorBase

/// Where every value of a graph lives while it runs: a pure function of the shaped graph.
///
/// Values computed by nodes lie in one arena, whose size is known before anything runs; two of
/// them share bytes when no moment needs both.
package struct Plan: Sendable {
  package enum Place: Hashable, Sendable {
    /// Given from outside: a graph input, a weight, a constant.
    case outside
    /// From this byte of the arena on.
    case arena(offset: Int)
    /// The elements of another value, which is outside, under another shape.
    case same(ValueID)
  }

  /// By value.
  package let places: [Place]
  /// Bytes of the arena.
  package let arenaByteCount: Int

  /// Every value starts at a multiple of this many bytes.
  package static let alignment = 64

  /// Plans the run of a graph whose nodes stand in running order.
  package init(_ shaped: ShapedGraph) {
    let buffers = Buffers(shaped)
    let offsets = place(buffers.list)
    places = buffers.byValue.enumerated().map { index, buffer in
      switch buffer {
      case .none: .outside
      case .own(let number): .arena(offset: offsets[number])
      case .same(let id): .same(id)
      }
    }
    arenaByteCount =
      zip(offsets, buffers.list).map { $0 + $1.byteCount }.max() ?? 0
  }
}

/// A stretch of the arena and the nodes between which it is in use, both included.
package struct Buffer: Hashable, Sendable {
  package var byteCount: Int
  package var first: Int
  package var last: Int

  package init(byteCount: Int, first: Int, last: Int) {
    self.byteCount = byteCount
    self.first = first
    self.last = last
  }
}

/// Which values share a buffer, and for how long each buffer is in use.
private struct Buffers {
  enum Assignment {
    case none
    case own(Int)
    case same(ValueID)
  }

  private(set) var list: [Buffer] = []
  private(set) var byValue: [Assignment]

  init(_ shaped: ShapedGraph) {
    let graph = shaped.graph
    byValue = [Assignment](repeating: .none, count: graph.values.count)
    var lastUses = [Int](repeating: -1, count: graph.values.count)
    for (index, node) in graph.nodes.enumerated() {
      for case let input? in node.inputs { lastUses[input.index] = index }
    }
    for output in graph.outputs { lastUses[output.index] = graph.nodes.count }

    for (index, node) in graph.nodes.enumerated() {
      for (position, output) in node.outputs.enumerated() {
        guard let output else { continue }
        let last = max(lastUses[output.index], index)
        switch sharing(node, position, shaped, at: index) {
        case .own(let number):
          byValue[output.index] = .own(number)
          list[number].last = max(list[number].last, last)
        case .same(let id): byValue[output.index] = .same(id)
        case .none:
          byValue[output.index] = .own(list.count)
          list.append(
            Buffer(byteCount: aligned(shaped[output].byteCount), first: index, last: last))
        }
      }
    }
  }

  /// What an output may share: a reshape its input's elements; an elementwise node the memory of
  /// an operand that is of the same size and not needed afterwards.
  private func sharing(
    _ node: Node, _ position: Int, _ shaped: ShapedGraph, at index: Int
  ) -> Assignment {
    switch node.op {
    case .reshape:
      guard let input = node.inputs[0] else { return .none }
      if case .none = byValue[input.index] { return .same(input) }
      return byValue[input.index]
    case .unary, .binary, .clamp:
      guard let output = node.outputs[position] else { return .none }
      for case let input? in node.inputs {
        if case .own(let number) = byValue[input.index], shaped[input] == shaped[output],
          isLastUse(of: number, shaped.graph, at: index)
        {
          return .own(number)
        }
      }
      return .none
    case .select, .convolution, .linear, .packWeight, .packScaledWeight, .matMul, .attention,
      .groupNorm, .layerNorm,
      .softmax, .gated, .gatedLinear, .upsampleNearest, .gather, .transpose, .concat, .slice,
      .prefix, .pad, .cast, .reduce, .identity, .arithmetic, .indexing, .imaging, .sequence,
      .dynamic, .call:
      return .none
    }
  }

  /// Whether no value in the buffer is needed after node `index`.
  private func isLastUse(of number: Int, _ graph: Graph, at index: Int) -> Bool {
    list[number].last <= index
  }
}

private func aligned(_ byteCount: Int) -> Int {
  (max(byteCount, 1) + Plan.alignment - 1) / Plan.alignment * Plan.alignment
}

/// Offsets for the buffers: largest first, each at the lowest place that is free for as long as it
/// is in use.
package func place(_ buffers: [Buffer]) -> [Int] {
  var offsets = [Int](repeating: 0, count: buffers.count)
  var placed: [Int] = []
  let order = buffers.indices.sorted {
    (buffers[$1].byteCount, $0) < (buffers[$0].byteCount, $1)
  }
  for index in order {
    let buffer = buffers[index]
    var offset = 0
    // `placed` is sorted by offset: the first gap that is large enough wins.
    for other in placed
    where buffers[other].first <= buffer.last && buffer.first <= buffers[other].last {
      if offset + buffer.byteCount <= offsets[other] { break }
      offset = max(offset, offsets[other] + buffers[other].byteCount)
    }
    offsets[index] = offset
    let position = placed.firstIndex { offsets[$0] > offset } ?? placed.count
    placed.insert(index, at: position)
  }
  return offsets
}
