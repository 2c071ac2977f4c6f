// A pool of threads for one job at a time. Dispatch's concurrentPerform would do, but it borrows
// threads from the pool that Swift's concurrency runs on, and where those are taken (a test run's
// are) it quietly does all the work on the caller's thread.
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "CKernels.h"

enum { most_threads = 255 };

/// How often a thread looks before it sleeps: some tens of microseconds. To fall asleep and be woken takes
/// longer than most of the time between two layers.
enum { looks = 2000 };

/// Held by the caller whose job the pool runs.
static pthread_mutex_t owner = PTHREAD_MUTEX_INITIALIZER;

/// Guards all below.
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER, done = PTHREAD_COND_INITIALIZER;
static size_t threads;
/// Changed under the guard, looked at without.
static atomic_size_t wanted, running;
static void (*current_work)(void *);
static void *current_context;

static void rest(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static void *serve(void *unused) {
  pthread_mutex_lock(&guard);
  for (;;) {
    if (!wanted) {
      pthread_mutex_unlock(&guard);
      for (int i = 0; i < looks && !atomic_load_explicit(&wanted, memory_order_relaxed); i++) rest();
      pthread_mutex_lock(&guard);
    }
    while (!wanted) pthread_cond_wait(&wake, &guard);
    wanted--;
    running++;
    void (*work)(void *) = current_work;
    void *context = current_context;
    pthread_mutex_unlock(&guard);
    work(context);
    pthread_mutex_lock(&guard);
    if (!--running) pthread_cond_signal(&done);
  }
  return NULL;
}

void plumb_run_on_threads(size_t count, void (*work)(void *), void *context) {
  if (count <= 1 || pthread_mutex_trylock(&owner)) {
    work(context);
    return;
  }
  pthread_mutex_lock(&guard);
  while (threads + 1 < count && threads < most_threads) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, serve, NULL)) break;
    pthread_detach(thread);
    threads++;
  }
  current_work = work;
  current_context = context;
  wanted = count - 1 < threads ? count - 1 : threads;
  pthread_cond_broadcast(&wake);
  pthread_mutex_unlock(&guard);
  work(context);
  for (int i = 0; i < looks && atomic_load_explicit(&running, memory_order_relaxed); i++) rest();
  pthread_mutex_lock(&guard);
  wanted = 0;  // nothing is left for those who have not come yet
  while (running) pthread_cond_wait(&done, &guard);
  pthread_mutex_unlock(&guard);
  pthread_mutex_unlock(&owner);
}

// MARK: scratch

enum { page = 4096, large_page = 2 << 20, most_kept = 8 << 20, most_blocks = 2 };

/// What a thread worked in last, for its next piece of work: of fresh memory every 4096 bytes cost a
/// page fault. Blocks are given back in reverse order, so a count tells which are taken.
struct scratch {
  struct block {
    void *memory;
    size_t size;
  } blocks[most_blocks];
  size_t taken;
};

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void end_scratch(void *scratch) {
  for (size_t i = 0; i < most_blocks; i++) free(((struct scratch *)scratch)->blocks[i].memory);
  free(scratch);
}

static void make_key(void) {
  if (pthread_key_create(&key, end_scratch)) abort();
}

static struct scratch *own_scratch(void) {
  pthread_once(&once, make_key);
  struct scratch *own = pthread_getspecific(key);
  if (own) return own;
  own = calloc(1, sizeof *own);
  if (!own || pthread_setspecific(key, own)) abort();
  return own;
}

static void *fresh(size_t size) {
  void *memory = NULL;
  if (posix_memalign(&memory, size < large_page ? page : large_page, size)) abort();
#if defined(MADV_HUGEPAGE)
  if (size >= large_page) madvise(memory, size, MADV_HUGEPAGE);
#endif
  return memory;
}

void *plumb_take_scratch(size_t size) {
  size = size ? (size + page - 1) / page * page : page;
  struct scratch *own = own_scratch();
  if (own->taken >= most_blocks) {
    own->taken++;
    return fresh(size);
  }
  struct block *block = &own->blocks[own->taken++];
  if (block->size < size) {
    free(block->memory);
    *block = (struct block){fresh(size), size};
  }
  return block->memory;
}

void plumb_give_scratch(void *memory) {
  struct scratch *own = own_scratch();
  if (--own->taken >= most_blocks) {
    free(memory);
    return;
  }
  struct block *block = &own->blocks[own->taken];
  if (block->size <= most_kept) return;
  free(memory);
  *block = (struct block){NULL, 0};
}
