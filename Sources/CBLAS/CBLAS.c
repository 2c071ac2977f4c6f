#define _GNU_SOURCE
#include "CBLAS.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

typedef void (*sgemm_function)(int order, int transa, int transb, int m, int n, int k, float alpha,
                               const float *a, int lda, const float *b, int ldb, float beta,
                               float *c, int ldc);
typedef char *(*text_function)(void);
typedef void (*threads_function)(int);

static pthread_once_t once = PTHREAD_ONCE_INIT;
static sgemm_function sgemm;
static char core_name[64];
static char description[1024] = "OpenBLAS has not been loaded yet.";

#if defined(__x86_64__)
static uint64_t enabled_state(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return ((uint64_t)high << 32) | low;
}

/// The kernel set of OpenBLAS 0.3.21 that suits this processor, or NULL when none of those that
/// it may miss applies.
static const char *best_core(void) {
  uint32_t a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return NULL;
  const bool osxsave = c & (1u << 27), avx = c & (1u << 28), fma = c & (1u << 12);
  if (!osxsave || !avx) return NULL;
  const uint64_t state = enabled_state();
  if ((state & 0x6) != 0x6) return NULL;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return NULL;
  const bool avx2 = b & (1u << 5);
  const bool avx512 = (b & (1u << 16)) && (b & (1u << 17)) && (b & (1u << 30)) &&
                      (b & (1u << 31)) && (state & 0xe0) == 0xe0;
  if (avx512) {
    const uint32_t leaves = a;
    bool bf16 = false;
    if (leaves >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d)) bf16 = a & (1u << 5);
    return bf16 ? "COOPERLAKE" : "SKYLAKEX";
  }
  return avx2 && fma ? "HASWELL" : NULL;
}
#else
static const char *best_core(void) { return NULL; }
#endif

/// How well a kernel set uses wide vectors; unknown names count as the middle.
static int width_of_core(const char *name) {
  static const char *const narrow[] = {"prescott", "core2",   "penryn",     "dunnington",
                                       "nehalem",  "athlon",  "opteron",    "barcelona",
                                       "bobcat",   "katmai",  "coppermine", "northwood",
                                       "atom",     "generic", "nano",       "opteron_sse3"};
  static const char *const middle[] = {"sandybridge", "bulldozer", "piledriver", "steamroller"};
  static const char *const wide[] = {"skylakex", "cooperlake", "sapphirerapids"};
  for (size_t i = 0; i < sizeof narrow / sizeof *narrow; i++)
    if (!strcasecmp(name, narrow[i])) return 0;
  for (size_t i = 0; i < sizeof middle / sizeof *middle; i++)
    if (!strcasecmp(name, middle[i])) return 1;
  for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
    if (!strcasecmp(name, wide[i])) return 3;
  return 2;
}

static void load(void) {
  static const char *const names[] = {"libopenblas.so.0", "libopenblas.so"};
  const char *best = best_core();
  const char *chosen_by_user = getenv("OPENBLAS_CORETYPE");
  const bool set = best && !chosen_by_user;
  if (set) setenv("OPENBLAS_CORETYPE", best, 1);
  void *library = NULL;
  for (size_t i = 0; i < sizeof names / sizeof *names && !library; i++)
    library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
  if (set) unsetenv("OPENBLAS_CORETYPE");
  if (!library) {
    const char *why = dlerror();
    snprintf(description, sizeof description,
             "OpenBLAS cannot be loaded (%s); install it: apt-get install libopenblas0",
             why ? why : "no reason given");
    return;
  }
  sgemm = (sgemm_function)dlsym(library, "cblas_sgemm");
  const text_function core = (text_function)dlsym(library, "openblas_get_corename");
  const text_function config = (text_function)dlsym(library, "openblas_get_config");
  const threads_function threads = (threads_function)dlsym(library, "openblas_set_num_threads");
  if (!sgemm || !core || !config || !threads) {
    sgemm = NULL;
    snprintf(description, sizeof description,
             "libopenblas.so.0 is not an OpenBLAS with a C interface (cblas_sgemm is missing); "
             "install it: apt-get install libopenblas0");
    return;
  }
  threads(1);
  snprintf(core_name, sizeof core_name, "%s", core());
  int used = snprintf(description, sizeof description, "%s kernels (%s)", core_name, config());
  if (used < 0 || (size_t)used >= sizeof description) return;
  if (best && width_of_core(core_name) < width_of_core(best))
    snprintf(description + used, sizeof description - (size_t)used,
             chosen_by_user
                 ? "; OPENBLAS_CORETYPE=%s in the environment keeps it from the faster %s kernels"
                 : "; slow: it did not take the setting %s%s",
             chosen_by_user ? chosen_by_user : best, chosen_by_user ? best : "");
}

bool plumb_blas_load(void) {
  pthread_once(&once, load);
  return sgemm != NULL;
}

const char *plumb_blas_description(void) {
  pthread_once(&once, load);
  return description;
}

const char *plumb_blas_core(void) {
  pthread_once(&once, load);
  return core_name;
}

void plumb_blas_sgemm(bool transpose_a, bool transpose_b, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k,
                      float alpha, const float *a, ptrdiff_t lda, const float *b, ptrdiff_t ldb,
                      float beta, float *c, ptrdiff_t ldc) {
  enum { row_major = 101, no_transpose = 111, transpose = 112 };
  sgemm(row_major, transpose_a ? transpose : no_transpose, transpose_b ? transpose : no_transpose,
        (int)m, (int)n, (int)k, alpha, a, (int)lda, b, (int)ldb, beta, c, (int)ldc);
}
