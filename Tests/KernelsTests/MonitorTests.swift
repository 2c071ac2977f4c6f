import Kernels
import Testing

@Test func bothSidesRunAndAreWaitedFor() {
  let count = Monitor(0)
  let result: Int? = alongside {
    for _ in 0..<1000 {
      // Odd numbers are the other side's.
      count.wait { $0 % 2 == 0 ? ($0 += 1) : nil }
    }
  } _: {
    for _ in 0..<1000 { count.wait { $0 % 2 == 1 ? ($0 += 1) : nil } }
    return 7
  }
  #expect(result == 7)
  #expect(count.change { $0 } == 2000)
}

@Test func errorsWaitForTheOtherSide() {
  struct Failure: Error, Equatable {}
  let state = Monitor((isStopped: false, hasEnded: false))
  #expect(throws: Failure()) {
    try alongside {
      state.wait { $0.isStopped ? ($0.hasEnded = true) : nil }
    } _: { () throws(Failure) in
      state.change { $0.isStopped = true }
      throw Failure()
    }
  }
  #expect(state.change { $0.hasEnded })
}
