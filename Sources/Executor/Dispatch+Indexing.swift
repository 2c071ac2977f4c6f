import GraphIR
import Kernels
import TensorBase

/// Runs one op of the indexing family.
func dispatch(
  _ op: IndexingOp, _ node: NodeInputs, _ outputs: [MutableTensorView?], _ options: ExecutionOptions
) throws(KernelError) {
  switch op {
  case .placeholder: preconditionFailure()
  }
}
