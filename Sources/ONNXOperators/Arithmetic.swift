import GraphIR
import TensorBase

let arithmeticOperators: [ONNXOperator] = []
