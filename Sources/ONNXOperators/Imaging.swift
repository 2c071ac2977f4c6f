import GraphIR
import TensorBase

let imagingOperators: [ONNXOperator] = []
