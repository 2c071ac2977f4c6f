import Dispatch
import Kernels
import Synchronization
import TensorBase
import Testing

extension KernelTests {
  /// Kernels called from several threads at once give each caller its own right result.
  @Test func callersAtOnce() {
    var numbers = Numbers(31)
    let a = numbers.tensor([40_000]), b = numbers.tensor([40_000])
    let expected = zip(a.floats, b.floats).map { $0 + $1 }
    let wrong = Atomic(0)
    let (p, q) = (a, b)
    DispatchQueue.concurrentPerform(iterations: 6) { _ in
      for _ in 0..<20 {
        let out = Result([40_000])
        binary(out.view, p.view, q.view, .add, threads: 4)
        if out.floats != expected { wrong.add(1, ordering: .relaxed) }
      }
    }
    #expect(wrong.load(ordering: .relaxed) == 0)
  }
}
