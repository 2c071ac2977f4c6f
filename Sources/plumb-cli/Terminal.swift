import ByteIO
import Glibc

/// Writes a line to standard error.
func printError(_ text: String) { writeStandardError(text + "\n") }

/// Ends the program.
func exitProgram(_ status: ExitStatus) -> Never { exit(status.rawValue) }

/// A line on standard error that shows how far a stage is and how long it will take; only when a
/// person watches.
final class ProgressLine {
  private let isShown = standardErrorIsTerminal
  private let clock = ContinuousClock()
  private var isOnScreen = false
  private var stage = ""
  private var start: ContinuousClock.Instant
  private var lastShown: ContinuousClock.Instant?

  init() { start = clock.now }

  func show(_ stage: String, _ done: Int, _ total: Int) {
    guard isShown, total > 0 else { return }
    let now = clock.now
    if stage != self.stage {
      self.stage = stage
      start = now
      lastShown = nil
    }
    if let lastShown, done < total, lastShown.duration(to: now) < .milliseconds(200) { return }
    lastShown = now
    let elapsed = start.duration(to: now)
    let share = Double(done) / Double(total)
    // Bytes say little to people.
    let count = total < 100_000 ? "\(done) of \(total), " : ""
    var text = "\(stage): \(count)\(Int(share * 100)) %"
    if done > 0, done < total {
      let left = elapsed * (1 / share - 1)
      text += ", about \(durationText(left)) left"
    }
    writeStandardError("\r\u{1b}[K\(text)")
    isOnScreen = true
    if done >= total { clear() }
  }

  private func clear() {
    if isOnScreen { writeStandardError("\r\u{1b}[K") }
    isOnScreen = false
  }

  /// An error ends a stage early: its message starts on a clean line.
  deinit { clear() }

  private func durationText(_ duration: Duration) -> String {
    let seconds = Int(duration.components.seconds)
    if seconds < 1 { return "1 s" }
    if seconds < 90 { return "\(seconds) s" }
    if seconds < 5400 { return "\(seconds / 60) min \(seconds % 60) s" }
    return "\(seconds / 3600) h \(seconds / 60 % 60) min"
  }
}
