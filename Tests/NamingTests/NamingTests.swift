import Naming
import Testing

@Test(arguments: [
  ("*.probabilities", "mid.attn2.probabilities", true),
  ("down*attn2*", "down_blocks.0.attn2.probabilities", true),
  ("a?c", "abc", true), ("a?c", "ac", false), ("*", "", true), ("", "a", false),
  ("a*b*c", "a-b-b-c", true), ("a*b*c", "a-b-b", false), ("plain", "plain", true),
  ("step{3..12}.map", "step7.map", true), ("step{3..12}.map", "step012.map", true),
  ("step{3..12}.map", "step13.map", false), ("step{3..12}.map", "step2.map", false),
  ("step{3..12}.map", "step.map", false), ("*{3..12}*", "out/step13", false),
  ("*{3..12}*", "a13-b3-c", true), ("{0..9}", "99999999999999999999", false),
  // No range: as it stands.
  ("a{9..3}", "a{9..3}", true), ("a{9..3}", "a5", false), ("{x}", "{x}", true),
  ("{1..", "{1..", true),
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
