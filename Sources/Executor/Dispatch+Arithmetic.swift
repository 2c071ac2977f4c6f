import GraphIR
import Kernels
import TensorBase

/// Runs one op of the arithmetic family.
func dispatch(
  _ op: ArithmeticOp, _ node: NodeInputs, _ outputs: [MutableTensorView?],
  _ options: ExecutionOptions
) throws(KernelError) {
  switch op {
  case .placeholder: preconditionFailure()
  }
}
