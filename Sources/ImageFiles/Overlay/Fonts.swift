import CFreeType
import Glibc

/// The fonts that captions are set in, found on the machine: FreeType's library with regular and
/// bold faces, each list in the order in which a character is looked for. No shaping: marks stand
/// where the font puts them, and right-to-left scripts are not reordered.
struct Fonts: ~Copyable {
  private var library: FT_Library?
  private var regular: [FT_Face] = []
  private var bold: [FT_Face] = []
  /// What went wrong in finding fonts.
  private var warning: String?

  /// - Parameter preferred: a font file to look at first.
  init(preferred: String?) {
    guard FT_Init_FreeType(&library) == 0 else {
      warning = "FreeType does not start, so the picture has no text"
      return
    }
    if let preferred {
      if let face = open(preferred) {
        regular.append(face)
      } else {
        warning = "the font \(preferred) named by PLUMB_FONT cannot be read; another one is used"
      }
    }
    for (plain, heavy) in Self.usual {
      if let face = open(plain) {
        regular.append(face)
        // A bold face beside a preferred font of another family would jar; it is emboldened.
        if preferred == nil || warning != nil, let face = open(heavy) { bold.append(face) }
      }
    }
    if regular.isEmpty {
      warning = """
        no font was found, so the picture has no text; install one (on Debian: apt-get install \
        fonts-dejavu-core) or name a .ttf file in PLUMB_FONT
        """
    }
  }

  deinit {
    for face in regular + bold { FT_Done_Face(face) }
    if let library { FT_Done_FreeType(library) }
  }

  var isEmpty: Bool { regular.isEmpty }

  /// Regular and bold files, the most wanted first; the later ones are there for the scripts that
  /// the first do not have.
  private static let usual: [(String, String)] = {
    let share = "/usr/share/fonts"
    let families: [(folders: [String], plain: String, heavy: String)] = [
      (
        ["truetype/dejavu", "dejavu-sans-fonts", "dejavu", "TTF", "truetype"], "DejaVuSans.ttf",
        "DejaVuSans-Bold.ttf"
      ),
      (
        ["truetype/noto", "google-noto", "noto", "opentype/noto"], "NotoSans-Regular.ttf",
        "NotoSans-Bold.ttf"
      ),
      (
        ["truetype/liberation", "truetype/liberation2", "liberation-sans", "liberation"],
        "LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf"
      ),
      (["truetype/freefont", "gnu-free"], "FreeSans.ttf", "FreeSansBold.ttf"),
      (["truetype/ubuntu", "ubuntu"], "Ubuntu-R.ttf", "Ubuntu-B.ttf"),
      (
        ["opentype/noto", "google-noto-cjk", "noto-cjk"], "NotoSansCJK-Regular.ttc",
        "NotoSansCJK-Bold.ttc"
      ),
      (["truetype/wqy"], "wqy-zenhei.ttc", "wqy-zenhei.ttc"),
    ]
    return families.flatMap { family in
      family.folders.map { folder in
        ("\(share)/\(folder)/\(family.plain)", "\(share)/\(folder)/\(family.heavy)")
      }
    }
  }()

  private func open(_ path: String) -> FT_Face? {
    var face: FT_Face?
    guard FT_New_Face(library, path, 0, &face) == 0, let face else { return nil }
    // Fonts of fixed bitmaps cannot be set at every size.
    guard face.pointee.face_flags & (1 << 0) != 0 else {
      FT_Done_Face(face)
      return nil
    }
    return face
  }

  /// What to tell people who have set these texts, when there is anything to tell.
  func warning(for texts: [String]) -> String? {
    if let warning { return warning }
    let isMissing = texts.contains { text in
      text.unicodeScalars.contains { scalar in
        isDrawn(scalar)
          && !regular.contains { FT_Get_Char_Index($0, FT_ULong(scalar.value)) != 0 }
      }
    }
    if !isMissing { return nil }
    return """
      no font that was found has all characters of the phrase; install one (on Debian: apt-get \
      install fonts-noto-cjk for East Asian scripts) or name a .ttf file in PLUMB_FONT
      """
  }

  /// Width of a text in pixels.
  func width(_ text: String, size: Double, bold: Bool = false) -> Double {
    var pen = 0.0
    forEachGlyph(text, size: size, bold: bold) { _, _, advance in pen += advance }
    return pen
  }

  /// Draws a text that starts at `x` on `baseline`.
  func draw(
    _ text: String, x: Double, baseline: Double, size: Double, bold: Bool = false,
    colour: Colour, on canvas: inout Canvas
  ) {
    var pen = x
    forEachGlyph(text, size: size, bold: bold) { face, isFake, advance in
      if let slot = face.pointee.glyph, slot.pointee.format == FT_GLYPH_FORMAT_OUTLINE {
        if isFake { FT_Outline_Embolden(&slot.pointee.outline, FT_Pos(size * 64 / 22)) }
        let whole = pen.rounded(.down)
        FT_Outline_Translate(&slot.pointee.outline, FT_Pos((pen - whole) * 64), 0)
        if FT_Render_Glyph(slot, FT_RENDER_MODE_NORMAL) == 0 {
          stamp(slot, x: Int(whole), y: Int(baseline.rounded()), colour, on: &canvas)
        }
      }
      pen += advance
    }
  }

  private func stamp(
    _ slot: FT_GlyphSlot, x: Int, y: Int, _ colour: Colour, on canvas: inout Canvas
  ) {
    let bitmap = slot.pointee.bitmap
    guard bitmap.pixel_mode == UInt8(FT_PIXEL_MODE_GRAY.rawValue), let buffer = bitmap.buffer
    else { return }
    for row in 0..<Int(bitmap.rows) {
      for column in 0..<Int(bitmap.width) {
        let share = Float(buffer[row * Int(bitmap.pitch) + column]) / 255
        canvas.blend(
          x + Int(slot.pointee.bitmap_left) + column, y - Int(slot.pointee.bitmap_top) + row,
          colour, share)
      }
    }
  }

  /// Loads one glyph after the other into its face's slot; `body` gets the face, whether boldness
  /// has to be feigned, and the advance in pixels, kerning included.
  private func forEachGlyph(
    _ text: String, size: Double, bold wantsBold: Bool,
    _ body: (FT_Face, _ isFake: Bool, _ advance: Double) -> Void
  ) {
    let scalars = text.unicodeScalars.filter(isDrawn)
    for scalar in scalars {
      guard let (face, glyph, isFake) = find(scalar, bold: wantsBold) else { continue }
      guard FT_Set_Char_Size(face, 0, FT_F26Dot6(size * 64), 72, 72) == 0,
        FT_Load_Glyph(face, glyph, FT_Int32(lightHinting)) == 0, let slot = face.pointee.glyph
      else { continue }
      body(face, isFake, Double(slot.pointee.linearHoriAdvance) / 65_536)
    }
  }

  /// FT_LOAD_TARGET_LIGHT, a macro with arguments: stems snap vertically, widths stay linear.
  private var lightHinting: Int { (Int(FT_RENDER_MODE_LIGHT.rawValue) & 15) << 16 }

  /// The first face that has the character; the first face's "missing" glyph when none has.
  private func find(_ scalar: Unicode.Scalar, bold wantsBold: Bool) -> (FT_Face, UInt32, Bool)? {
    let code = FT_ULong(scalar.value)
    if wantsBold {
      for face in bold {
        let glyph = FT_Get_Char_Index(face, code)
        if glyph != 0 { return (face, glyph, false) }
      }
    }
    for face in regular {
      let glyph = FT_Get_Char_Index(face, code)
      if glyph != 0 { return (face, glyph, wantsBold) }
    }
    return regular.first.map { ($0, 0, wantsBold) }
  }
}

/// Whether a character shows: no control and nothing like a joiner or a direction mark.
private func isDrawn(_ scalar: Unicode.Scalar) -> Bool {
  scalar.value >= 32 && !(127..<160).contains(scalar.value)
    && !scalar.properties.isDefaultIgnorableCodePoint
}

/// The font file that the environment asks for.
func fontOfEnvironment() -> String? {
  guard let value = getenv("PLUMB_FONT"), value.pointee != 0 else { return nil }
  return String(cString: value)
}
