import Comparison
import Executor
import GraphIR
import Pipeline
import TensorBase
import TestSupport
import Testing

/// ONNX Runtime's own operators, and recurrent layers, give what ONNX Runtime gave: with passes
/// and fast kernels, and as read with plain kernels. Quantized results may be as many steps off
/// as the case says.
@Test(arguments: try goldenCases("onnx-runtime"), [true, false])
func operatorsGiveWhatONNXRuntimeGives(golden: GoldenCase, isFast: Bool) throws {
  let file = try ONNXModelFile(
    path: try goldenPath("onnx-runtime/\(golden.name)/model.onnx"), isFused: isFast)
  var model = file.model
  var arena = Arena()
  let outputs = try model.evaluate(
    golden.inputs, Model.Request(inputs: golden.inputs.mapValues(\.shape), isOptimised: isFast),
    arena: &arena, options: ExecutionOptions(threads: 2, kernels: isFast ? .fast : .reference))
  #expect(golden.outputs.count > 0)
  for (name, expected) in golden.outputs.sorted(by: { $0.key < $1.key }) {
    let actual = try #require(outputs[name], "\(name)")
    #expect(actual.type == expected.type && actual.shape == expected.shape)
    if expected.type.isFloatingPoint {
      expectClose(actual, expected, golden: golden, name)
    } else {
      let steps = Int64(try #require(golden.config["steps"]?.intValue))
      let differences = zip(actual.int64s, expected.int64s).map { abs($0 - $1) }
      #expect((differences.max() ?? 0) <= steps, "\(golden.name) \(name)")
    }
  }
}
