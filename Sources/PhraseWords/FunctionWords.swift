/// Closed classes of English: words that are never adjective, noun or lexical verb, or so rarely in
/// reports that the other reading wins.
enum FunctionWords {
  static let all: Set<String> = {
    let lists = [
      determiners, pronouns, prepositions, conjunctions, auxiliaries, adverbs, numerals,
    ]
    return Set(lists.flatMap { $0.split(whereSeparator: \.isWhitespace).map(String.init) })
  }()

  private static let determiners = """
    a an the this that these those no every each either neither some any all both such another
    much many more most few fewer fewest less least several enough little half same own
    which what whose whichever whatever
    """

  private static let pronouns = """
    i me my mine myself we us our ours ourselves you your yours yourself he him his himself she her
    hers herself it its itself they them their theirs themselves there who whom whoever one ones
    none nothing something anything everything nobody somebody anybody everybody someone anyone
    everyone
    """

  private static let prepositions = """
    of in on at with without within for from to by into onto over under above below between among
    amongst along alongside across after before behind beneath beside besides beyond despite during
    except inside near outside per since through throughout toward towards until till upon via
    versus vs vs. against around about amid amidst than as like unlike off out up down underneath
    regarding including w w/o s/p plus minus
    """

  private static let conjunctions = """
    and or but nor so yet if because although though while whilst whereas whether when where
    whenever wherever unless how why & +
    """

  private static let auxiliaries = """
    am is are was were be been being may might can could shall should will would must ought cannot
    isn't aren't wasn't weren't can't couldn't shouldn't wouldn't won't don't doesn't didn't hasn't
    haven't hadn't
    """

  private static let adverbs = """
    not n't again almost already also always away back else elsewhere even ever far forward hence
    here however indeed instead just maybe meanwhile moreover nevertheless never now nowadays
    often once only otherwise perhaps please quite rather seldom sometimes somewhat soon still
    then thereby therefore thus today together tomorrow tonight too twice very well yesterday
    anymore afterwards backwards downwards upwards inwards outwards forwards etc etc. e.g i.e
    overnight
    """

  private static let numerals = """
    zero two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety
    hundred thousand million
    """

  /// Words in -ly that are no adverbs.
  static let notAdverbs: Set<String> = [
    "apply", "assembly", "belly", "bodily", "comply", "costly", "daily", "early",
    "elderly",
    "family", "fly", "friendly", "hourly", "imply", "likely", "monthly", "multiply", "orderly",
    "rely",
    "reply", "sickly", "supply", "ugly", "unlikely", "weekly", "wooly", "yearly",
  ]

  /// Auxiliaries in front of another verb, verbs otherwise.
  static let haveAndDo: Set<String> = [
    "have", "has", "had", "having", "do", "does", "did", "done", "doing",
  ]

  static let be: Set<String> = ["am", "is", "are", "was", "were", "be", "been", "being"]

  /// Past participles that do not end in -ed.
  static let irregularParticiples: Set<String> = [
    "become", "been", "begun", "broken", "brought", "built", "come", "cut", "drawn", "fallen",
    "felt",
    "found", "given", "gone", "grown", "had", "held", "kept", "known", "lain", "lost",
    "made",
    "met", "put", "risen", "run", "seen", "set", "shown", "shrunk", "spread", "taken",
    "torn", "undergone", "worn",
  ]

  /// Base forms that follow "likely", "may" or "to" in reports.
  static let baseVerbs: Set<String> = [
    "account", "be", "cause", "extend", "indicate", "involve", "obscure", "reflect", "relate",
    "remain", "represent", "result", "suggest",
  ]
}
