import TensorBase

/// What each code of a type of at most eight bits stands for.
enum ElementCodes {
  /// Bit patterns by code.
  case bytes([UInt8])
  case halves([UInt16])
  case floats([Float])

  func store(_ code: Int, at index: Int, into target: inout MutableRawSpan) {
    switch self {
    case .bytes(let table):
      target.storeBytes(of: table[code], toByteOffset: index, as: UInt8.self)
    case .halves(let table):
      target.storeBytes(of: table[code], toByteOffset: index * 2, as: UInt16.self)
    case .floats(let table):
      target.storeBytes(of: table[code], toByteOffset: index * 4, as: Float.self)
    }
  }
}

extension ONNXElementType {
  /// Whether elements lie in a file as they are computed with.
  var isPlain: Bool {
    switch self {
    case .float, .double, .float16, .bfloat16, .bool: true
    case .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64: true
    case .int4, .uint4, .int2, .uint2: false
    case .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz, .float8e8m0: false
    case .float4e2m1, .float6e2m3, .float6e3m2: false
    case .string, .complex64, .complex128: false
    }
  }

  /// Precondition: not plain, and computed with.
  var codes: ElementCodes {
    switch self {
    case .uint2, .uint4: .bytes((0..<16).map { UInt8($0) })
    case .int2: .bytes((0..<4).map { UInt8(bitPattern: Int8($0 < 2 ? $0 : $0 - 4)) })
    case .int4: .bytes((0..<16).map { UInt8(bitPattern: Int8($0 < 8 ? $0 : $0 - 16)) })
    case .float4e2m1: halves(exponent: 2, fraction: 1, bias: 1, .none)
    case .float6e2m3: halves(exponent: 2, fraction: 3, bias: 1, .none)
    case .float6e3m2: halves(exponent: 3, fraction: 2, bias: 3, .none)
    case .float8e4m3fn: halves(exponent: 4, fraction: 3, bias: 7, .allOnes)
    case .float8e4m3fnuz: halves(exponent: 4, fraction: 3, bias: 8, .minusZero)
    case .float8e5m2: halves(exponent: 5, fraction: 2, bias: 15, .topExponent)
    case .float8e5m2fnuz: halves(exponent: 5, fraction: 2, bias: 16, .minusZero)
    case .float8e8m0:
      .floats(
        (0..<256).map { code in
          // 2 to the power of code − 127; the lowest is subnormal.
          if code == 255 { return Float.nan }
          return Float(bitPattern: code == 0 ? 0x0040_0000 : UInt32(code) << 23)
        })
    case .float, .double, .float16, .bfloat16, .bool, .int8, .int16, .int32, .int64, .uint8,
      .uint16, .uint32, .uint64, .string, .complex64, .complex128:
      preconditionFailure("\(name) has no codes")
    }
  }

  /// Which codes are no numbers.
  private enum Specials { case none, allOnes, minusZero, topExponent }

  /// A small float: sign, exponent, fraction. All its numbers are numbers of binary16.
  private func halves(
    exponent exponentBits: Int, fraction fractionBits: Int, bias: Int, _ specials: Specials
  ) -> ElementCodes {
    let signPlace = exponentBits + fractionBits
    return .halves(
      (0..<2 << signPlace).map { code in
        let sign: UInt16 = code >> signPlace == 1 ? 0x8000 : 0
        let magnitude = code & (1 << signPlace - 1)
        let exponent = magnitude >> fractionBits
        let fraction = magnitude & (1 << fractionBits - 1)
        switch specials {
        case .allOnes where magnitude == 1 << signPlace - 1: return sign | 0x7E00
        case .minusZero where sign != 0 && magnitude == 0: return 0x7E00
        case .topExponent where exponent == 1 << exponentBits - 1:
          return sign | (fraction == 0 ? 0x7C00 : 0x7E00)
        case .none, .allOnes, .minusZero, .topExponent: break
        }
        let whole = exponent == 0 ? fraction : fraction + 1 << fractionBits
        let power = max(exponent, 1) - bias - fractionBits
        return sign | halfFromFloat(Float(sign: .plus, exponent: power, significand: Float(whole)))
      })
  }
}
