import ByteIO
import Pipeline
import TestSupport
import Testing

@Suite struct EvaluationManifestTests {
  private func refuse(
    _ text: String, _ parts: [String], name: String = "m.json",
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let folder = try temporaryFolder()
    try write(text, to: folder.file(name))
    expectRefused(
      request(folder.file(name), folder.file("out")), [name] + parts,
      sourceLocation: sourceLocation)
    #expect(try folderListing(folder.path) == [name], sourceLocation: sourceLocation)
  }

  @Test func wholes() throws {
    try refuse("", ["a JSON manifest", "ends at byte 0"])
    try refuse("[]", ["has to be an object with images"])
    try refuse("{\"images\": []}", ["'categories' has to be a list"])
    try refuse("{\"images\": 1}", ["'images' has to be a list"])
    try refuse(coco(annotations: []), ["no pair to evaluate"])
    let folder = try temporaryFolder()
    expectRefused(request(folder.file("none.json"), folder.file("out")), ["no file", "none.json"])
  }

  @Test(arguments: [
    (annotation(1, box: [1, 2, 3]), ["annotations[0]", "'bbox' has to be four numbers"]),
    (annotation(1, box: [1, 2, 0, 3]), ["annotations[0]", "width and height"]),
    (annotation(1, box: [200, 2, 64, 3]), ["annotations[0]", "beyond the picture of 256 × 256"]),
    (annotation(1, box: [-2, 2, 64, 3]), ["annotations[0]", "beyond the picture"]),
    (annotation(1, phrase: ""), ["annotations[0]", "'label_text' has to be a text"]),
    (annotation(1, phrase: "  "), ["annotations[0]", "phrase is empty"]),
    ("7", ["annotations[0]", "an object is expected"]),
    ("{}", ["annotations[0]", "'id' has to be a whole number or a text"]),
    (#"{"id": 1.5}"#, ["annotations[0]", "'id'"]),
    (#"{"id": 1, "image_id": 2}"#, ["'image_id' is 2, which none of the images has"]),
    (#"{"id": 1, "image_id": 1, "category_id": "1"}"#, ["'category_id' is 1", "categories"]),
    (annotation(1) + "," + annotation(1, phrase: "x"), ["annotations[1]", "as in annotations[0]"]),
    (annotation(1, also: #", "segmentation": 3"#), ["annotations[0]", "'segmentation'"]),
    (annotation(1, also: #", "segmentation": {"size": [2, 2], "counts": [3]}"#), ["add up"]),
    (annotation(1, also: #", "segmentation": {"size": [2, 2], "counts": [5, -1]}"#), ["add up"]),
    (
      annotation(1, also: #", "segmentation": {"size": [2, 2], "counts": [3, 1]}"#),
      ["the mask is 2 × 2, but the picture 256 × 256"]
    ),
    (
      annotation(1, also: #", "segmentation": {"size": [2, 2], "counts": "x"}"#),
      ["pair 1", "compressed run lengths", "--truth box"]
    ),
    (annotation(1, also: #", "segmentation": [[1, 2]]"#), ["pair 1", "polygons", "--truth box"]),
  ])
  func annotations(_ entry: String, _ parts: [String]) throws {
    try refuse(coco(annotations: [entry]), parts)
  }

  @Test func imagesAndCategories() throws {
    let one = [annotation(1)]
    try refuse(
      coco(images: [#"{"id": 1, "file_name": "", "width": 2, "height": 2}"#], annotations: one),
      ["images[0]", "'file_name' has to be a text"])
    try refuse(
      coco(images: [#"{"id": 1, "file_name": "a", "width": 2}"#], annotations: one),
      ["images[0]", "'height' has to be a whole number of pixels"])
    try refuse(
      coco(categories: [#"{"id": 1, "name": "a"}"#, #"{"id": 1, "name": "b"}"#], annotations: one),
      ["categories[1]", "'id' is 1, as in an entry before"])
    try refuse(
      coco(
        images: [#"{"id": 1, "file_name": "nowhere.png", "width": 256, "height": 256}"#],
        annotations: one), ["pair 1", "there is no picture", "nowhere.png"])
    for id in ["\"\"", "\"a/b\"", "\"..\""] {
      let entry = annotation(1).replacing("\"id\": 1,", with: "\"id\": \(id),")
      try refuse(coco(annotations: [entry]), ["annotations[0]", "can name a file"])
    }
  }

  /// What is not looked at may be there; `path` goes before `file_name`.
  @Test func extras() throws {
    let folder = try temporaryFolder()
    let image =
      #"{"id": "a", "file_name": "no.png", "path": "phantom-3-0001.png", "width": 256,"#
      + #" "height": 256, "num_annotations": 1}"#
    let entry = annotation(1, also: #", "iscrowd": 0, "segmentation": []"#)
      .replacing("\"image_id\": 1", with: "\"image_id\": \"a\"")
    try write(coco(images: [image], annotations: [entry]), to: folder.file("m.json"))
    _ = try evaluate(request(folder.file("m.json"), folder.file("out")))
    #expect(try pairs(folder.file("out"))[0]["image_id"]?.stringValue == "a")
    #expect(try pairs(folder.file("out"))[0]["image"]?.stringValue == "phantom-3-0001.png")
  }

  @Test func picturesOfOtherSizes() throws {
    let folder = try temporaryFolder()
    let image = #"{"id": 1, "file_name": "phantom-3-0000.png", "width": 300, "height": 256}"#
    try write(coco(images: [image], annotations: [annotation(1)]), to: folder.file("m.json"))
    expectRefused(
      request(folder.file("m.json"), folder.file("out")),
      ["phantom-3-0000.png", "256 × 256, but the manifest says 300 × 256"])
  }

  @Test func relativeToTheManifest() throws {
    let folder = try temporaryFolder()
    var request = request(phantomManifest, folder.file("out"))
    request.picturesFolder = nil
    request.shard = EvaluationShard(parsing: "3/30")
    _ = try evaluate(request)
    #expect(try pairs(request.folder)[0]["pair"]?.intValue == 2)
  }

  private let header = "id,image,phrase,category,x,y,width,height\n"

  @Test func csv() throws {
    func refuse(_ text: String, _ parts: [String]) throws {
      try self.refuse(text, parts, name: "m.csv")
    }
    try refuse("", ["it is empty"])
    try refuse("image,phrase,category,x,y,width\n", ["line 1", "'height' is missing"])
    try refuse("image,phrase,category,x,y,width,hight\n", ["line 1", "did you mean 'height'?"])
    try refuse(header.replacing("id,", with: "x,"), ["line 1", "'x' is there twice"])
    try refuse(header, ["no pair to evaluate"])
    try refuse(header + "1,a.png,p,c,1,2,3\n", ["line 2", "7 fields where 8 are expected"])
    try refuse(header + "\n1,a.png,p,c,1,2,3,four\n", ["line 3", "'height'", "not 'four'"])
    try refuse(header + "1,a.png,p,c,1,2,3,nan\n", ["line 2", "'nan'"])
    try refuse(header + "1,a.png,,c,1,2,3,4\n", ["line 2", "'phrase' is empty"])
    try refuse(
      header + "1,a.png,\"p\nq\",c,1,2,3,4\n1,a.png,p,c,1,2,3,4\n", ["line 4", "as in line 2"])
    try refuse(header + "1,a.png,\"p,c,1,2,3,4\n", ["line 2", "opened and not closed"])
    try refuse(header + "1,a.png,\"p\"q,c,1,2,3,4\n", ["line 2", "a comma is expected"])
    try refuse(header + "1,a.png,p\"q\",c,1,2,3,4\n", ["line 2", "quote inside"])
    try refuse(header + "1,a.png,p,c,1,2,0,4\n", ["line 2", "over 0"])
  }
}
