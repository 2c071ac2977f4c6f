import GraphIR
import Kernels
import TensorBase

/// Runs one op of the imaging family.
func dispatch(
  _ op: ImagingOp, _ node: NodeInputs, _ outputs: [MutableTensorView?], _ options: ExecutionOptions
) throws(KernelError) {
  switch op {
  case .placeholder: preconditionFailure()
  }
}
