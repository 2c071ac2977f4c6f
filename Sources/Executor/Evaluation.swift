import GraphIR
import Kernels
import TensorBase

/// Runs one op on tensors, outside of any plan.
///
/// - Parameter facts: the outputs'.
func run(
  _ op: Op, _ inputs: [Tensor?], _ facts: [Fact], _ options: ExecutionOptions
) throws(ExpansionFault) -> [Tensor] {
  if case .reshape = op, let input = inputs[0] { return [input.reshaped(facts[0].shape)] }
  let available = memoryByteCount
  for fact in facts where fact.byteCount > available {
    throw .misfit("\(fact) needs \(fact.byteCount) bytes, and the machine has \(available)")
  }
  let outputs = facts.map { fact in
    MutableTensorView(
      type: fact.type, shape: fact.shape,
      storage: TensorStorage(AlignedBytes(uninitializedCount: fact.byteCount)))
  }
  do throws(KernelError) {
    try dispatch(op, inputs.map { $0?.view }, outputs, options)
  } catch { throw .misfit(error.description) }
  return outputs.map { Tensor($0) }
}

/// Runs one op whose outputs' shapes depend on elements.
func run(
  _ op: DynamicOp, _ inputs: [Tensor?], vocabulary: Vocabulary, _ options: ExecutionOptions
) throws(ExpansionFault) -> [Tensor] {
  switch op {
  case .loop(let loop): return try run(loop, inputs, vocabulary, options)
  case .scan(let scan): return try run(scan, inputs, vocabulary, options)
  case .selection(let op): return try run(op, inputs)
  }
}
