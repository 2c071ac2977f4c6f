import Kernels
import TensorBase
import Testing

extension KernelTests {
  struct Case: CustomTestStringConvertible {
    var batch = 1
    var queries: Int
    var keys: Int
    var heads: Int
    var d: Int
    var dv: Int?
    var shared = false
    var mask: [Int]?
    var causal = false
    var tokens: [Int]?
    var testDescription: String { "\(batch) \(queries)×\(keys) heads \(heads) of \(d) \(causal)" }
  }

  @Test(arguments: [
    Case(queries: 1, keys: 1, heads: 1, d: 1),
    Case(queries: 5, keys: 7, heads: 2, d: 3, tokens: [0, 6, 3]),
    Case(batch: 2, queries: 33, keys: 77, heads: 4, d: 40, shared: true),
    Case(batch: 3, queries: 19, keys: 13, heads: 2, d: 64, dv: 5, tokens: [12]),
    Case(queries: 77, keys: 77, heads: 3, d: 16, causal: true),
    Case(batch: 2, queries: 12, keys: 12, heads: 2, d: 8, mask: [2, 1, 1, 12]),
    Case(batch: 2, queries: 9, keys: 12, heads: 2, d: 8, mask: [1, 2, 9, 1]),
    Case(batch: 1, queries: 9, keys: 9, heads: 2, d: 8, mask: [1, 1, 9, 9], causal: true),
    Case(queries: 130, keys: 1030, heads: 2, d: 80, tokens: [0, 1029]),
    Case(queries: 66, keys: 257, heads: 1, d: 160),
    Case(queries: 31, keys: 65, heads: 2, d: 33, dv: 50),
    Case(queries: 900, keys: 900, heads: 1, d: 8, causal: true, tokens: [0, 383, 384, 899]),
    Case(batch: 2, queries: 5, keys: 800, heads: 2, d: 24, shared: true, mask: [2, 2, 5, 800]),
    Case(queries: 7, keys: 769, heads: 2, d: 8, mask: [1, 2, 7, 1], causal: true),
  ])
  func attentionAgrees(_ c: Case) {
    var numbers = Numbers(UInt64(c.queries * 100 + c.d))
    let dv = c.dv ?? c.d, keyBatch = c.shared ? 1 : c.batch
    let q = numbers.tensor([c.batch, c.queries, c.heads * c.d])
    let k = numbers.tensor([keyBatch, c.keys, c.heads * c.d])
    let v = numbers.tensor([keyBatch, c.keys, c.heads * dv])
    let mask = c.mask.map { numbers.tensor($0, scale: 3) }
    let parameters = AttentionParameters(
      heads: c.heads, scale: 1 / Float(c.d).squareRoot(), isCausal: c.causal, tokens: c.tokens)
    let out = [c.batch, c.queries, c.heads * dv]
    let tap = [c.batch, c.tokens?.count ?? c.keys, c.queries]
    for threads in [1, 2] {
      expectAgreement(
        out, absolute: 3e-6, relative: 1e-5, "output",
        reference: {
          attentionReference($0, q: q.view, k: k.view, v: v.view, mask: mask?.view, parameters)
        },
        fast: {
          attention(
            $0, q: q.view, k: k.view, v: v.view, mask: mask?.view, parameters, threads: threads)
        })
      expectAgreement(
        tap, absolute: 1e-7, relative: 1e-5, "tap",
        reference: {
          attentionReference(
            Result(out).view, tap: $0, q: q.view, k: k.view, v: v.view, mask: mask?.view,
            parameters)
        },
        fast: {
          attention(
            Result(out).view, tap: $0, q: q.view, k: k.view, v: v.view, mask: mask?.view,
            parameters, threads: threads)
        })
    }
  }

  @Test func maskedKeysGetNothing() {
    var numbers = Numbers(3)
    let q = numbers.tensor([1, 4, 8]), k = numbers.tensor([1, 20, 8])
    let v = numbers.tensor([1, 20, 8])
    let mask = Tensor(
      floats: (0..<20).map { $0 % 3 == 0 ? -Float.infinity : 0 }, shape: [1, 1, 1, 20])
    let out = Result([1, 4, 8]), tap = Result([1, 20, 4])
    attention(
      out.view, tap: tap.view, q: q.view, k: k.view, v: v.view, mask: mask.view,
      AttentionParameters(heads: 2, scale: 0.5), threads: 1)
    for key in stride(from: 0, to: 20, by: 3) {
      for query in 0..<4 { #expect(tap.floats[key * 4 + query] == 0) }
    }
    for query in 0..<4 {
      let sum = (0..<20).reduce(Float(0)) { $0 + tap.floats[$1 * 4 + query] }
      #expect(abs(sum - 1) < 1e-6)
    }
  }

  /// Blocks of keys that see nothing, then ones whose scores rise from each to the next.
  @Test(arguments: [1, 2]) func scoresMayRiseFromBlockToBlock(threads: Int) {
    var numbers = Numbers(5)
    let q = numbers.tensor([1, 11, 16]), k = numbers.tensor([1, 2000, 16])
    let v = numbers.tensor([1, 2000, 16])
    let mask = Tensor(
      floats: (0..<2000).map { $0 < 500 ? -Float.infinity : Float($0) / 40 },
      shape: [1, 1, 1, 2000])
    let parameters = AttentionParameters(heads: 2, scale: 0.3)
    for withTap in [false, true] {
      expectAgreement(
        [1, 11, 16], absolute: 3e-6, relative: 1e-5, "output",
        reference: {
          attentionReference($0, q: q.view, k: k.view, v: v.view, mask: mask.view, parameters)
        },
        fast: {
          attention(
            $0, tap: withTap ? Result([1, 2000, 11]).view : nil, q: q.view, k: k.view, v: v.view,
            mask: mask.view, parameters, threads: threads)
        })
    }
    expectAgreement(
      [1, 2000, 11], absolute: 1e-7, relative: 2e-5, "tap",
      reference: {
        attentionReference(
          Result([1, 11, 16]).view, tap: $0, q: q.view, k: k.view, v: v.view, mask: mask.view,
          parameters)
      },
      fast: {
        attention(
          Result([1, 11, 16]).view, tap: $0, q: q.view, k: k.view, v: v.view, mask: mask.view,
          parameters, threads: threads)
      })
  }

  @Test func largeScoresStayFinite() {
    let q = Tensor(floats: [Float](repeating: 100, count: 64), shape: [1, 2, 32])
    let k = Tensor(
      floats: (0..<96).map { $0 < 32 ? 100 : $0 < 64 ? -100 : 99 }, shape: [1, 3, 32])
    let v = Tensor(floats: (0..<96).map(Float.init), shape: [1, 3, 32])
    expectAgreement(
      [1, 2, 32],
      reference: {
        attentionReference(
          $0, q: q.view, k: k.view, v: v.view, AttentionParameters(heads: 1, scale: 1))
      },
      fast: {
        attention(
          $0, q: q.view, k: k.view, v: v.view, AttentionParameters(heads: 1, scale: 1), threads: 1)
      })
  }
}
