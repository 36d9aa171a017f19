/**
 * Forms that only rename what another form draws, with some names as their repositories have them: of the
 * stem, a block, a shortcut and the head, by the names of the fixture's file.
 */
export const RENAMED_FORMS: readonly {
  readonly form: string;
  /** A fixture whose network is the same. */
  readonly fixture: string;
  /** What a name of the fixture is in files of the form. */
  readonly rename: (name: string) => string;
  /** Names that must come out. */
  readonly names: readonly string[];
}[] = [
  {
    form: "ResNet as in TrojanZoo",
    fixture: "resnet18-bcu",
    rename: (name) =>
      name.startsWith("fc.")
        ? `classifier.${name}`
        : `features.${name.replace(".shortcut.", ".downsample.")}`,
    names: [
      "features.conv1.weight",
      "features.layer1.0.bn2.running_var",
      "features.layer2.0.downsample.0.weight",
      "classifier.fc.bias",
    ],
  },
  {
    form: "ResNet as in weiaicunzai's pytorch-cifar100",
    fixture: "resnet18-bcu",
    rename: (name) => {
      const [, stage, block, part, rest] =
        /^layer(\d)\.(\d)\.(conv1|bn1|conv2|bn2|shortcut)\.(.*)$/.exec(name) ?? [];
      if (stage === undefined) {
        return name.replace(/^conv1/, "conv1.0").replace(/^bn1/, "conv1.1");
      }
      const at = { conv1: 0, bn1: 1, conv2: 3, bn2: 4 }[part!];
      const inner = at === undefined ? "shortcut" : `residual_function.${at}`;
      return `conv${Number(stage) + 1}_x.${block}.${inner}.${rest}`;
    },
    names: [
      "conv1.0.weight",
      "conv1.1.running_mean",
      "conv2_x.0.residual_function.0.weight",
      "conv5_x.1.residual_function.4.bias",
      "conv3_x.0.shortcut.1.weight",
      "fc.weight",
    ],
  },
  {
    form: "ResNet as in Hugging Face",
    fixture: "resnet50-torchvision",
    rename: (name) => {
      const [, stage, block, part, index, rest] =
        /^layer(\d)\.(\d+)\.(conv|bn|downsample\.)(\d)\.(.*)$/.exec(name) ?? [];
      if (stage === undefined) {
        return name
          .replace(/^conv1/, "resnet.embedder.embedder.convolution")
          .replace(/^bn1/, "resnet.embedder.embedder.normalization")
          .replace(/^fc/, "classifier.1");
      }
      const at = `resnet.encoder.stages.${Number(stage) - 1}.layers.${block}`;
      if (part === "downsample.") {
        return `${at}.shortcut.${index === "0" ? "convolution" : "normalization"}.${rest}`;
      }
      const kind = part === "conv" ? "convolution" : "normalization";
      return `${at}.layer.${Number(index) - 1}.${kind}.${rest}`;
    },
    names: [
      "resnet.embedder.embedder.convolution.weight",
      "resnet.embedder.embedder.normalization.running_var",
      "resnet.encoder.stages.0.layers.0.shortcut.convolution.weight",
      "resnet.encoder.stages.3.layers.2.layer.2.normalization.bias",
      "classifier.1.weight",
    ],
  },
  {
    form: "VGG as in TrojanZoo",
    fixture: "vgg11-chengyangfu",
    rename: (name) =>
      name
        .replace(/^classifier\.1/, "classifier.fc1")
        .replace(/^classifier\.4/, "classifier.fc2")
        .replace(/^classifier\.6/, "classifier.fc3"),
    names: ["features.0.weight", "classifier.fc1.weight", "classifier.fc3.bias"],
  },
];
