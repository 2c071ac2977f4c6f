import Glibc
import TensorBase

/// What a Fourier transform computes beside its shapes.
package struct FourierParameters: Sendable {
  package var axis, length: Int
  package var isInverse: Bool
  /// Forward: only entries 0 to length / 2 are wanted. Inverse: only those are given, and the
  /// result is real.
  package var isHalf: Bool

  package init(axis: Int, length: Int, isInverse: Bool, isHalf: Bool) {
    self.axis = axis
    self.length = length
    self.isInverse = isInverse
    self.isHalf = isHalf
  }
}

/// out[k] = Σₙ x[n] · exp(∓2πi·k·n / N) along `axis`, the inverse divided by N; x cut or filled
/// with zeros to N. The last axis holds real and imaginary part, or the real part alone. Any float
/// type, in double but for some complex transforms of f32 (`SinglePrecisionTransform`); fast where N
/// has small prime factors.
package func fourier(
  _ out: MutableTensorView, _ x: TensorView, _ parameters: FourierParameters, threads: Int
) {
  let (axis, n) = (parameters.axis, parameters.length)
  let given = x.shape[axis], wanted = out.shape[axis]
  let parts = x.shape[-1], outParts = out.shape[-1]
  let inner = x.shape.dimensions[(axis + 1)...].dropLast().reduce(1, *)
  let outer = x.shape.dimensions[..<axis].reduce(1, *)
  precondition(wanted <= n && (parts == 1 || parts == 2) && n > 0)
  let from = Doubles(x), to = Doubles(count: out.shape.count)
  let source = from.base, target = to.base
  let transform = FourierTransform(length: n, isInverse: parameters.isInverse)
  let isMirrored = parameters.isInverse && parameters.isHalf
  let single =
    x.type == .f32 && parts == 2 && !parameters.isHalf
    ? SinglePrecisionTransform(length: n, isInverse: parameters.isInverse) : nil
  let taken = min(given, isMirrored ? n / 2 + 1 : n)
  parallelRanges(outer * inner, minimum: max(1, 4096 / n), threads: threads) { lines in
    if let single {
      for line in lines {
        transformLine(
          source + (line / inner * given * inner + line % inner) * 2, taken,
          target + (line / inner * wanted * inner + line % inner) * 2, wanted, apart: inner * 2,
          single, scale: parameters.isInverse ? 1 / Float(n) : nil)
      }
      return
    }
    let memory = UnsafeMutablePointer<Complex>.allocate(capacity: 2 * n + transform.scratchCount)
    defer { memory.deallocate() }
    let (signal, result) = (memory, memory + n)
    for line in lines {
      let start = line / inner * given * inner + line % inner
      signal.initialize(repeating: Complex(0, 0), count: n)
      for i in 0..<taken {
        let place = (start + i * inner) * parts
        signal[i] = Complex(source[place], parts == 2 ? source[place + 1] : 0)
      }
      if isMirrored {
        // What a real signal's transform has at 0 and n / 2 is real.
        signal[0].im = 0
        if n % 2 == 0 { signal[n / 2].im = 0 }
        for i in 1..<max(1, (n + 1) / 2) { signal[n - i] = Complex(signal[i].re, -signal[i].im) }
      }
      transform.apply(signal, to: result, scratch: memory + 2 * n)
      let scale = parameters.isInverse ? 1 / Double(n) : 1
      let end = line / inner * wanted * inner + line % inner
      for i in 0..<wanted {
        let place = (end + i * inner) * outParts
        target[place] = result[i].re * scale
        if outParts == 2 { target[place + 1] = result[i].im * scale }
      }
    }
  }
  to.store(to: out)
}

/// One line of complex f32 numbers, `apart` doubles from one to the next.
private func transformLine(
  _ x: UnsafePointer<Double>, _ taken: Int, _ out: UnsafeMutablePointer<Double>, _ wanted: Int,
  apart: Int, _ transform: SinglePrecisionTransform, scale: Float?
) {
  typealias Number = SinglePrecisionTransform.Number
  withUnsafeTemporaryAllocation(of: Number.self, capacity: 2 * transform.length) { memory in
    guard let line = memory.baseAddress else { return }
    line.initialize(repeating: Number(re: 0, im: 0), count: 2 * transform.length)
    for i in 0..<taken {
      line[i] = Number(re: Float(x[i * apart]), im: Float(x[i * apart + 1]))
    }
    transform.apply(line, line + transform.length)
    for i in 0..<wanted {
      out[i * apart] = Double(scale.map { line[i].re * $0 } ?? line[i].re)
      out[i * apart + 1] = Double(scale.map { line[i].im * $0 } ?? line[i].im)
    }
  }
}

/// A complex number.
struct Complex {
  var re, im: Double

  init(_ re: Double, _ im: Double) {
    self.re = re
    self.im = im
  }

  static func + (a: Complex, b: Complex) -> Complex { Complex(a.re + b.re, a.im + b.im) }

  static func * (a: Complex, b: Complex) -> Complex {
    Complex(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re)
  }
}

/// A transform of one length: its roots of unity and prime factors. Splits by the factors
/// (Cooley and Tukey), so that a length costs as much per entry as its factors add up to.
private final class FourierTransform: Sendable {
  private let length: Int
  private let factors: [Int]
  private nonisolated(unsafe) let roots: UnsafeMutablePointer<Complex>

  init(length: Int, isInverse: Bool) {
    self.length = length
    roots = .allocate(capacity: length)
    let sign = isInverse ? 1.0 : -1.0
    for i in 0..<length {
      let angle = 2 * Double.pi * Double(i) / Double(length)
      roots[i] = Complex(cos(angle), sign * sin(angle))
    }
    var factors: [Int] = []
    var rest = length, factor = 2
    while rest > 1 {
      if factor * factor > rest { factor = rest }
      while rest % factor == 0 {
        factors.append(factor)
        rest /= factor
      }
      factor += 1
    }
    self.factors = factors
  }

  deinit { roots.deallocate() }

  var scratchCount: Int { factors.max() ?? 1 }

  func apply(
    _ x: UnsafePointer<Complex>, to out: UnsafeMutablePointer<Complex>,
    scratch: UnsafeMutablePointer<Complex>
  ) {
    step(x, stride: 1, out, count: length, level: 0, scratch)
  }

  /// The transform of the `count` entries of x that lie `stride` apart.
  private func step(
    _ x: UnsafePointer<Complex>, stride: Int, _ out: UnsafeMutablePointer<Complex>, count: Int,
    level: Int, _ scratch: UnsafeMutablePointer<Complex>
  ) {
    if count == 1 {
      out[0] = x[0]
      return
    }
    let factor = factors[level], part = count / factor
    for piece in 0..<factor {
      step(
        x + piece * stride, stride: stride * factor, out + piece * part, count: part,
        level: level + 1, scratch)
    }
    for k in 0..<part {
      // Entry k of each piece, turned by k·piece, then a plain transform of these.
      scratch[0] = out[k]
      for piece in 1..<factor {
        scratch[piece] = out[piece * part + k] * roots[k * piece * stride]
      }
      for j in 0..<factor {
        var sum = scratch[0], turn = 0
        for piece in 1..<factor {
          turn += j * part * stride
          while turn >= length { turn -= length }
          sum = sum + scratch[piece] * roots[turn]
        }
        out[j * part + k] = sum
      }
    }
  }
}
