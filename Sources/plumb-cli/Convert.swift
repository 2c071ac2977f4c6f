import ByteIO
import Pipeline

let convertCommand = Command(
  name: "convert", summary: "Converts a released checkpoint into one .plumb file.",
  operands: [
    .init(
      name: "SOURCE",
      help: "a folder in the diffusers layout,\n"
        + "or of one transformers or diffusers model;\nor an .onnx file; or a .plumb, to store\n"
        + "its weights in another way",
      isOptional: true)
  ],
  options: [
    .init(name: "--output", short: "-o", value: "OUT.plumb", help: "the file to write"),
    .init(name: "--unet", value: "P", help: "the UNet from another folder, or an .onnx file"),
    .init(name: "--vae", value: "P", help: "the VAE, or the encoder of one as .onnx"),
    .init(name: "--text-encoder", value: "P", help: "the text encoder, likewise"),
    .init(name: "--tokenizer", value: "P", help: "the tokenizer from another folder"),
    .init(name: "--scheduler", value: "P", help: "the scheduler from another folder or file"),
    .init(
      name: "--io", value: "PART:THEIRS=OURS",
      help: "what an input or output of an .onnx part is, where\n"
        + "its name does not tell: unet:latent=sample", isRepeatable: true),
    .init(
      name: "--latent-size", value: "N",
      help: "sides of the latent, where no file tells"),
    .init(
      name: "--scaling-factor", value: "X",
      help: "the VAE's, where no file tells; 0.18215 without it"),
    .init(
      name: "--weights", value: "TYPE",
      help: "how float32 weights are kept: f32, f16, bf16, or int8 with\n"
        + "a scale for each output; bit for bit without it"),
    .init(name: "--roundings", help: "lists every tensor that --weights rounds, and how far"),
    .init(name: "--level", value: "N", help: "zstd's level, 1 to 22"),
    .init(name: "--raw", help: "stores weights as they are: larger, at places to be mapped"),
    .init(
      name: "--verify", value: "GOLDEN_DIR",
      help: "hold the file against a golden bundle, as plumb verify does;\n"
        + "a file that does not agree is not written"),
    .init(
      name: "--tolerance", value: "X",
      help: "for --verify: largest error, of each tensor's largest magnitude"),
    .init(
      name: "--memory", value: "BYTES",
      help: "for --verify: the most memory to use, such as 500M or 1.5G"),
    .init(
      name: "--low-memory", help: "for --verify: loads weights as they are used"),
  ],
  notes: """
    unet_ema/ is taken before unet/. OUT.plumb appears whole or not at all. Exit status 1 when
    --verify refuses it: nothing is left behind, and a file of that name stays as it was.

    examples:
      plumb convert stable-diffusion/ -o sd.plumb
      plumb convert --unet cxr_bert_ldm/unet_ema --vae sd15/vae --scheduler sd15/scheduler \\
        --text-encoder CXR-BERT --tokenizer CXR-BERT -o grounding.plumb
      plumb convert --unet unet.onnx --vae vae_encoder.onnx --text-encoder text.onnx \\
        --tokenizer tokenizer/ --scheduler scheduler/ -o grounding.plumb
      plumb convert model.onnx -o model.plumb
      plumb convert sd.plumb --weights int8 -o sd-int8.plumb
    """
) { arguments in
  var request = ConversionRequest(output: try arguments.required("--output"))
  request.source = arguments.operands.first
  request.unet = arguments.value("--unet")
  request.vae = arguments.value("--vae")
  request.textEncoder = arguments.value("--text-encoder")
  request.tokenizer = arguments.value("--tokenizer")
  request.scheduler = arguments.value("--scheduler")
  request.weights = arguments.value("--weights")
  request.ioNames = try arguments.all("--io").map { try IOName(parsing: $0) }
  request.latentSize = try arguments.integer("--latent-size", in: 1...4096)
  request.scalingFactor = try arguments.number("--scaling-factor", atLeast: 0)
  request.level = try arguments.integer("--level", in: 1...22)
  request.goldenFolder = arguments.value("--verify")
  request.goldenTolerance = try arguments.number("--tolerance", atLeast: 0)
  request.verificationMemory = try arguments.memory()
  for option in ["--tolerance", "--memory", "--low-memory"]
  where arguments.has(option) && request.goldenFolder == nil {
    throw UsageError("\(option) goes with --verify")
  }
  request.isRaw = arguments.has("--raw")
  if request.isRaw, request.level != nil { throw UsageError("--raw has no --level") }
  let progress = ProgressLine()
  do {
    let summary = try convert(request, progress: progress.show)
    print(summary.text)
    if arguments.has("--roundings"), !summary.roundings.isEmpty { print(summary.roundingsText) }
    return .good
  } catch let refusal as ConversionRefusal {
    print(refusal.verification.text)
    // What does not agree comes before the sentence about it, also where both go to one file.
    _ = flushStandardOutput()
    printError("plumb convert: \(refusal)")
    return .differs
  }
}
