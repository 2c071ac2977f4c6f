// The choice of level, and the pool of threads.
#include <pthread.h>
#include <stdatomic.h>

#include "check.h"

void test_processor(void) {
  testing("plumb_cpu_current");
  const plumb_cpu_level first = plumb_cpu_current();
  expect_that(plumb_cpu_has(first), "the level chosen first is one that the processor has");
  testing("plumb_cpu_has");
  expect_that(plumb_cpu_has(PLUMB_CPU_PLAIN), "every processor has plain");
  expect_that(!plumb_cpu_has(PLUMB_CPU_NEON) || !plumb_cpu_has(PLUMB_CPU_AVX2),
              "no processor has NEON and AVX2");
  static const char *const names[] = {"plain", "avx2", "avx512", "neon"};
  for (int i = 0; i < 4; i++) {
    const plumb_cpu_level level = (plumb_cpu_level)i, before = plumb_cpu_current();
    testing("plumb_cpu_name");
    shape("level %d", i);
    expect_that(!strcmp(plumb_cpu_name(level), names[i]), "the level has its name");
    testing("plumb_cpu_use");
    shape("level %d", i);
    expect_that(plumb_cpu_use(level) == plumb_cpu_has(level), "a level there is can be used");
    const plumb_cpu_level now = plumb_cpu_has(level) ? level : before;
    expect_that(plumb_cpu_current() == now, "a level there is not changes nothing");
    testing("plumb_cpu_description");
    shape("level %d", i);
    const char *name = plumb_cpu_name(now);
    expect_that(!strncmp(plumb_cpu_description(), name, strlen(name)),
                "the description begins with the level in use");
  }
  testing("plumb_multiply_adds");
  EACH_LEVEL {
    const double few = plumb_multiply_adds(10), many = plumb_multiply_adds(1000);
    expect_that(plumb_multiply_adds(0) == 0, "no rounds are no operations");
    expect_that(few >= 20 && many == 100 * few, "operations are in proportion to rounds");
  }
}

// MARK: threads

enum { PIECES = 64 };

/// A job of pieces that are taken one by one. `counts` is written without locks: where two threads
/// had one piece, or one came back late, ThreadSanitizer sees it.
struct job {
  atomic_size_t next;
  atomic_int at_once, calls;
  size_t counts[PIECES];
  size_t threads_within;
};

static void take_pieces(void *context) {
  struct job *job = context;
  atomic_fetch_add(&job->at_once, 1);
  atomic_fetch_add(&job->calls, 1);
  for (;;) {
    const size_t piece = atomic_fetch_add(&job->next, 1);
    if (piece >= PIECES) break;
    job->counts[piece]++;
    if (job->threads_within && piece % 16 == 0) {
      struct job within = {0};
      plumb_run_on_threads(job->threads_within, take_pieces, &within);
      for (size_t i = 0; i < PIECES; i++) job->counts[piece] += within.counts[i] - 1;
    }
  }
  atomic_fetch_sub(&job->at_once, 1);
}

/// Wrong pieces, or calls still under way, of `rounds` jobs.
static size_t run_jobs(size_t threads, size_t threads_within, size_t rounds) {
  size_t wrong = 0;
  for (size_t round = 0; round < rounds; round++) {
    struct job job = {.threads_within = threads_within};
    plumb_run_on_threads(threads, take_pieces, &job);
    wrong += atomic_load(&job.at_once) != 0;
    const int calls = atomic_load(&job.calls);
    wrong += calls < 1 || (size_t)calls > (threads ? threads : 1);
    for (size_t i = 0; i < PIECES; i++) wrong += job.counts[i] != 1;
  }
  return wrong;
}

struct caller {
  pthread_t thread;
  size_t number, rounds, wrong;
};

static void *call(void *context) {
  struct caller *caller = context;
  caller->wrong = run_jobs(1 + caller->number % 5, caller->number % 3, caller->rounds);
  return NULL;
}

/// Calls that wait for each other, so that they end only when two threads are at it.
struct meeting {
  atomic_int arrived;
};

static void meet(void *context) {
  struct meeting *meeting = context;
  atomic_fetch_add(&meeting->arrived, 1);
  while (atomic_load(&meeting->arrived) < 2) sched_yield();
}

/// Takes blocks of growing sizes inside each other, fills them, and sees that nobody else writes there.
static size_t nest_scratch(size_t depth, size_t size) {
  if (!depth) return 0;
  unsigned char *block = plumb_take_scratch(size);
  memset(block, (int)depth, size);
  size_t wrong = (uintptr_t)block % 4096 != 0;
  wrong += nest_scratch(depth - 1, size * 3 + 1);
  for (size_t i = 0; i < size; i++) wrong += block[i] != depth;
  plumb_give_scratch(block);
  return wrong;
}

static void *nest(void *wrong) {
  for (size_t size = 0; size < 3000; size += 977) *(size_t *)wrong += nest_scratch(5, size);
  return NULL;
}

static void test_scratch(void) {
  testing("plumb_take_scratch");
  size_t wrong[6] = {0};
  pthread_t threads[6];
  for (size_t i = 0; i < COUNT(threads); i++)
    if (pthread_create(&threads[i], NULL, nest, &wrong[i])) abort();
  for (size_t i = 0; i < COUNT(threads); i++) {
    pthread_join(threads[i], NULL);
    shape("thread %zu of %zu at once, blocks within blocks", i, COUNT(threads));
    expect_that(wrong[i] == 0, "a block is whole and its taker's own");
  }
  testing("plumb_give_scratch");
  void *first = plumb_take_scratch(100 << 10);
  plumb_give_scratch(first);
  void *again = plumb_take_scratch(90 << 10);
  expect_that(first == again, "what was given back is taken again");
  plumb_give_scratch(again);
  void *large = plumb_take_scratch(65 << 20);
  memset(large, 1, 65 << 20);
  plumb_give_scratch(large);
}

void test_workers(void) {
  testing("plumb_run_on_threads");
  const size_t rounds = is_slow ? 20 : 400;
  for (size_t threads = 0; threads <= 9; threads++)
    for (size_t within = 0; within <= 3; within++) {
      shape("%zu threads, %zu within", threads, within);
      expect_that(run_jobs(threads, within, rounds) == 0, "every piece is done once, and in time");
    }
  shape("2 threads that wait for each other");
  struct meeting meeting = {0};
  plumb_run_on_threads(2, meet, &meeting);
  expect_that(atomic_load(&meeting.arrived) == 2, "two calls are made at once");
  struct caller callers[12];
  for (size_t i = 0; i < COUNT(callers); i++) {
    callers[i] = (struct caller){.number = i, .rounds = rounds};
    if (pthread_create(&callers[i].thread, NULL, call, &callers[i])) abort();
  }
  for (size_t i = 0; i < COUNT(callers); i++) {
    pthread_join(callers[i].thread, NULL);
    shape("caller %zu of %zu at once", i, COUNT(callers));
    expect_that(callers[i].wrong == 0, "every piece is done once, and in time");
  }
  test_scratch();
}
