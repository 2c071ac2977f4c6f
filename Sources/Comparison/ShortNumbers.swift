/// Three significant digits in scientific form, as `1.23e-05`.
package func shortNumber(_ value: Double) -> String {
  guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
  guard value != 0 else { return "0" }
  var exponent = 0
  var mantissa = value.magnitude
  while mantissa >= 10 {
    mantissa /= 10
    exponent += 1
  }
  while mantissa < 1 {
    mantissa *= 10
    exponent -= 1
  }
  var digits = Int((mantissa * 100).rounded())
  if digits >= 1000 {
    digits = 100
    exponent += 1
  }
  let tail = digits % 100
  let power = exponent.magnitude < 10 ? "0\(exponent.magnitude)" : "\(exponent.magnitude)"
  return "\(value < 0 ? "-" : "")\(digits / 100).\(tail < 10 ? "0" : "")\(tail)"
    + "e\(exponent < 0 ? "-" : "+")\(power)"
}

/// A number of magnitude near one with `digits` decimals.
func fixed(_ value: Double, digits: Int) -> String {
  var scale = 1.0
  for _ in 0..<digits { scale *= 10 }
  let number = Int((value.magnitude * scale).rounded())
  let fraction = String(number % Int(scale))
  let zeros = String(repeating: "0", count: digits - fraction.count)
  return "\(value < 0 ? "-" : "")\(number / Int(scale)).\(zeros)\(fraction)"
}

/// As `shortNumber`, not below the value: a tolerance of what is printed lets the value pass.
func shortAbove(_ value: Double) -> String {
  let text = shortNumber(value)
  guard value.isFinite, value > 0, let printed = Double(text), printed < value else { return text }
  // A step of the third digit.
  var step = 1.0
  while step * 100 > printed { step /= 10 }
  while step * 1000 <= printed { step *= 10 }
  return shortNumber(printed + step)
}
