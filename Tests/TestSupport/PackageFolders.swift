import ByteIO

/// The folder of Package.swift, found from this source file.
package let packageRoot: String = {
  var folder = #filePath
  for _ in 0..<3 { folder = folderPart(of: folder) }
  return folder
}()

/// Golden tensors and checkpoints; see golden/README.md.
package let goldenFolder = packageRoot + "/golden"

/// Files of each format, valid and malformed; see formats/.
package let fixturesFolder = packageRoot + "/formats/fixtures"
