/// What `plumb eval --report` shows: the scores of a run, pair by pair and together.
package struct EvaluationPage: Sendable {
  /// What was judged, and on what.
  package var title: String
  package var subtitle: String
  package var scores: [ScoreColumn]
  /// The kinds of maps, each with its scores; the first is the one that cases are ranked by.
  package var variants: [Variant]
  /// What merging changes, when there are both.
  package var differences: [Row]
  package var pairs: [Pair]
  package var cases: [Case]
  package var remarks: [String]
  package var run: [Fact]
  package var settings: [Fact]
  package var program: String

  package init(
    title: String, subtitle: String, scores: [ScoreColumn], variants: [Variant],
    differences: [Row], pairs: [Pair], cases: [Case], remarks: [String], run: [Fact],
    settings: [Fact], program: String
  ) {
    self.title = title
    self.subtitle = subtitle
    self.scores = scores
    self.variants = variants
    self.differences = differences
    self.pairs = pairs
    self.cases = cases
    self.remarks = remarks
    self.run = run
    self.settings = settings
    self.program = program
  }

  /// A score: what to call it, and how to show it.
  package struct ScoreColumn: Sendable {
    package var title: String
    /// What it is, in a sentence.
    package var meaning: String
    /// Behind the point.
    package var digits: Int
    /// Whether it lies in 0…1.
    package var isShare: Bool

    package init(title: String, meaning: String, digits: Int, isShare: Bool) {
      self.title = title
      self.meaning = meaning
      self.digits = digits
      self.isShare = isShare
    }
  }

  /// One kind of map.
  package struct Variant: Sendable {
    package var title: String
    /// All pairs first, then class by class.
    package var rows: [Row]

    package init(title: String, rows: [Row]) {
      self.title = title
      self.rows = rows
    }
  }

  /// Means over a group of pairs.
  package struct Row: Sendable {
    package var title: String
    package var pairs: Int
    /// For each score; nil where no pair has it.
    package var means: [Mean?]

    package init(title: String, pairs: Int, means: [Mean?]) {
      self.title = title
      self.pairs = pairs
      self.means = means
    }
  }

  package struct Mean: Sendable {
    package var mean: Double
    /// Ends of the 95 % interval.
    package var low: Double
    package var high: Double

    package init(mean: Double, low: Double, high: Double) {
      self.mean = mean
      self.low = low
      self.high = high
    }
  }

  package struct Pair: Sendable {
    /// In the manifest, from 0.
    package var number: Int
    package var phrase: String
    package var category: String
    package var image: String
    /// [variant][score]; empty for a pair that could not be judged.
    package var scores: [[Double?]]

    package init(
      number: Int, phrase: String, category: String, image: String, scores: [[Double?]]
    ) {
      self.number = number
      self.phrase = phrase
      self.category = category
      self.image = image
      self.scores = scores
    }
  }

  /// A pair that is shown with its picture.
  package struct Case: Sendable {
    /// As `Pair.number`.
    package var number: Int
    /// Why it is here: "Best", "Worst", …
    package var groups: [String]
    package var picture: PagePicture
    /// Closed lines around the truth, in the original's pixels.
    package var truth: [[Double]]
    /// In the order of the page's variants.
    package var maps: [CaseMap]

    package init(
      number: Int, groups: [String], picture: PagePicture, truth: [[Double]], maps: [CaseMap]
    ) {
      self.number = number
      self.groups = groups
      self.picture = picture
      self.truth = truth
      self.maps = maps
    }
  }

  package struct CaseMap: Sendable {
    /// nil when the map points nowhere.
    package var values: ByteMap?
    /// Closed lines around the mask, in the original's pixels.
    package var outline: [[Double]]
    /// [x0, y0, x1, y1] in the original's pixels.
    package var box: [Double]?

    package init(values: ByteMap?, outline: [[Double]], box: [Double]?) {
      self.values = values
      self.outline = outline
      self.box = box
    }
  }
}
