import Glibc

/// Bytes of memory that the machine has; `Int.max` when it does not say.
package var memoryByteCount: Int {
  let (pages, size) = (sysconf(Int32(_SC_PHYS_PAGES)), sysconf(Int32(_SC_PAGESIZE)))
  return pages > 0 && size > 0 ? Int(pages) * Int(size) : .max
}
