import Glibc

/// A complex transform in f32, of a length that is made of 5, 3, 4 and one 2. Adds and multiplies in
/// the order of pocketfft, the transform of NumPy, whose sums that ought to be 0 are therefore these:
/// ONNX's cases of DFT hold the rounding of NumPy's f32 results.
///
/// Each pass takes l1 · ido groups of `radix` entries apart by ido, transforms them, and turns what
/// goes on.
final class SinglePrecisionTransform: Sendable {
  struct Number {
    var re, im: Float

    static func + (a: Number, b: Number) -> Number { Number(re: a.re + b.re, im: a.im + b.im) }

    static func - (a: Number, b: Number) -> Number { Number(re: a.re - b.re, im: a.im - b.im) }

    static func * (a: Number, b: Number) -> Number {
      Number(re: a.re * b.re - a.im * b.im, im: a.re * b.im + a.im * b.re)
    }

    /// x + a · factor for both parts.
    func adding(_ a: Number, times factor: Float) -> Number {
      Number(re: re + factor * a.re, im: im + factor * a.im)
    }

    /// A quarter turn with the sign.
    func turned(_ sign: Float) -> Number { Number(re: -(sign * im), im: sign * re) }
  }

  let length: Int
  private let radices: [Int]
  private let sign: Float
  /// exp(±2πi·k / length).
  private let roots: [Number]

  /// Nil for another length.
  init?(length: Int, isInverse: Bool) {
    guard length > 1, length % 8 != 0 else { return nil }
    var rest = length
    var radices: [Int] = []
    if rest % 4 == 0 {
      radices.append(4)
      rest /= 4
    } else if rest % 2 == 0 {
      radices.append(2)
      rest /= 2
    }
    for radix in [3, 5] {
      while rest % radix == 0 {
        radices.append(radix)
        rest /= radix
      }
    }
    guard rest == 1 else { return nil }
    self.length = length
    self.radices = radices
    sign = isInverse ? 1 : -1
    let direction = isInverse ? 1.0 : -1.0
    roots = (0..<length).map { k in
      let angle = 2 * Double.pi * Double(k) / Double(length)
      return Number(re: Float(cos(angle)), im: Float(direction * sin(angle)))
    }
  }

  /// Transforms `x` in place, unscaled; `other` is as long.
  func apply(_ x: UnsafeMutablePointer<Number>, _ other: UnsafeMutablePointer<Number>) {
    var (from, to) = (x, other)
    var done = 1
    for radix in radices {
      let apart = length / (done * radix)
      for group in 0..<done {
        for i in 0..<apart {
          let source = from + i + apart * radix * group, target = to + i + apart * group
          butterfly(radix, source, apart, target, apart * done)
          if i > 0 {
            for part in 1..<radix {
              target[part * apart * done] = target[part * apart * done] * roots[part * done * i]
            }
          }
        }
      }
      swap(&from, &to)
      done *= radix
    }
    if from != x { x.update(from: from, count: length) }
  }

  /// y = the transform of `radix` entries of x.
  private func butterfly(
    _ radix: Int, _ x: UnsafePointer<Number>, _ apart: Int, _ y: UnsafeMutablePointer<Number>,
    _ spread: Int
  ) {
    switch radix {
    case 2:
      let (a, b) = (x[0], x[apart])
      (y[0], y[spread]) = (a + b, a - b)
    case 3:
      let (a, sum) = (x[0], x[apart] + x[2 * apart])
      let turned = scaled(x[apart] - x[2 * apart], 0.86602540378443864676)
      let middle = a.adding(sum, times: -0.5)
      (y[0], y[spread], y[2 * spread]) = (a + sum, middle + turned, middle - turned)
    case 4:
      let even = x[0] + x[2 * apart], odd = x[apart] + x[3 * apart]
      let evenRest = x[0] - x[2 * apart], oddRest = (x[apart] - x[3 * apart]).turned(sign)
      (y[0], y[2 * spread]) = (even + odd, even - odd)
      (y[spread], y[3 * spread]) = (evenRest + oddRest, evenRest - oddRest)
    default:
      let a = x[0]
      let outer = x[apart] + x[4 * apart], outerRest = x[apart] - x[4 * apart]
      let inner = x[2 * apart] + x[3 * apart], innerRest = x[2 * apart] - x[3 * apart]
      y[0] = a + outer + inner
      let (c1, c2): (Float, Float) = (0.3090169943749474241, -0.8090169943749474241)
      let (s1, s2): (Float, Float) = (0.95105651629515357212, 0.58778525229247312917)
      let first = a.adding(outer, times: c1).adding(inner, times: c2)
      let firstTurned = mixed(outerRest, s1, innerRest, s2)
      (y[spread], y[4 * spread]) = (first + firstTurned, first - firstTurned)
      let second = a.adding(outer, times: c2).adding(inner, times: c1)
      let secondTurned = mixed(outerRest, s2, innerRest, -s1)
      (y[2 * spread], y[3 * spread]) = (second + secondTurned, second - secondTurned)
    }
  }

  private func scaled(_ a: Number, _ factor: Float) -> Number {
    let factor = sign * factor
    return Number(re: -(factor * a.im), im: factor * a.re)
  }

  /// i · (s · a + t · b) with the sign.
  private func mixed(_ a: Number, _ s: Float, _ b: Number, _ t: Float) -> Number {
    let (s, t) = (sign * s, sign * t)
    return Number(re: -(s * a.im + t * b.im), im: s * a.re + t * b.re)
  }
}
