/// Mean structural similarity of two 8-bit images (Wang et al., IEEE TIP 13, 2004) with
/// scikit-image's defaults for uint8: a uniform 7 × 7 window, data range 255, sample covariance,
/// K₁ = 0.01, K₂ = 0.03, averaged over the places where the window lies wholly inside.
///
/// An image with a side under 7 (maps of small models) gets the largest odd window that fits;
/// scikit-image refuses those.
///
/// - Returns: a value in [−1, 1]; 1 for equal images.
/// - Throws: `sizeMismatch`, `imageTooSmall` for a side under 3.
package func structuralSimilarity(
  _ a: Raster<UInt8>, _ b: Raster<UInt8>
) throws(GroundingError) -> Double {
  guard a.height == b.height, a.width == b.width else {
    throw .sizeMismatch(
      what: "The second image", found: "\(b.height)×\(b.width)",
      expected: "\(a.height)×\(a.width)")
  }
  let smallest = min(a.height, a.width)
  guard smallest >= 3 else {
    throw .imageTooSmall(height: a.height, width: a.width, minimum: 3)
  }
  let window = min(7, smallest - (smallest + 1) % 2)
  let area = Double(window * window)
  let sample = area / (area - 1)
  let c1 = (0.01 * 255) * (0.01 * 255)
  let c2 = (0.03 * 255) * (0.03 * 255)

  var total = 0.0
  for top in 0...a.height - window {
    for left in 0...a.width - window {
      var sumA = 0
      var sumB = 0
      var sumAA = 0
      var sumBB = 0
      var sumAB = 0
      for row in top..<top + window {
        for column in left..<left + window {
          let x = Int(a.values[row * a.width + column])
          let y = Int(b.values[row * a.width + column])
          sumA += x
          sumB += y
          sumAA += x * x
          sumBB += y * y
          sumAB += x * y
        }
      }
      let meanA = Double(sumA) / area
      let meanB = Double(sumB) / area
      let varianceA = sample * (Double(sumAA) / area - meanA * meanA)
      let varianceB = sample * (Double(sumBB) / area - meanB * meanB)
      let covariance = sample * (Double(sumAB) / area - meanA * meanB)
      total +=
        (2 * meanA * meanB + c1) * (2 * covariance + c2)
        / ((meanA * meanA + meanB * meanB + c1) * (varianceA + varianceB + c2))
    }
  }
  return total / Double((a.height - window + 1) * (a.width - window + 1))
}
