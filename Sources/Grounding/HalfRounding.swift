/// Rounds to the nearest float16 (ties to even) and back: what an elementwise operation on
/// float16 tensors returns when it computes in float32. For + − × ÷ of float16 operands this is
/// the correctly rounded result.
@inline(__always)
func half(_ x: Float) -> Float {
  Float(Float16(x))
}
