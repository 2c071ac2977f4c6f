import ByteIO
import JSONText

/// An object of formats/fixtures; empty (and so caught by a test) when it cannot be read.
package func fixtureTable(_ path: String) -> JSONObject {
  let full = fixturesFolder + "/" + path
  guard let bytes = try? readSmallFile(full, maximum: 1 << 24) else { return JSONObject() }
  return (try? JSONValue(parsing: bytes))?.objectValue ?? JSONObject()
}
