import TensorBase

/// A graph whose every value has a known type and shape: what the passes rewrite and the planner
/// reads. Shapes written as "like another value" have become numbers.
package struct ShapedGraph: Sendable {
  package var graph: Graph
  /// By value; as many as `graph.values`.
  package var facts: [Fact]

  package subscript(id: ValueID) -> Fact { facts[id.index] }

  package init(graph: Graph, facts: [Fact]) {
    precondition(graph.values.count == facts.count)
    self.graph = graph
    self.facts = facts
  }
}
