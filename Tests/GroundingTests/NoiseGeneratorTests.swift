import Grounding
import Testing

/// Expected bits are torch.randn's (PyTorch 2.13, x86-64, AVX2 kernels).
@Suite struct NoiseGeneratorTests {
  @Test func shortTensorsTakeTheScalarPathAndKeepTheOddValue() {
    var generator = NoiseGenerator(seed: 4200)
    let first: [UInt32] = [0x3f22_d2c2, 0xc014_94ca, 0x3f5e_51e9, 0xbf64_9cd1, 0xbfb3_da3c]
    #expect(generator.normal(count: 5) == floats(first))
    let long: [UInt32] = [
      0x3e3b_0058, 0x3dd2_c3de, 0x3e82_34ef, 0xbf2a_3f10, 0x3ef2_563d, 0xbf14_1f14, 0x3ec3_a7bc,
      0x3f8e_88a6, 0xbd06_d7b7, 0x3f2c_9575, 0xbf4d_37c8, 0x3fe1_c7e9, 0x3ec9_20bb, 0xbf4e_9e42,
      0x3f93_b6a4, 0x3c07_42dd,
    ]
    #expect(generator.normal(count: 16) == floats(long))
    // The sixth scalar value was drawn with the fifth and comes out only now.
    #expect(generator.normal(count: 3) == floats([0xbe83_daf7, 0xbfaf_414e, 0xbebd_c86e]))
  }

  @Test func restIsCoveredByDrawingTheLastSixteenAfresh() {
    var generator = NoiseGenerator(seed: UInt64(bitPattern: -1))
    let expected: [UInt32] = [
      0xc02a_83da, 0xbf8b_a77b, 0x3ee7_241e, 0xbf09_cb50, 0x3e9c_c8c4, 0x3ed9_16ec, 0x3e88_0176,
      0xc049_8e0e, 0xc036_003c, 0x3f72_4209, 0xbf85_aa39, 0xbea6_ea8d, 0xbcf2_d908, 0x3ec4_3506,
      0xbe24_d0ea, 0x3ffb_e3de, 0x3fcf_ebca, 0xbf8e_8fde, 0x3f27_df17,
    ]
    #expect(generator.normal(count: 19) == floats(expected))
  }

  @Test func onlyTheLowHalfOfTheSeedCounts() {
    var wide = NoiseGenerator(seed: 7 << 32 | 1)
    var narrow = NoiseGenerator(seed: 1)
    let values = wide.normal(count: 16)
    #expect(values == narrow.normal(count: 16))
    let expected: [UInt32] = [0xbfc3_46ba, 0xbf40_0f31, 0xbf27_6b4b, 0xbfce_0399]
    #expect(Array(values.prefix(4)) == floats(expected))
  }

  @Test func twoLatentsInARow() {
    var generator = NoiseGenerator(seed: 4200)
    #expect(fingerprint(generator.normal(count: 4 * 64 * 64)) == 0x7d93_0d67_2451_b965)
    #expect(fingerprint(generator.normal(count: 4 * 64 * 64)) == 0x4dcc_80c8_19f8_06df)
  }

  @Test func nothingIsDrawnForAnEmptyTensor() {
    var generator = NoiseGenerator(seed: 3)
    var other = NoiseGenerator(seed: 3)
    #expect(generator.normal(count: 0).isEmpty)
    #expect(generator.normal(count: 20) == other.normal(count: 20))
  }

  @Test func longTensorsAreStandardNormal() {
    var generator = NoiseGenerator(seed: 11)
    let values = generator.normal(count: 1 << 18).map { Double($0) }
    let mean = values.reduce(0, +) / Double(values.count)
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
    #expect(abs(mean) < 0.01)
    #expect(abs(variance - 1) < 0.02)
    #expect(values.allSatisfy { $0.isFinite })
  }
}
