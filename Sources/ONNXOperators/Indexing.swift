import GraphIR
import TensorBase

let indexingOperators: [ONNXOperator] = []
