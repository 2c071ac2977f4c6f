import Grounding
import ImageFiles

extension EvaluationPair {
  /// The truth in the crop: the union of masks, or of filled boxes, brought there as the picture is.
  /// A pixel of the original belongs to a box that holds its centre; one of the crop is true when
  /// more than half of it is.
  ///
  /// - Parameter usesMasks: takes masks where there are any instead of boxes.
  /// - Throws: when the picture is not of the size that the manifest says.
  func truth(crop: CropGeometry, usesMasks: Bool) throws -> Raster<Bool> {
    let (width, height) = (crop.originalWidth, crop.originalHeight)
    guard image.width ?? width == width, image.height ?? height == height else {
      throw PipelineError.notFound(
        path: imagePath,
        reason: "the picture is \(width) × \(height), but the manifest says"
          + " \(image.width ?? width) × \(image.height ?? height)")
    }
    var pixels = [Float](repeating: 0, count: width * height)
    for region in regions {
      if usesMasks, case .runs(let runs) = region.mask {
        guard runs.width == width, runs.height == height else {
          throw PipelineError.notFound(
            path: imagePath,
            reason:
              "the picture is \(width) × \(height), but its mask \(runs.width) × \(runs.height)")
        }
        runs.fill(&pixels)
      } else {
        region.fillBox(&pixels, width: width, height: height)
      }
    }
    return try Raster(
      height: crop.side, width: crop.side,
      values: crop.cropMap(fromOriginal: pixels).map { $0 > 0.5 })
  }
}

extension TruthRegion {
  fileprivate func fillBox(_ pixels: inout [Float], width: Int, height: Int) {
    /// The places whose centres lie in start ..< start + length.
    func range(_ start: Double, _ length: Double, below end: Int) -> Range<Int> {
      let first = min(max(Int((start - 0.5).rounded(.up)), 0), end)
      let last = min(max(Int((start + length - 0.5).rounded(.up)), first), end)
      return first..<last
    }
    let columns = range(x, self.width, below: width)
    for row in range(y, self.height, below: height) {
      for column in columns { pixels[row * width + column] = 1 }
    }
  }
}
