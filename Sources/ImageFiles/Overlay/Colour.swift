import Glibc

/// An sRGB colour, each part in 0…1.
struct Colour: Equatable {
  var red: Float
  var green: Float
  var blue: Float

  init(red: Float, green: Float, blue: Float) {
    self.red = red
    self.green = green
    self.blue = blue
  }

  /// From 0xRRGGBB.
  init(_ hex: UInt32) {
    self.init(
      red: Float(hex >> 16 & 255) / 255, green: Float(hex >> 8 & 255) / 255,
      blue: Float(hex & 255) / 255)
  }

  func mixed(with other: Colour, share: Float) -> Colour {
    Colour(
      red: red + (other.red - red) * share, green: green + (other.green - green) * share,
      blue: blue + (other.blue - blue) * share)
  }
}

/// The heat map's colours: a path from dark violet over red and orange to light yellow in which
/// lightness grows evenly, so that equal steps of the map look like equal steps and the order
/// survives colour blindness and grey print. The path is our own, drawn in OKLCh (B. Ottosson, "A
/// perceptual color space for image processing", 2020).
struct HeatScale {
  /// Colours of 0, 1/255, … 1.
  private let colours: [Colour]

  init() {
    colours = (0...255).map { step in
      let value = Double(step) / 255
      let lightness = 0.24 + 0.67 * value
      let hue = (292 + 168 * value) / 180 * Double.pi
      // A smooth curve that stays within sRGB all along the path: a cut would show as an edge.
      let bell = (value - 0.5) / 0.35
      let chroma = 0.124 + 0.09 * exp(-bell * bell)
      let parts = Self.linear(lightness, chroma, hue).map { part in
        let part = min(max(part, 0), 1)
        return Float(part <= 0.0031308 ? 12.92 * part : 1.055 * pow(part, 1 / 2.4) - 0.055)
      }
      return Colour(red: parts[0], green: parts[1], blue: parts[2])
    }
  }

  /// The colour of a value in 0…1.
  func colour(of value: Float) -> Colour { colours[Int(min(max(value, 0), 1) * 255 + 0.5)] }

  /// The opacity of the value 1: what lies below stays recognisable.
  static let mostOpacity: Float = 0.8

  /// How much a value covers the picture: nothing at 0, most at 1.
  func opacity(of value: Float) -> Float {
    let value = min(max(value, 0), 1)
    return Self.mostOpacity * pow(value, 1.25)
  }

  /// Linear-light sRGB of an OKLCh colour, unclipped.
  private static func linear(_ lightness: Double, _ chroma: Double, _ hue: Double) -> [Double] {
    let (a, b) = (chroma * cos(hue), chroma * sin(hue))
    let long = pow(lightness + 0.3963377774 * a + 0.2158037573 * b, 3)
    let medium = pow(lightness - 0.1055613458 * a - 0.0638541728 * b, 3)
    let short = pow(lightness - 0.0894841775 * a - 1.2914855480 * b, 3)
    return [
      4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
      -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
      -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    ]
  }
}
