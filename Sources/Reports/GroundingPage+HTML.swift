extension GroundingPage {
  /// The whole page.
  package func html() throws -> String {
    let first = phrases[0].text
    let more = phrases.count > 1 ? " and \(phrases.count - 1) more" : ""
    return try page(
      PageFrame(
        title: escaped("\(first)\(more) · \(picture.name)"),
        heading: "Where in the picture is what the phrase speaks of?",
        subtitle: escaped(picture.name), start: "stage", startName: "picture",
        plain: "The tables below", program: escaped(program)),
      template: PackageResources.ground_html,
      script: [
        PackageResources.drawing_js, PackageResources.taps_js, PackageResources.ground_js,
      ],
      parts: [
        "choice": choice, "merging": mergingSection, "words": wordsSection, "taps": tapsSection,
        "phrases": phraseFacts, "run": runFacts, "remarks": list(remarks),
      ],
      data: data)
  }

  /// Radio buttons for the phrases, when there are several.
  private var choice: String {
    guard phrases.count > 1 else { return "" }
    let items = phrases.enumerated().map { index, phrase in
      """
      <label class="card"><input type="radio" name="phrase" value="\(index)"\
      \(index == 0 ? " checked" : "")>
      <canvas data-thumbnail="\(index)" aria-hidden="true"></canvas>
      <span>\(escaped(phrase.text))</span></label>
      """
    }
    return """
      <fieldset id="phrases" class="cards"><legend>Phrases</legend>
      \(items.joined(separator: "\n"))
      </fieldset>
      """
  }

  /// How bias merging combines the maps; absent when no phrase has it.
  private var mergingSection: String {
    guard phrases.contains(where: { $0.merging != nil }) else { return "" }
    let figures: [(key: String, name: String, text: String)] = [
      ("image_bias", "b<sub>i</sub> · image bias", "What the picture attracts without words."),
      ("text_bias", "b<sub>t</sub> · text bias", "Where the words look without the picture."),
      ("activation", "a · activation", "Where the words look in the picture."),
      ("merged", "m · merged", "The matrix product of the passes’ maps, averaged."),
      ("map", "The final map", "What mask and box are cut from."),
    ]
    let items = figures.map { figure in
      """
      <li><button type="button" data-map="\(figure.key)" aria-pressed="false">
      <canvas aria-hidden="true"></canvas><b>\(figure.name)</b><span>\(figure.text)</span>
      </button></li>
      """
    }
    let formulas = phrases.enumerated().map { index, phrase -> String in
      guard let merging = phrase.merging else { return "" }
      let s = merging.similarity
      return """
        <div data-phrase="\(index)">
        <p class="formula">s = max(0, SSIM(b<sub>i</sub>, b<sub>t</sub>)) =
        <b>\(decimal(s, digits: 3))</b>
        <meter min="0" max="1" value="\(decimal(s, digits: 4))"
        aria-label="Similarity of the two biases"></meter></p>
        <p class="formula">map = 2(1−s)s · (m + a + m∘a)/2 + (1−s)² · a + s² · m
        = <b>\(decimal(merging.weightOfBoth, digits: 3))</b> · (m + a + m∘a)/2 +
        <b>\(decimal(merging.weightOfActivation, digits: 3))</b> · a +
        <b>\(decimal(merging.weightOfMerged, digits: 3))</b> · m</p>
        </div>
        """
    }
    return """
      <section aria-labelledby="merging-title"><h2 id="merging-title">Bias merging</h2>
      <p>The more alike what the picture attracts by itself and where the words tend to go anyway,
      the more counts what both have in common. Choose a map to see it large.</p>
      <ul class="figures" id="merging">
      \(items.joined(separator: "\n"))
      </ul>
      \(formulas.joined(separator: "\n"))
      </section>
      """
  }

  /// A map per word.
  private var wordsSection: String {
    let lists = phrases.enumerated().map { index, phrase in
      let items = phrase.words.enumerated().map { place, word in
        let tokens = zip(word.tokens, word.positions).map { "\($0) (\($1))" }
          .joined(separator: ", ")
        let body = "<b>\(escaped(word.text))</b><span>\(escaped(tokens))</span>"
        guard word.map != nil else {
          let reason = word.isKept ? "points nowhere" : "does not count"
          return "<li class=\"plain\">\(body)<span>\(reason)</span></li>"
        }
        return """
          <li><button type="button" data-map="word-\(place)" aria-pressed="false">
          <canvas aria-hidden="true"></canvas>\(body)</button></li>
          """
      }
      return "<ul class=\"figures words\" data-phrase=\"\(index)\">\n"
        + items.joined(separator: "\n") + "\n</ul>"
    }
    return """
      <section aria-labelledby="words-title"><h2 id="words-title">Word by word</h2>
      <p>Each word that counts has a map of its own, from the picture’s pass; below a word stand its
      tokens and their places. Together they make the activation.</p>
      \(lists.joined(separator: "\n"))
      </section>
      """
  }

  /// Controls and canvases for maps per step and layer; only what is said of them when there are
  /// none.
  private var tapsSection: String {
    let remarks = phrases.enumerated().map { index, phrase in
      "<p data-phrase=\"\(index)\">\(escaped(phrase.tapRemark))</p>"
    }
    let hasTaps = phrases.contains { !$0.passes.isEmpty }
    return """
      <section aria-labelledby="taps-title" id="taps">
      <h2 id="taps-title">Steps and layers</h2>
      \(remarks.joined(separator: "\n"))
      \(hasTaps ? String(decoding: PackageResources.taps_html, as: UTF8.self) : "")
      </section>
      """
  }

  /// Tables of what was found, phrase by phrase.
  private var phraseFacts: String {
    phrases.enumerated().map { index, phrase in
      let total = phrase.times.reduce(0) { $0 + $1.seconds }
      let times = phrase.times.map { time in
        let remark = time.remark.map { "<td>\(escaped($0))</td>" } ?? "<td></td>"
        return """
          <tr><th scope="row">\(escaped(time.stage))</th>
          <td class="number">\(decimal(time.seconds, digits: 2)) s</td>
          <td><progress max="\(decimal(max(total, 0.0001), digits: 4))"
          value="\(decimal(time.seconds, digits: 4))" aria-hidden="true"></progress></td>
          \(remark)</tr>
          """
      }
      return """
        <article data-phrase="\(index)"><h3>\(escaped(phrase.text))</h3>
        \(list(phrase.warnings))
        <div class="tables">
        \(table(phrase.found, caption: "Found"))
        <table class="facts"><caption>Time</caption><tbody>
        \(times.joined(separator: "\n"))
        <tr><th scope="row">together</th><td class="number">\(decimal(total, digits: 2)) s</td>
        <td></td><td></td></tr>
        </tbody></table>
        </div></article>
        """
    }.joined(separator: "\n")
  }

  private var runFacts: String {
    [
      table(model, caption: "Model"), table(picture.facts, caption: "Picture"),
      table(settings, caption: "Settings"),
    ].joined(separator: "\n")
  }
}
