import Kernels
import TensorBase

/// The same numbers in another type, by the kernels: for weights stored narrower than they are
/// used.
func castTensor(_ tensor: Tensor, to type: ElementType, threads: Int) -> Tensor {
  if tensor.type == type { return tensor }
  let storage = TensorStorage(
    AlignedBytes(uninitializedCount: tensor.shape.count * type.byteCount))
  let target = MutableTensorView(type: type, shape: tensor.shape, storage: storage)
  cast(target, tensor.view, threads: threads)
  return Tensor(target)
}
