#include "CByteIO.h"

#include <string.h>

// Elements taken apart into planes and put together again: for each width a loop of which compilers
// make vectors; on x86-64 once more for AVX2, which a program for any processor does not use.

#define LOOPS(BITS, NAME, ATTRIBUTES)                                                            \
  ATTRIBUTES static void split##BITS##NAME(const uint8_t *restrict source, size_t count, int turn, \
                                           uint8_t *restrict planes) {                           \
    for (size_t i = 0; i < count; i++) {                                                         \
      uint##BITS##_t x;                                                                          \
      memcpy(&x, source + BITS / 8 * i, BITS / 8);                                               \
      if (turn) x = (uint##BITS##_t)(x << 1 | x >> (BITS - 1));                                  \
      for (size_t plane = 0; plane < BITS / 8; plane++)                                          \
        planes[plane * count + i] = (uint8_t)(x >> 8 * plane);                                   \
    }                                                                                            \
  }                                                                                              \
  ATTRIBUTES static void merge##BITS##NAME(const uint8_t *restrict planes, size_t count, int turn, \
                                           uint8_t *restrict target) {                           \
    for (size_t i = 0; i < count; i++) {                                                         \
      uint##BITS##_t x = 0;                                                                      \
      for (size_t plane = 0; plane < BITS / 8; plane++)                                          \
        x |= (uint##BITS##_t)((uint##BITS##_t)planes[plane * count + i] << 8 * plane);           \
      if (turn) x = (uint##BITS##_t)(x >> 1 | x << (BITS - 1));                                  \
      memcpy(target + BITS / 8 * i, &x, BITS / 8);                                               \
    }                                                                                            \
  }

LOOPS(16, _plain, ) LOOPS(32, _plain, ) LOOPS(64, _plain, )
#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2")))
LOOPS(16, _avx2, AVX2) LOOPS(32, _avx2, AVX2) LOOPS(64, _avx2, AVX2)
#define RUN(NAME) (__builtin_cpu_supports("avx2") ? NAME##_avx2 : NAME##_plain)
#else
#define RUN(NAME) NAME##_plain
#endif

void plumb_split_planes(const uint8_t *source, size_t count, size_t width, int rotated,
                        uint8_t *planes) {
  switch (width) {
    case 2: RUN(split16)(source, count, rotated, planes); break;
    case 4: RUN(split32)(source, count, rotated, planes); break;
    case 8: RUN(split64)(source, count, rotated, planes); break;
    default: memcpy(planes, source, count * width);
  }
}

void plumb_merge_planes(const uint8_t *planes, size_t count, size_t width, int rotated,
                        uint8_t *target) {
  switch (width) {
    case 2: RUN(merge16)(planes, count, rotated, target); break;
    case 4: RUN(merge32)(planes, count, rotated, target); break;
    case 8: RUN(merge64)(planes, count, rotated, target); break;
    default: memcpy(target, planes, count * width);
  }
}
