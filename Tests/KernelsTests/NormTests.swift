import Kernels
import TensorBase
import Testing

extension KernelTests {
  @Test(arguments: [
    ([1, 3, 3, 4], 2), ([2, 5, 7, 32], 32), ([1, 17, 9, 33], 3), ([2, 64, 3], 1),
    ([1, 40, 40, 50], 10), ([2, 1, 1, 6], 3),
  ])
  func groupNormAgrees(shape: [Int], groups: Int) {
    var numbers = Numbers(5)
    let channels = shape[shape.count - 1]
    let scale = numbers.tensor([channels]), shift = numbers.tensor([channels])
    for (offset, absolute) in [(Float(0), Float(3e-6)), (300, 5e-6)] {
      let x = numbers.tensor(shape, offset: offset)
      for activation in [Activation.identity, .silu] {
        for threads in [1, 2] {
          expectAgreement(
            shape, absolute: absolute, relative: 1e-5, "\(offset) \(activation)",
            reference: {
              groupNormReference(
                $0, x.view, scale: scale.view, shift: shift.view, groups: groups, epsilon: 1e-5,
                activation: activation, layout: .channelsLast)
            },
            fast: {
              groupNorm(
                $0, x.view, scale: scale.view, shift: shift.view, groups: groups, epsilon: 1e-5,
                activation: activation, threads: threads)
            })
        }
      }
    }
  }

  @Test(arguments: [[1], [3, 7], [5, 64], [2, 9, 100], [33, 768], [2, 31]])
  func layerNormAgrees(shape: [Int]) {
    var numbers = Numbers(6)
    let n = shape[shape.count - 1]
    let scale = numbers.tensor([n]), shift = numbers.tensor([n])
    let x = numbers.tensor(shape, scale: 3, offset: 20)
    for bare in [true, false] {
      expectAgreement(
        shape, absolute: 2e-5, relative: 1e-5,
        reference: {
          layerNormReference(
            $0, x.view, scale: bare ? nil : scale.view, shift: bare ? nil : shift.view,
            epsilon: 1e-5)
        },
        fast: {
          layerNorm(
            $0, x.view, scale: bare ? nil : scale.view, shift: bare ? nil : shift.view,
            epsilon: 1e-5, threads: 2)
        })
    }
  }

  @Test(arguments: [
    ([1], 0), ([4, 5], 1), ([4, 5], 0), ([2, 3, 77], -1), ([3, 33, 2], 1), ([2, 400], 1),
  ])
  func softmaxAgrees(shape: [Int], axis: Int) {
    var numbers = Numbers(8)
    let x = numbers.tensor(shape, scale: 20)
    expectAgreement(
      shape, absolute: 1e-7, relative: 1e-5,
      reference: { softmaxReference($0, x.view, axis: axis) },
      fast: { softmax($0, x.view, axis: axis, threads: 2) })
  }
}
