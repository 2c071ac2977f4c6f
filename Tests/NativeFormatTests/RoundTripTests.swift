import GraphIR
import JSONText
import NativeFormat
import TensorBase
import TestSupport
import Testing

@Test(arguments: ElementType.allCases) func tensorsComeBackBitForBit(type: ElementType) throws {
  let folder = try TemporaryFolder()
  let path = folder.path + "/model.plumb"
  let numbers = (0..<5000).map { Float($0 % 200) * 0.37 + 0.1 }
  let tensor = Tensor(floats: numbers, shape: [50, 100]).converted(to: type)
  var writer = try NativeWriter(path: path, options: StorageOptions())
  try writer.add("a", tensor)
  try writer.add("empty", Tensor(floats: [], shape: [0, 3]))
  try writer.finish(NativeContent())
  let file = try NativeFile(path: path)
  #expect(file.tensorNames == ["a", "empty"])
  #expect(try file.tensor(named: "a") == tensor)
  #expect(try file.tensor(named: "empty").shape == [0, 3])
}
