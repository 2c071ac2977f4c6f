/// Operators on images.
let imagingOperators: [ONNXOperator] =
  convolutionOperators + poolOperators + imageNormOperators + resizeOperators + sampleOperators
