import TensorBase

/// How `nonMaxSuppression` chooses.
package struct SuppressionParameters: Sendable {
  /// Boxes are centre x, centre y, width, height; else two opposite corners y, x, y, x.
  package var isCentred: Bool
  /// At most so many boxes of a class and batch entry.
  package var limit: Int
  /// A box that overlaps a chosen one by more (intersection over union) is left out.
  package var overlap: Float
  /// Only boxes with a higher score count; nil for all.
  package var score: Float?

  package init(isCentred: Bool, limit: Int, overlap: Float, score: Float?) {
    self.isCentred = isCentred
    self.limit = limit
    self.overlap = overlap
    self.score = score
  }
}

/// boxes [batch, n, 4], scores [batch, classes, n], f32 → i64 [how many, 3]: batch entry, class and
/// box of each chosen box; of a class the best score first, of equals the lower box.
package func nonMaxSuppression(
  boxes: TensorView, scores: TensorView, _ parameters: SuppressionParameters
) -> Tensor {
  let batches = scores.shape[0], classes = scores.shape[1], n = scores.shape[2]
  precondition(boxes.shape.dimensions == [batches, n, 4])
  var chosen: [Int64] = []
  for batch in 0..<(parameters.limit > 0 && n > 0 ? batches : 0) {
    let corners = (0..<n).map { i in
      Box(boxes.floats + (batch * n + i) * 4, isCentred: parameters.isCentred)
    }
    for label in 0..<classes {
      let row = scores.floats + (batch * classes + label) * n
      var candidates = (0..<n).filter { i in parameters.score.map { row[i] > $0 } ?? true }
      candidates.sort { a, b in row[a] > row[b] || row[a] == row[b] && a < b }
      var kept: [Int] = []
      for candidate in candidates where kept.count < parameters.limit {
        let box = corners[candidate]
        if !kept.contains(where: { corners[$0].overlap(box) > parameters.overlap }) {
          kept.append(candidate)
        }
      }
      for box in kept { chosen += [Int64(batch), Int64(label), Int64(box)] }
    }
  }
  return Tensor(int64s: chosen, shape: Shape([chosen.count / 3, 3]))
}

private struct Box {
  var top, left, bottom, right: Float

  init(_ numbers: UnsafePointer<Float>, isCentred: Bool) {
    if isCentred {
      let (halfWidth, halfHeight) = (numbers[2] / 2, numbers[3] / 2)
      (left, right) = (numbers[0] - halfWidth, numbers[0] + halfWidth)
      (top, bottom) = (numbers[1] - halfHeight, numbers[1] + halfHeight)
    } else {
      (top, bottom) = (min(numbers[0], numbers[2]), max(numbers[0], numbers[2]))
      (left, right) = (min(numbers[1], numbers[3]), max(numbers[1], numbers[3]))
    }
  }

  var area: Float { (bottom - top) * (right - left) }

  /// Intersection over union; 0 for boxes without an area.
  func overlap(_ other: Box) -> Float {
    let height = min(bottom, other.bottom) - max(top, other.top)
    let width = min(right, other.right) - max(left, other.left)
    guard height > 0, width > 0 else { return 0 }
    let shared = height * width, union = area + other.area - shared
    guard area > 0, other.area > 0, union > 0 else { return 0 }
    return shared / union
  }
}
