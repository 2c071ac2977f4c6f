import GraphIR
import JSONText

/// Where the time of a graph's runs went, node by node.
public struct Profile: Sendable {
  /// One node's share.
  public struct Entry: Sendable {
    /// The node's name, or the op's where nodes are added up.
    public let name: String
    /// The op's name.
    public let op: String
    /// Of one run, on average.
    public let seconds: Double
    /// Of one run, 2 per multiply-add, of products and convolutions.
    public let flop: Double
    /// What the node reads and writes, weights included.
    public let byteCount: Int
    /// Nodes that the entry stands for.
    public let calls: Int
  }

  /// In running order.
  public let nodes: [Entry]
  /// The last run: when each node began and how long it took, in seconds from the run's start.
  let spans: [(start: Double, duration: Double)]

  /// Nodes added up by op, the costliest first.
  public var byOp: [Entry] {
    Dictionary(grouping: nodes, by: \.op).map { op, nodes in
      Entry(
        name: op, op: op, seconds: nodes.reduce(0) { $0 + $1.seconds },
        flop: nodes.reduce(0) { $0 + $1.flop }, byteCount: nodes.reduce(0) { $0 + $1.byteCount },
        calls: nodes.count)
    }.sorted { ($1.seconds, $0.name) < ($0.seconds, $1.name) }
  }

  /// A table per op and, if wanted, one per node, the costliest first.
  public func text(listsNodes: Bool) -> String {
    var text = table(byOp)
    if listsNodes { text += "\n\n" + table(nodes.sorted { $0.seconds > $1.seconds }) }
    return text
  }

  private func table(_ entries: [Entry]) -> String {
    let total = max(nodes.reduce(0) { $0 + $1.seconds }, .leastNonzeroMagnitude)
    let isByOp = entries.count < nodes.count
    let rows =
      [["op", isByOp ? "calls" : "node", "ms", "share", "GFLOP", "GFLOP/s", "MB"]]
      + entries.map { entry in
        [
          entry.op, isByOp ? "\(entry.calls)" : entry.name, rounded(entry.seconds * 1e3, 2),
          rounded(entry.seconds / total * 100, 1) + " %",
          entry.flop > 0 ? rounded(entry.flop / 1e9, 2) : "",
          entry.flop > 0 ? rounded(entry.flop / entry.seconds / 1e9, 1) : "",
          rounded(Double(entry.byteCount) / 1e6, 1),
        ]
      }
    let widths = rows[0].indices.map { column in rows.map(\.[column].count).max() ?? 0 }
    return rows.map { row in
      "  "
        + row.enumerated().map { column, cell in
          let gap = String(repeating: " ", count: widths[column] - cell.count)
          return column < 2 && !(isByOp && column == 1) ? cell + gap : gap + cell
        }.joined(separator: "  ")
    }.joined(separator: "\n")
  }

  var json: JSONValue {
    .array(
      nodes.map { entry in
        .object([
          "name": .string(entry.name), "op": .string(entry.op), "seconds": .number(entry.seconds),
          "flop": .number(entry.flop), "bytes": .integer(Int64(entry.byteCount)),
        ])
      })
  }

  /// The last run in the Trace Event Format that chrome://tracing and Perfetto read.
  ///
  /// - Throws: when `path` cannot be written.
  public func writeTrace(to path: String) throws {
    try writeFile(Array(traceText.utf8), to: path)
  }

  var traceText: String {
    let events = zip(nodes, spans).map { node, span -> JSONValue in
      .object([
        "name": .string(node.name), "cat": .string(node.op), "ph": .string("X"),
        "ts": .number(span.start * 1e6), "dur": .number(span.duration * 1e6),
        "pid": .integer(1), "tid": .integer(1),
        "args": .object([
          "op": .string(node.op), "flop": .number(node.flop),
          "bytes": .integer(Int64(node.byteCount)),
        ]),
      ])
    }
    return JSONValue.object([
      "traceEvents": .array(events), "displayTimeUnit": .string("ms"),
    ]).text()
  }
}

/// Notes when each node of a graph has run.
struct ProfileRecorder {
  private let shaped: ShapedGraph
  private let clock = ContinuousClock()
  private var totals: [Double]
  private var spans: [(start: Double, duration: Double)]
  private var runs = 0
  private var begin: ContinuousClock.Instant
  private var last: ContinuousClock.Instant

  init(_ shaped: ShapedGraph) {
    self.shaped = shaped
    totals = [Double](repeating: 0, count: shaped.graph.nodes.count)
    spans = [(start: Double, duration: Double)](
      repeating: (0, 0), count: shaped.graph.nodes.count)
    begin = clock.now
    last = begin
  }

  /// A run begins.
  mutating func start() {
    runs += 1
    begin = clock.now
    last = begin
  }

  /// The node at this place has run.
  mutating func finished(_ node: Int) {
    let now = clock.now
    let duration = last.duration(to: now).seconds
    totals[node] += duration
    spans[node] = (begin.duration(to: last).seconds, duration)
    last = now
  }

  var profile: Profile {
    Profile(
      nodes: shaped.graph.nodes.enumerated().map { index, node in
        let values = (node.inputs + node.outputs).compactMap { $0 }
        return Profile.Entry(
          name: node.name, op: node.op.name, seconds: totals[index] / Double(max(runs, 1)),
          flop: shaped.flop(of: node),
          byteCount: values.reduce(0) { $0 + shaped[$1].byteCount }, calls: 1)
      }, spans: spans)
  }
}
