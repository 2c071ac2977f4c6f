import GraphIR
import Kernels
import TensorBase

/// Runs one op of the sequence family.
func dispatch(
  _ op: SequenceOp, _ node: NodeInputs, _ outputs: [MutableTensorView?], _ options: ExecutionOptions
) throws(KernelError) {
  switch op {
  case .placeholder: preconditionFailure()
  }
}
