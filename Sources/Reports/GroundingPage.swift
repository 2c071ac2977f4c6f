/// What `plumb ground --report` shows: one picture and the phrases that were grounded in it.
package struct GroundingPage: Sendable {
  package var picture: PagePicture
  package var phrases: [Phrase]
  /// The model's file and identity.
  package var model: [Fact]
  /// What the run was told.
  package var settings: [Fact]
  /// What the page does not hold as it was: a smaller picture, fewer steps.
  package var remarks: [String]
  /// The program that wrote it.
  package var program: String

  package init(
    picture: PagePicture, phrases: [Phrase], model: [Fact], settings: [Fact], remarks: [String],
    program: String
  ) {
    precondition(!phrases.isEmpty)
    self.picture = picture
    self.phrases = phrases
    self.model = model
    self.settings = settings
    self.remarks = remarks
    self.program = program
  }

  /// One phrase and all that was found of it.
  package struct Phrase: Sendable {
    package var text: String
    package var words: [Word]
    package var warnings: [String]
    /// [x0, y0, x1, y1] in the original's pixels; nil when the mask is empty.
    package var box: [Double]?
    /// Closed lines around the mask, x, y, x, y, … in the original's pixels.
    package var outline: [[Double]]
    /// The final map first.
    package var maps: [Map]
    /// Of bias merging; nil without it.
    package var merging: Merging?
    /// Box, mask and the like, for a table.
    package var found: [Fact]
    package var times: [Time]
    package var passes: [Pass]
    /// Why there are no maps per step and layer, or which there are.
    package var tapRemark: String

    package init(
      text: String, words: [Word], warnings: [String], box: [Double]?, outline: [[Double]],
      maps: [Map], merging: Merging?, found: [Fact], times: [Time], passes: [Pass],
      tapRemark: String
    ) {
      self.text = text
      self.words = words
      self.warnings = warnings
      self.box = box
      self.outline = outline
      self.maps = maps
      self.merging = merging
      self.found = found
      self.times = times
      self.passes = passes
      self.tapRemark = tapRemark
    }
  }

  package struct Word: Sendable {
    package var text: String
    /// As the vocabulary spells them.
    package var tokens: [String]
    /// Places among the encoded tokens, [CLS] being 0.
    package var positions: [Int]
    /// Whether it makes the map.
    package var isKept: Bool
    /// Where this word alone looks; nil where it was not kept or points nowhere.
    package var map: ByteMap?

    package init(
      text: String, tokens: [String], positions: [Int], isKept: Bool, map: ByteMap?
    ) {
      self.text = text
      self.tokens = tokens
      self.positions = positions
      self.isKept = isKept
      self.map = map
    }
  }

  /// A map over the crop.
  package struct Map: Sendable {
    /// "map", "activation", "image_bias", "text_bias", "merged".
    package var key: String
    package var title: String
    /// What it shows, in a sentence.
    package var meaning: String
    package var values: ByteMap

    package init(key: String, title: String, meaning: String, values: ByteMap) {
      self.key = key
      self.title = title
      self.meaning = meaning
      self.values = values
    }
  }

  /// How bias merging put the maps together.
  package struct Merging: Sendable {
    /// s, of the two biases.
    package var similarity: Double

    package init(similarity: Double) { self.similarity = similarity }

    /// Of (m + a + m∘a)/2.
    var weightOfBoth: Double { 2 * (1 - similarity) * similarity }
    /// Of a.
    var weightOfActivation: Double { (1 - similarity) * (1 - similarity) }
    /// Of m.
    var weightOfMerged: Double { similarity * similarity }
  }

  /// A stage of the work.
  package struct Time: Sendable {
    package var stage: String
    package var seconds: Double
    /// "from the cache".
    package var remark: String?

    package init(stage: String, seconds: Double, remark: String? = nil) {
      self.stage = stage
      self.seconds = seconds
      self.remark = remark
    }
  }

  /// The attention maps of one pass: for each kept step and layer a map for each token.
  package struct Pass: Sendable {
    /// "image" or "text".
    package var key: String
    package var title: String
    /// The steps that are here, from 1.
    package var steps: [Int]
    /// Of how many.
    package var stepCount: Int
    /// The noise schedule's time of each step here; empty when it is not known.
    package var timesteps: [Int]
    /// What to call each token.
    package var tokens: [String]
    /// Which of them make the map.
    package var kept: [Int]
    package var layers: [Layer]

    package init(
      key: String, title: String, steps: [Int], stepCount: Int, timesteps: [Int],
      tokens: [String], kept: [Int], layers: [Layer]
    ) {
      self.key = key
      self.title = title
      self.steps = steps
      self.stepCount = stepCount
      self.timesteps = timesteps
      self.tokens = tokens
      self.kept = kept
      self.layers = layers
    }
  }

  /// One layer's maps, [steps, tokens, height, width] in 8 bits, each map between its own least and
  /// largest value.
  package struct Layer: Sendable {
    package var name: String
    package var height: Int
    package var width: Int
    package var bytes: [UInt8]
    /// [steps, tokens].
    package var lows: [Float]
    package var highs: [Float]

    package init(
      name: String, height: Int, width: Int, bytes: [UInt8], lows: [Float], highs: [Float]
    ) {
      precondition(lows.count == highs.count && bytes.count == lows.count * height * width)
      self.name = name
      self.height = height
      self.width = width
      self.bytes = bytes
      self.lows = lows
      self.highs = highs
    }
  }
}
