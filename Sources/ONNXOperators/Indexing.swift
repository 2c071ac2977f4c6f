/// Operators that move elements, and those that pick them.
let indexingOperators: [ONNXOperator] =
  gatheringOperators + shapeOperators + windowOperators + makingOperators + selectionOperators
  + rearrangingOperators + [einsumOperator]
