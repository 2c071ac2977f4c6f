#pragma once
// What the tests of the C kernels share: exactly sized memory, numbers, judging.
//
// A test makes inputs, computes what is expected in double, and then, at every level the processor
// has, runs the kernel and compares. It needs no Swift and nothing but libc.

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CKernels.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define ALL_OPS 10

// MARK: what runs

/// Says which public function is under test; each is counted once.
void testing(const char *function);

/// Says what the case is, for failure lines.
void shape(const char *format, ...) __attribute__((format(printf, 1, 2)));

/// Switches to the index'th level that this processor has; false behind the last.
bool use_level(size_t index);
/// Runs what follows at every level, and frees after each what it asked for.
#define EACH_LEVEL                                                               \
  for (size_t level_index = 0, mark = memory_mark();                             \
       release_to(mark), use_level(level_index); level_index++)

/// True when the program's time is better spent on fewer cases: it is emulated.
extern bool is_slow;

// MARK: judging

/// |got - expected| <= slack; NaN meets NaN, and an infinity itself. `index` is where it stands.
void expect(size_t index, double got, double expected, double slack);

/// The same bits.
void expect_bits(size_t index, uint32_t got, uint32_t expected);

/// The fact `what` holds.
void expect_that(bool holds, const char *what);

// MARK: memory, freed by release() all at once

/// Memory that ends where it is full: a byte more is AddressSanitizer's to report or, without it, a
/// fault. What it holds is BLANK, a NaN. It begins at some multiple of an element's size, no more.
float *blank(size_t count);
uint16_t *blank_halves(size_t count);
int8_t *blank_bytes(size_t count);
double *zeros(size_t count);
/// As plumb_product and plumb_winograd want their scratch.
float *scratch(size_t count);
/// Numbers from about a normal distribution.
float *numbers(size_t count);
/// A copy, for kernels that work in place.
float *copy(const float *from, size_t count);
size_t memory_mark(void);
void release_to(size_t mark);
static inline void release(void) { release_to(0); }

static inline uint32_t bits_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}
static inline float float_of(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}
enum { BLANK = 0x7fb7b7b7, BLANK_HALF = 0x7fb7, BLANK_BYTE = 0xb7 };

/// Expects rows of `columns` floats, `stride` apart, to have BLANK between them.
void expect_gaps(const float *c, size_t rows, size_t columns, size_t stride);

// MARK: numbers

/// The next of a sequence that is the same in every run.
uint64_t random_bits(void);
/// 0..<limit
size_t random_below(size_t limit);
float number(void);

static inline size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

// MARK: activations

extern const char *const op_names[ALL_OPS];

/// op(x) in double.
double exact_unary(plumb_unary_op op, double x);

/// How far a kernel's op(x) may be off when x itself may be off by dx.
double unary_slack(plumb_unary_op op, double x, double dx);

/// The step between floats at y.
double step_at(double y);

// MARK: the tests, a file each

void test_processor(void);
void test_workers(void);
void test_maps(void);
void test_norms(void);
void test_pack(void);
void test_product(void);
void test_winograd(void);
void test_windows(void);
void test_moves(void);
void test_halves(void);

/// Prints what Winograd's algorithm costs in precision.
void print_winograd_errors(void);

/// What element (row, column) of the product of patches and b [k, n] is in double; adds to
/// `magnitude` the sum of the products' magnitudes.
double exact_product(const struct plumb_patches *p, size_t row, const float *b, size_t n,
                     size_t column, double *magnitude);
