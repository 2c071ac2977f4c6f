import ONNXFiles
import TensorBase
import Testing

@Suite struct ElementTypeTests {
  @Test func numbers() {
    #expect(ONNXElementType.allCases.map(\.rawValue) == Array(1...28))
    #expect(ONNXElementType(rawValue: 16)?.elementType == .bf16)
    #expect(ONNXElementType(rawValue: 13)?.elementType == .u64)
    #expect(ONNXElementType(rawValue: 8)?.elementType == nil)
  }
}
