// Compares the packed product with OpenBLAS on the shapes of a Stable Diffusion 1.5 UNet, on one
// thread, in alternating runs of one process; prints the ratio of the medians. Patches are gathered
// by each as the program would: by us while it multiplies, for OpenBLAS into a matrix first.
// Build and run with tools/bench/kernels/run.

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "CBLAS.h"
#include "CKernels.h"

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float *floats(size_t count) {
  float *p = aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64);
  if (!p) exit(1);
  return p;
}

static float *random_floats(size_t count) {
  float *p = floats(count);
  static unsigned state = 1;
  for (size_t i = 0; i < count; i++) {
    state = state * 1664525u + 1013904223u;
    p[i] = (float)(state >> 8) / 16777216.0f - 0.5f;
  }
  return p;
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/// side > 0: a 3 x 3 convolution of a picture of side x side, k channels in; else a linear of m rows.
static void compare(int side, int m, int n, int channels) {
  const int window = side ? 3 : 1;
  if (side) m = side * side;
  const int k = window * window * channels;
  float *x = random_floats((size_t)m * (size_t)channels), *b = random_floats((size_t)k * (size_t)n);
  float *ours = floats((size_t)m * (size_t)n), *theirs = floats((size_t)m * (size_t)n);
  float *packed = floats(plumb_packed_count((size_t)k, (size_t)n));
  float *scratch = floats(PLUMB_PRODUCT_SCRATCH), *bias = random_floats((size_t)n);
  float *matrix = side ? floats((size_t)m * (size_t)k) : x;
  plumb_pack(b, n, 1, (size_t)k, (size_t)n, 0, ((size_t)n + 31) / 32, packed);
  const struct plumb_patches patches = {
      .base = x, .height = side ? side : m, .width = side ? side : 1, .channels = channels,
      .pixel_stride = channels, .window_height = window, .window_width = window, .stride_y = 1,
      .stride_x = 1, .dilation_y = 1, .dilation_x = 1, .top = side ? 1 : 0, .left = side ? 1 : 0,
      .result_height = side ? side : m, .result_width = side ? side : 1};
  const struct plumb_addends addends = {.bias = bias};
  enum { runs = 9 };
  double mine[runs], other[runs];
  const double flop = 2.0 * m * n * k;
  for (int run = -1; run < runs; run++) {
    const double t0 = now();
    plumb_product(&patches, 0, (size_t)m, (struct plumb_packed){packed, PLUMB_F32}, 0, (size_t)n,
                  ours, n, &addends, PLUMB_IDENTITY, scratch);
    const double t1 = now();
    if (side)
      for (int p = 0; p < m; p++)
        for (int w = 0; w < 9; w++) {
          const int yy = p / side + w / 3 - 1, xx = p % side + w % 3 - 1;
          float *to = matrix + (size_t)p * (size_t)k + (size_t)w * (size_t)channels;
          if (yy >= 0 && yy < side && xx >= 0 && xx < side)
            memcpy(to, x + (size_t)(yy * side + xx) * (size_t)channels, 4u * (size_t)channels);
          else
            memset(to, 0, 4u * (size_t)channels);
        }
    plumb_blas_sgemm(false, false, m, n, k, 1, matrix, k, b, n, 0, theirs, n);
    plumb_epilogue(theirs, n, (size_t)m, (size_t)n, bias, NULL, NULL, 0, PLUMB_IDENTITY);
    const double t2 = now();
    if (run >= 0) {
      mine[run] = t1 - t0;
      other[run] = t2 - t1;
    }
  }
  double worst = 0;
  for (size_t i = 0; i < (size_t)m * (size_t)n; i++)
    worst = fmax(worst, fabs((double)ours[i] - (double)theirs[i]));
  qsort(mine, runs, sizeof *mine, ascending);
  qsort(other, runs, sizeof *other, ascending);
  printf("%-6s m %5d n %5d k %5d: %6.1f and %6.1f GFLOP/s, ours takes %.2f of their time, fastest runs %.2f (error %.1e)\n",
         side ? "conv" : "linear", m, n, k, flop / mine[runs / 2] * 1e-9,
         flop / other[runs / 2] * 1e-9, mine[runs / 2] / other[runs / 2], mine[0] / other[0], worst);
  free(x); free(b); free(ours); free(theirs); free(packed); free(scratch); free(bias);
  if (side) free(matrix);
}

int main(void) {
  if (!plumb_blas_load()) {
    fprintf(stderr, "%s\n", plumb_blas_description());
    return 1;
  }
  printf("%s; %s\n", plumb_cpu_description(), plumb_blas_description());
  const int convolutions[][3] = {{64, 320, 320}, {64, 320, 640}, {32, 640, 640}, {32, 640, 1280},
                                 {16, 1280, 1280}, {8, 1280, 1280}, {64, 320, 4}, {64, 4, 320}};
  for (size_t i = 0; i < sizeof convolutions / sizeof *convolutions; i++)
    compare(convolutions[i][0], 0, convolutions[i][1], convolutions[i][2]);
  const int linears[][3] = {{4096, 320, 320}, {4096, 2560, 320}, {4096, 320, 1280},
                            {1024, 640, 640}, {1024, 5120, 640}, {1024, 640, 2560},
                            {256, 1280, 1280}, {256, 10240, 1280}, {256, 1280, 5120},
                            {64, 1280, 1280}, {64, 10240, 1280}, {77, 320, 768}, {1, 1280, 1280}};
  for (size_t i = 0; i < sizeof linears / sizeof *linears; i++)
    compare(0, linears[i][0], linears[i][1], linears[i][2]);
}
