import CBLAS
import CKernels

/// Loads the library for matrix products. Call once before any kernel that multiplies matrices.
///
/// - Throws: `KernelError.productsUnavailable` with what to install.
package func loadProducts() throws(KernelError) {
  if !plumb_blas_load() {
    throw .productsUnavailable(String(cString: plumb_blas_description()))
  }
}

/// Which kernels matrix products run on, for people.
package var productsDescription: String { String(cString: plumb_blas_description()) }

/// Which SIMD level the other kernels run on, for people.
package var processorDescription: String { String(cString: plumb_cpu_description()) }

/// A matrix in memory: row-major with `stride` elements from row to row; when `transposed`, the
/// product uses it with rows and columns exchanged.
struct Matrix {
  var base: UnsafePointer<Float>
  var stride: Int
  var transposed = false
}

/// c[m, n] = scale · a[m, k] · b[k, n], on the calling thread.
func multiply(
  _ c: UnsafeMutablePointer<Float>, stride: Int, _ a: Matrix, _ b: Matrix, m: Int, n: Int, k: Int,
  scale: Float = 1
) {
  if m == 0 || n == 0 { return }
  if k == 0 {
    for row in 0..<m { (c + row * stride).update(repeating: 0, count: n) }
    return
  }
  precondition(plumb_blas_load(), "loadProducts() was not called")
  plumb_blas_sgemm(
    a.transposed, b.transposed, m, n, k, scale, a.base, a.stride, b.base, b.stride, 0, c, stride)
}
