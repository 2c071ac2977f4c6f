// A pool of threads for one job at a time. Dispatch's concurrentPerform would do, but it borrows
// threads from the pool that Swift's concurrency runs on, and where those are taken (a test run's
// are) it quietly does all the work on the caller's thread.
#include <pthread.h>

#include "CKernels.h"

enum { most_threads = 255 };

/// Held by the caller whose job the pool runs.
static pthread_mutex_t owner = PTHREAD_MUTEX_INITIALIZER;

/// Guards all below.
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER, done = PTHREAD_COND_INITIALIZER;
static size_t threads, wanted, running;
static void (*current_work)(void *);
static void *current_context;

static void *serve(void *unused) {
  pthread_mutex_lock(&guard);
  for (;;) {
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
  pthread_mutex_lock(&guard);
  wanted = 0;  // nothing is left for those who have not come yet
  while (running) pthread_cond_wait(&done, &guard);
  pthread_mutex_unlock(&guard);
  pthread_mutex_unlock(&owner);
}
