// swift-tools-version: 6.2
import PackageDescription

// Who may import whom is what this file says; CI builds with
// `--explicit-target-dependency-import-check error`.

/// Settings of every Swift target.
let common: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
]

/// Targets outside the few that may hold unsafe code (docs/design.md, "Unsafe code").
let safe: [SwiftSetting] = common + [.strictMemorySafety()]

let cSettings: [CSetting] = [
  .unsafeFlags(["-O3", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter"])
]

/// A test target beside each target that has tests of its own.
func tests(_ name: String, also: [Target.Dependency] = []) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: [.init(stringLiteral: name), "TestSupport"] + also,
    path: "Tests/\(name)Tests", swiftSettings: common)
}

let package = Package(
  name: "plumb",
  products: [
    .library(name: "Plumb", targets: ["Pipeline"]),
    .executable(name: "plumb", targets: ["plumb-cli"]),
  ],
  targets: [
    // System libraries: module.modulemap and shim.h, nothing else.
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CMalloc"),
    .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
    .systemLibrary(
      name: "CJPEG", pkgConfig: "libjpeg", providers: [.apt(["libjpeg62-turbo-dev"])]),
    .systemLibrary(
      name: "CFreeType", pkgConfig: "freetype2", providers: [.apt(["libfreetype-dev"])]),

    // C of our own.
    .target(name: "CImageShims", dependencies: ["CPNG", "CJPEG"], cSettings: cSettings),
    .target(
      name: "CBLAS", cSettings: cSettings, linkerSettings: [.linkedLibrary("dl")]),
    .target(name: "CKernels", cSettings: cSettings, linkerSettings: [.linkedLibrary("m")]),

    // The way of the data, in its order.
    .target(name: "TensorBase", swiftSettings: common),
    .target(name: "JSONText", swiftSettings: safe),
    .target(name: "Naming", swiftSettings: safe),
    .target(
      name: "ByteIO", dependencies: ["CZstd", "CZlib", "CCrypto", "CMalloc"], swiftSettings: common),
    .target(
      name: "TensorFiles", dependencies: ["TensorBase", "ByteIO", "JSONText"],
      swiftSettings: common),
    .target(name: "Comparison", dependencies: ["TensorBase"], swiftSettings: safe),
    .target(name: "GraphIR", dependencies: ["TensorBase"], swiftSettings: safe),
    .target(
      name: "Architectures", dependencies: ["TensorBase", "JSONText", "GraphIR"],
      swiftSettings: safe),
    .target(
      name: "NativeFormat", dependencies: ["TensorBase", "ByteIO", "JSONText", "GraphIR"],
      swiftSettings: safe),
    .target(name: "Planner", dependencies: ["TensorBase", "GraphIR"], swiftSettings: safe),
    .target(
      name: "Kernels", dependencies: ["TensorBase", "CKernels", "CBLAS"], swiftSettings: common),
    .target(
      name: "Executor", dependencies: ["TensorBase", "Naming", "GraphIR", "Planner", "Kernels"],
      swiftSettings: safe),
    .target(name: "TextTokens", dependencies: ["JSONText"], swiftSettings: safe),
    .target(name: "PhraseWords", dependencies: ["Naming"], swiftSettings: safe),
    .target(
      name: "ImageFiles", dependencies: ["CImageShims", "CFreeType"], swiftSettings: common),
    .target(name: "Grounding", swiftSettings: safe),
    .target(
      name: "Pipeline",
      dependencies: [
        "TensorBase", "JSONText", "Naming", "ByteIO", "TensorFiles", "Comparison", "GraphIR",
        "Architectures", "NativeFormat", "Planner", "Kernels", "Executor", "TextTokens",
        "PhraseWords", "ImageFiles", "Grounding",
      ],
      swiftSettings: safe),
    .executableTarget(
      name: "plumb-cli", dependencies: ["Pipeline", "Naming", "ByteIO"], swiftSettings: safe),

    // Tests; run in release, hence no @testable.
    .target(
      name: "TestSupport",
      dependencies: [
        "TensorBase", "TensorFiles", "JSONText", "ByteIO", "Comparison", "GraphIR",
      ],
      path: "Tests/TestSupport", swiftSettings: common),
    tests("TensorBase"),
    tests("JSONText"),
    tests("Naming"),
    tests("ByteIO"),
    tests("TensorFiles", also: ["TensorBase", "ByteIO", "JSONText"]),
    tests("Comparison", also: ["TensorBase"]),
    tests("GraphIR", also: ["TensorBase"]),
    tests(
      "Architectures", also: ["TensorBase", "GraphIR", "JSONText", "TensorFiles", "ByteIO"]),
    tests("NativeFormat", also: ["TensorBase", "GraphIR", "ByteIO", "JSONText"]),
    tests("Planner", also: ["TensorBase", "GraphIR"]),
    tests("Kernels", also: ["TensorBase", "TensorFiles", "JSONText"]),
    tests("Executor", also: ["TensorBase", "GraphIR", "Planner", "Kernels"]),
    tests("TextTokens", also: ["JSONText", "ByteIO", "TensorBase"]),
    tests("PhraseWords", also: ["JSONText"]),
    tests("ImageFiles", also: ["TensorFiles", "TensorBase", "JSONText"]),
    tests("Grounding", also: ["TensorFiles", "TensorBase", "JSONText"]),
    tests(
      "Pipeline",
      also: [
        "TensorBase", "TensorFiles", "JSONText", "ByteIO", "Comparison", "GraphIR", "Executor",
        "NativeFormat",
      ]),
    .testTarget(
      name: "CLITests",
      dependencies: [
        "TestSupport", "plumb-cli", "TensorBase", "TensorFiles", "JSONText", "ByteIO",
      ], path: "Tests/CLITests", swiftSettings: common),
  ]
)
