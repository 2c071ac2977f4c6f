import Naming
import Testing

@Test(arguments: [
  ("*.probabilities", "mid.attn2.probabilities", true),
  ("down*attn2*", "down_blocks.0.attn2.probabilities", true),
  ("a?c", "abc", true), ("a?c", "ac", false), ("*", "", true), ("", "a", false),
  ("a*b*c", "a-b-b-c", true), ("a*b*c", "a-b-b", false), ("plain", "plain", true),
])
func globsMatchWholeNames(pattern: String, name: String, matches: Bool) {
  #expect(Glob(pattern).matches(name) == matches)
}

@Test func theNearestNameIsASlipAway() {
  let flags = ["--steps", "--seed", "--guidance", "--no-bbm"]
  #expect(nearestName(to: "--step", among: flags) == "--steps")
  #expect(nearestName(to: "--guidence", among: flags) == "--guidance")
  #expect(nearestName(to: "--zzzzzz", among: flags) == nil)
  #expect(nearestName(to: "", among: []) == nil)
}
