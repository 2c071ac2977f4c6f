/// The transform of 16 uniforms to 16 normals: v[j], v[j+8] → r cos θ, r sin θ with
/// r = √(−2 ln(1 − v[j])), θ = 2π v[j+8].
///
/// The logarithm, sine and cosine are Cephes' single precision ones (S. Moshier, logf and sinf), in
/// the form PyTorch's AVX2 build computes them (multiply-adds fused), so that the same seed gives
/// the same bits. Plain libm functions differ from those in a sixth of the values, by up to
/// 3 units in the last place.
enum NormalRun {
  static let length = 16
  /// 2π to the nearest (`Float.pi` is rounded towards zero).
  private static let twoPi = Float(2 * Double.pi)

  /// Transforms `values[start..<start + 16]` in place.
  static func transform(_ values: inout [Float], from start: Int) {
    for j in start..<start + 8 {
      let radius = (-2 * logarithm(1 - values[j])).squareRoot()
      let (sine, cosine) = sineAndCosine(twoPi * values[j + 8])
      values[j] = radius * cosine
      values[j + 8] = radius * sine
    }
  }

  /// ln x for a normal x in (0, 1]. Cephes logf: x = m·2^e with m in [√½, √2), then a polynomial
  /// of degree 8 in m − 1; ln 2 is split in two parts.
  static func logarithm(_ x: Float) -> Float {
    var mantissa = x.significand / 2
    var exponent = Float(x.exponent + 1)
    if mantissa < 0.707106781186547524 {
      exponent -= 1
      mantissa = (mantissa - 1) + mantissa
    } else {
      mantissa -= 1
    }
    let square = mantissa * mantissa
    var y: Float = 7.0376836292e-2
    y = (-1.1514610310e-1 as Float).addingProduct(y, mantissa)
    y = (1.1676998740e-1 as Float).addingProduct(y, mantissa)
    y = (-1.2420140846e-1 as Float).addingProduct(y, mantissa)
    y = (1.4249322787e-1 as Float).addingProduct(y, mantissa)
    y = (-1.6668057665e-1 as Float).addingProduct(y, mantissa)
    y = (2.0000714765e-1 as Float).addingProduct(y, mantissa)
    y = (-2.4999993993e-1 as Float).addingProduct(y, mantissa)
    y = (3.3333331174e-1 as Float).addingProduct(y, mantissa)
    y *= mantissa
    y = (exponent * -2.12194440e-4).addingProduct(y, square)
    y = y.addingProduct(square, -0.5)
    return (mantissa + y).addingProduct(exponent, 0.693359375)
  }

  /// sin x and cos x for x in [0, 2π]. Cephes sinf: the octant is taken away in three parts of
  /// π/4, then a polynomial of degree 7 or 8 in the rest.
  static func sineAndCosine(_ x: Float) -> (sine: Float, cosine: Float) {
    let octant = (Int(x * 1.27323954473516) + 1) & ~1
    let turns = Float(octant)
    var rest = x.addingProduct(turns, -0.78515625)
    rest = rest.addingProduct(turns, -2.4187564849853515625e-4)
    rest = rest.addingProduct(turns, -3.77489497744594108e-8)
    let square = rest * rest

    var cosine: Float = 2.443315711809948e-5
    cosine = (-1.388731625493765e-3 as Float).addingProduct(cosine, square)
    cosine = (4.166664568298827e-2 as Float).addingProduct(cosine, square)
    cosine *= square
    cosine = (-(square * 0.5)).addingProduct(cosine, square)
    cosine += 1

    var sine: Float = -1.9515295891e-4
    sine = (8.3321608736e-3 as Float).addingProduct(sine, square)
    sine = (-1.6666654611e-1 as Float).addingProduct(sine, square)
    sine *= square
    sine = rest.addingProduct(sine, rest)

    let swapped = octant & 2 != 0
    let sineNegative = octant & 4 != 0
    let cosineNegative = (octant - 2) & 4 == 0
    let (a, b) = swapped ? (cosine, sine) : (sine, cosine)
    return (sineNegative ? -a : a, cosineNegative ? -b : b)
  }
}
