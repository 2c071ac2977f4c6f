import TensorBase

/// What stands outside a padded tensor.
package enum PadMode: CaseIterable, Sendable {
  case constant
  /// The mirror image, the outermost element not doubled: c b | a b c | b a, and so on.
  case reflect
  /// The outermost element.
  case edge
  /// The tensor again, as on a ring.
  case wrap
}

/// x with before[i] elements more in front and, up to out's shape, behind along each axis i;
/// negative counts take elements away, before the rest is padded. `value`, one element, stands
/// where the mode is constant; zero without it. Any type.
package func pad(
  _ out: MutableTensorView, _ x: TensorView, before: [Int], after: [Int], value: TensorView?,
  mode: PadMode, threads: Int
) {
  precondition(out.type == x.type && out.shape.rank == x.shape.rank)
  if out.shape.count == 0 { return }
  if x.shape.count == 0 { return fill(out, with: value) }
  let size = x.type.byteCount
  let sources = x.shape.dimensions.indices.map { axis in
    sourceIndices(
      count: x.shape[axis], before: before[axis], after: after[axis], out: out.shape[axis], mode)
  }
  let runs = Run.runs(sources.last ?? [0])
  let outerDimensions = Array(out.shape.dimensions.dropLast()), strides = x.shape.strides
  let width = out.shape.rank == 0 ? 1 : out.shape[-1]
  parallelRanges(out.shape.count / width, minimum: max(1, 16_384 / width), threads: threads) {
    lines in
    for line in lines {
      var rest = line, start: Int? = 0
      for axis in stride(from: outerDimensions.count - 1, through: 0, by: -1) {
        let source = sources[axis][rest % outerDimensions[axis]]
        rest /= outerDimensions[axis]
        start = source < 0 ? nil : start.map { $0 + source * strides[axis] }
      }
      let to = out.base + line * width * size
      for run in runs {
        if let start, run.source >= 0 {
          (to + run.place * size).copyMemory(
            from: x.base + (start + run.source) * size, byteCount: run.count * size)
        } else if let value {
          for i in run.place..<(run.place + run.count) {
            copyElement(to + i * size, value.base, size: size)
          }
        } else {
          (to + run.place * size).initializeMemory(
            as: UInt8.self, repeating: 0, count: run.count * size)
        }
      }
    }
  }
}

/// For each place of the padded axis where in x it comes from, −1 for outside.
private func sourceIndices(
  count: Int, before: Int, after: Int, out: Int, _ mode: PadMode
) -> [Int] {
  let first = max(-before, 0), front = max(before, 0)
  let kept = max(count - first - max(-after, 0), 0)
  precondition(out == count + before + after && (kept > 0 || out == 0 || mode == .constant))
  return (0..<out).map { place in
    let i = place - front
    if i >= 0 && i < kept { return first + i }
    switch mode {
    case .constant: return -1
    case .edge: return first + min(max(i, 0), kept - 1)
    case .wrap: return first + (i % kept + kept) % kept
    case .reflect:
      if kept == 1 { return first }
      let period = 2 * (kept - 1)
      let phase = (i % period + period) % period
      return first + (phase < kept ? phase : period - phase)
    }
  }
}

/// Neighbours that come from neighbours (or all from outside, source −1).
private struct Run {
  var place: Int
  var source: Int
  var count: Int

  static func runs(_ sources: [Int]) -> [Run] {
    var runs: [Run] = []
    for (place, source) in sources.enumerated() {
      if let last = runs.last, last.source < 0 ? source < 0 : source == last.source + last.count {
        runs[runs.count - 1].count += 1
      } else {
        runs.append(Run(place: place, source: source, count: 1))
      }
    }
    return runs
  }
}
