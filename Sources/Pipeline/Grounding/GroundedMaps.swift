import Grounding

/// The maps of one phrase in one image and what follows from them: everything after the UNet,
/// a pure function of the taps.
struct GroundedMaps: Sendable {
  /// The final map, latent side: merged, or the activation alone.
  let map: Raster<Float>
  let activation: Raster<Float>
  /// What merging made beside; nil without it.
  let merging: BiasMerging?
  let mask: GroundingMask

  /// - Parameters:
  ///   - image: taps of the image pass; token 0 is [CLS].
  ///   - text: taps of the text pass; nil without merging.
  ///   - kept: the tokens that count, as places in the records.
  ///   - side: the latent's side.
  ///   - imageSide: the crop's side in pixels.
  init(
    image: TapRecord, text: TapRecord?, kept: [Int], last: Int, side: Int, imageSide: Int
  ) throws {
    let selection = TapSelection(cls: 0, kept: kept, last: last)
    if let text {
      let merging = try bimodalBiasMerging(
        image: image, text: text, selection: selection, side: side)
      activation = merging.activation
      map = merging.map
      self.merging = merging
    } else {
      activation = try activationMap(image: image, selection: selection, side: side)
      map = activation
      merging = nil
    }
    mask = try GroundingMask(map: map, side: imageSide)
  }
}
