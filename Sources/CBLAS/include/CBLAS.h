#pragma once
// OpenBLAS, reached through dlopen so that its choice of kernels can be corrected before it
// starts: it falls back to SSE3 kernels on processors newer than itself (OpenBLAS issue 4267),
// and the only cure is OPENBLAS_CORETYPE in the environment at load time.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Loads the library once (thread-safe; later calls return the first result). True when products
/// can be computed.
bool plumb_blas_load(void);

/// What happened on load, for people: core name and configuration, with a note when the
/// environment or the library keeps it from the kernels this processor can run; or, when
/// loading failed, why and what to install. Never NULL; valid for the life of the process.
const char *plumb_blas_description(void);

/// The name of the kernel set in use ("SkylakeX", "Haswell", …); empty when not loaded.
const char *plumb_blas_core(void);

/// C[m,n] = alpha * op(A) * op(B) + beta * C; row-major, leading dimensions in elements, on the
/// calling thread alone. op(A) is [m,k] and op(B) is [k,n]. The library must be loaded.
void plumb_blas_sgemm(bool transpose_a, bool transpose_b, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k,
                      float alpha, const float *a, ptrdiff_t lda, const float *b, ptrdiff_t ldb,
                      float beta, float *c, ptrdiff_t ldc);

#ifdef __cplusplus
}
#endif
