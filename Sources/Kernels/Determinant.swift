import TensorBase

/// out[…] = det x[…, n, n], by elimination with row exchanges, in double; any float type. The
/// determinant of no rows is 1.
package func determinant(_ out: MutableTensorView, _ x: TensorView) {
  precondition(x.shape.rank >= 2 && x.shape[-1] == x.shape[-2])
  let n = x.shape[-1]
  let work = Doubles(x), results = Doubles(count: out.shape.count)
  for matrix in 0..<results.count {
    results.base[matrix] = eliminate(work.base + matrix * n * n, n)
  }
  results.store(to: out)
}

private func eliminate(_ a: UnsafeMutablePointer<Double>, _ n: Int) -> Double {
  var product = 1.0
  for column in 0..<n {
    var pivot = column
    for row in column..<n where abs(a[row * n + column]) > abs(a[pivot * n + column]) {
      pivot = row
    }
    let value = a[pivot * n + column]
    if value == 0 { return 0 }
    if pivot != column {
      for i in column..<n {
        (a[pivot * n + i], a[column * n + i]) = (a[column * n + i], a[pivot * n + i])
      }
      product = -product
    }
    product *= value
    for row in (column + 1)..<n {
      let factor = a[row * n + column] / value
      for i in column..<n { a[row * n + i] -= factor * a[column * n + i] }
    }
  }
  return product
}
