import CKernels

/// Which of the compiled SIMD versions the kernels run.
package enum ProcessorLevel: CaseIterable, Sendable {
  case plain, avx2, avx512, neon

  private var raw: plumb_cpu_level {
    switch self {
    case .plain: PLUMB_CPU_PLAIN
    case .avx2: PLUMB_CPU_AVX2
    case .avx512: PLUMB_CPU_AVX512
    case .neon: PLUMB_CPU_NEON
    }
  }

  /// Those that this processor can run.
  package static var available: [ProcessorLevel] { allCases.filter { plumb_cpu_has($0.raw) } }

  /// The one in use.
  package static var current: ProcessorLevel {
    let raw = plumb_cpu_current()
    return allCases.first { $0.raw == raw } ?? .plain
  }

  /// Switches the whole process to this level, for tests. Traps when the processor cannot run it.
  package func use() { precondition(plumb_cpu_use(raw), "this processor cannot run \(self)") }
}
