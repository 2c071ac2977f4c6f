import GraphIR
import TensorBase

let sequenceOperators: [ONNXOperator] = []
