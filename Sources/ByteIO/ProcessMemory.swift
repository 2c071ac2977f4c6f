import CMalloc
import Glibc

/// Bytes that this process has resident now; 0 where the system does not say.
package var residentByteCount: Int {
  guard let text = try? readSmallFile("/proc/self/statm", maximum: 4096) else { return 0 }
  let fields = String(decoding: text, as: UTF8.self).split(separator: " ")
  guard fields.count > 1, let pages = Int(fields[1]) else { return 0 }
  return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
}

/// The most memory this process has had resident so far, in bytes.
package var peakResidentByteCount: Int {
  var usage = rusage()
  guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return 0 }
  return Int(usage.ru_maxrss) * 1024
}

/// Seconds of processor time that the process has used so far, on all threads, in the system too.
package var processorSeconds: Double {
  var usage = rusage()
  guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return 0 }
  let times = [usage.ru_utime, usage.ru_stime]
  return times.reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) * 1e-6 }
}

/// Makes blocks of 256 kB and more come from the system and go back to it when they are freed. Left
/// to itself glibc raises that bound as blocks are freed, keeps them, and a run over a large
/// checkpoint ends up with three times the memory it uses.
package func returnLargeBlocksToSystem() {
  _ = mallopt(M_MMAP_THRESHOLD, 256 << 10)
}
