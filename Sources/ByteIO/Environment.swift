import Glibc

/// A variable of the process's environment; nil when it is not set or empty.
package func environmentVariable(_ name: String) -> String? {
  guard let value = getenv(name) else { return nil }
  let text = String(cString: value)
  return text.isEmpty ? nil : text
}

/// The most memory this process has had resident so far, in bytes.
package var peakResidentByteCount: Int {
  var usage = rusage()
  guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return 0 }
  return Int(usage.ru_maxrss) * 1024
}
