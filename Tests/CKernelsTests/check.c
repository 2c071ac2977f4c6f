// Memory, judging, and the program: runs all tests, or those named.
#include "check.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

static const char *current_function = "";
static char current_shape[256];
static const char *functions[64];
static size_t function_count;
static size_t checks, failures;
enum { MOST_FAILURES = 20 };
bool is_slow;

// MARK: what runs

void testing(const char *function) {
  current_function = function;
  current_shape[0] = 0;
  for (size_t i = 0; i < function_count; i++)
    if (!strcmp(functions[i], function)) return;
  functions[function_count++] = function;
}

void shape(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(current_shape, sizeof current_shape, format, arguments);
  va_end(arguments);
}

bool use_level(size_t index) {
  for (int level = PLUMB_CPU_PLAIN; level <= PLUMB_CPU_NEON; level++)
    if (plumb_cpu_has((plumb_cpu_level)level) && index-- == 0)
      return plumb_cpu_use((plumb_cpu_level)level);
  return false;
}

// MARK: judging

/// Begins a failure's line; false when there were enough of them.
static bool fail(void) {
  if (failures++ >= MOST_FAILURES) return false;
  printf("FAIL %s %s: %s: ", current_function, plumb_cpu_name(plumb_cpu_current()), current_shape);
  return true;
}

/// Says where a bad access happened, before the sanitizer says what it was.
static void tell_place(const char *what) {
  printf("FAIL %s %s: %s: %s\n", current_function, plumb_cpu_name(plumb_cpu_current()),
         current_shape, what);
  fflush(stdout);
}

#ifdef SANITIZED
void __asan_on_error(void);
void __asan_on_error(void) { tell_place("a bad access"); }
#else
static void die(int number) {
  tell_place(number == SIGSEGV || number == SIGBUS ? "a bad access" : "died");
  _exit(1);
}
#endif

void expect(size_t index, double got, double expected, double slack) {
  checks++;
  if (got == expected || (isnan(got) && isnan(expected))) return;
  if (fabs(got - expected) <= slack && !isinf(expected)) return;
  if (fail())
    printf("[%zu] expected %.9g, got %.9g, off by %.3g where %.3g is allowed\n", index, expected,
           got, fabs(got - expected), slack);
}

void expect_bits(size_t index, uint32_t got, uint32_t expected) {
  checks++;
  if (got != expected && fail())
    printf("[%zu] expected bits %08x, got %08x\n", index, (unsigned)expected, (unsigned)got);
}

void expect_that(bool holds, const char *what) {
  checks++;
  if (!holds && fail()) printf("does not hold: %s\n", what);
}

void expect_gaps(const float *c, size_t rows, size_t columns, size_t stride) {
  for (size_t row = 0; row + 1 < rows; row++)
    for (size_t j = columns; j < stride; j++)
      expect_bits(row * stride + j, bits_of(c[row * stride + j]), BLANK);
}

// MARK: memory

struct block {
  char *start;
  size_t bytes;
};
static struct block used[64];
static size_t used_count;
#ifndef SANITIZED
static struct block spare[256];
static size_t spare_count;
#endif

#ifdef SANITIZED
/// malloc's memory begins at a multiple of 16 and may end anywhere.
static void *memory(size_t bytes, size_t unit) {
  static size_t turn;
  const size_t before = unit < 64 ? turn++ % 4 * unit : 0;
  char *start = unit < 64 ? malloc(before + bytes) : aligned_alloc(64, bytes);
  if (!start || used_count == COUNT(used)) abort();
  used[used_count++] = (struct block){start, bytes};
  return start + before;
}

static void free_block(struct block block) { free(block.start); }
#else
/// Whole pages, and behind them one that nobody may touch.
static void *memory(size_t bytes, size_t unit) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = (bytes + page - 1) / page * page;
  if (used_count == COUNT(used)) abort();
  struct block *block = &used[used_count++];
  for (size_t i = 0; i < spare_count; i++)
    if (spare[i].bytes == whole) {
      *block = spare[i];
      spare[i] = spare[--spare_count];
      return block->start + whole - bytes;
    }
  char *start =
      mmap(NULL, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED || mprotect(start + whole, page, PROT_NONE)) abort();
  *block = (struct block){start, whole};
  (void)unit;
  return start + whole - bytes;
}

static void free_block(struct block block) {
  if (spare_count < COUNT(spare)) spare[spare_count++] = block;
  else munmap(block.start, block.bytes + (size_t)sysconf(_SC_PAGESIZE));
}
#endif

size_t memory_mark(void) { return used_count; }

void release_to(size_t mark) {
  while (used_count > mark) free_block(used[--used_count]);
}

float *blank(size_t count) {
  float *p = memory(count * sizeof(float), sizeof(float));
  for (size_t i = 0; i < count; i++) p[i] = float_of(BLANK);
  return p;
}

uint16_t *blank_halves(size_t count) {
  uint16_t *p = memory(count * sizeof(uint16_t), sizeof(uint16_t));
  for (size_t i = 0; i < count; i++) p[i] = BLANK_HALF;
  return p;
}

int8_t *blank_bytes(size_t count) {
  int8_t *p = memory(count, 1);
  for (size_t i = 0; i < count; i++) p[i] = (int8_t)BLANK_BYTE;
  return p;
}

double *zeros(size_t count) {
  double *p = memory(count * sizeof(double), sizeof(double));
  for (size_t i = 0; i < count; i++) p[i] = 0;
  return p;
}

float *scratch(size_t count) {
  float *p = memory((count * sizeof(float) + 63) / 64 * 64, 64);
  for (size_t i = 0; i < count; i++) p[i] = float_of(BLANK);
  return p;
}

float *numbers(size_t count) {
  float *p = blank(count);
  for (size_t i = 0; i < count; i++) p[i] = number();
  return p;
}

float *copy(const float *from, size_t count) {
  float *p = blank(count);
  if (count) memcpy(p, from, count * sizeof(float));
  return p;
}

// MARK: the program

static const struct {
  const char *name;
  void (*run)(void);
} tests[] = {
    {"processor", test_processor}, {"workers", test_workers}, {"maps", test_maps},
    {"norms", test_norms},         {"pack", test_pack},       {"product", test_product},
    {"winograd", test_winograd},   {"windows", test_windows}, {"moves", test_moves},
    {"halves", test_halves},
};

int main(int argc, char **argv) {
  is_slow = getenv("CKERNELS_SLOW") != NULL;
#ifndef SANITIZED
  const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
  for (size_t i = 0; i < COUNT(signals); i++) signal(signals[i], die);
#endif
  if (argc == 2 && !strcmp(argv[1], "--winograd-errors")) {
    print_winograd_errors();
    return 0;
  }
  for (size_t i = 0; i < COUNT(tests); i++) {
    bool is_named = argc == 1;
    for (int j = 1; j < argc; j++) is_named |= !strcmp(argv[j], tests[i].name);
    if (is_named) tests[i].run();
  }
  if (failures > MOST_FAILURES) printf("… and %zu more\n", failures - MOST_FAILURES);
  if (failures) printf("%zu of %zu checks", failures, checks);
  else printf("%zu checks", checks);
  printf(" of %zu functions %s at levels:", function_count, failures ? "FAILED" : "passed");
  for (size_t i = 0; use_level(i); i++) printf(" %s", plumb_cpu_name(plumb_cpu_current()));
  printf("\n");
  if (!checks) printf("there is no such test\n");
  return failures || !checks;
}
