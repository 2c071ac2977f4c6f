#pragma once
// The yardstick of products: multiply-adds that wait for no memory and, being in many chains, not
// for each other.

static double level_multiply_adds(size_t rounds) {
  enum { chains = 12 };
  vf sums[chains];
  UNROLL for (int i = 0; i < chains; i++) sums[i] = v_set((float)i);
  const vf factor = v_set(0.999f), addend = v_set(0.001f);
  for (size_t round = 0; round < rounds; round++) {
    UNROLL for (int i = 0; i < chains; i++) sums[i] = v_fma(sums[i], factor, addend);
  }
  vf all = sums[0];
  UNROLL for (int i = 1; i < chains; i++) all = v_add(all, sums[i]);
  volatile float keep = v_sum(all);
  (void)keep;
  return 2.0 * VW * chains * (double)rounds;
}
