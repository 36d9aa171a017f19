import { describe, expect, it } from "vitest";
import { resnet18 } from "../../../../protocol/model/architectures/resnet18.ts";
import type { NamedTensor } from "../../../../protocol/model/named-tensor.ts";
import { recognise } from "../../../../protocol/model/recognise.ts";
import { problem } from "../problem.ts";

function tensor(
  name: string,
  shape: readonly number[],
  values: NamedTensor["values"] = "floats",
): NamedTensor {
  return { name, shape, values, dtype: values === "floats" ? "F32" : "I8" };
}

const resnet = resnet18({ width: 4, classes: 10 }).parameters.map(({ name, shape }) =>
  tensor(name, shape),
);

/** A ResNet-18 with some of its tensors changed; undefined takes one away. */
function changed(changes: Readonly<Record<string, NamedTensor | undefined>>): NamedTensor[] {
  return resnet.flatMap((one) => {
    if (!Object.hasOwn(changes, one.name)) return [one];
    const other = changes[one.name];
    return other === undefined ? [] : [other];
  });
}

const backbone = resnet
  .filter(({ name }) => !name.startsWith("fc."))
  .map(({ name, shape }) => tensor(`backbone.body.${name}`, shape));

describe("what Scour cannot cleanse is refused with what it is, what is closest and what to do", () => {
  it.each<[what: string, tensors: readonly NamedTensor[], says: RegExp]>([
    [
      "a detection model (torchvision's Faster R-CNN)",
      [...backbone, tensor("rpn.head.conv.0.0.weight", [256, 256, 3, 3])],
      /looks like a detection model \('rpn.head.conv.0.0.weight'\).*whole images/,
    ],
    [
      "a detection model (YOLOv8)",
      [
        tensor("model.0.conv.weight", [16, 3, 3, 3]),
        tensor("model.22.dfl.conv.weight", [1, 16, 1, 1]),
      ],
      /looks like a detection model \('model.22.dfl.conv.weight'\)/,
    ],
    [
      "a segmentation model (torchvision's FCN)",
      [...backbone, tensor("classifier.4.weight", [21, 512, 1, 1])],
      /looks like a segmentation model, which answers for every pixel/,
    ],
    [
      "a segmentation model (U-Net)",
      [tensor("inc.0.weight", [64, 3, 3, 3]), tensor("up1.conv.weight", [512, 1024, 3, 3])],
      /looks like a segmentation model/,
    ],
    [
      "a recurrent network",
      [tensor("lstm.weight_ih_l0", [512, 28]), tensor("lstm.weight_hh_l0", [512, 128])],
      /looks like a recurrent network \('lstm.weight_ih_l0'\)/,
    ],
    [
      "a quantised model (integers)",
      changed({ "conv1.weight": tensor("conv1.weight", [4, 3, 3, 3], "integers") }),
      /looks like a quantised model.*take the float model.*Closest is resnet18-32/,
    ],
    [
      "a quantised model (zero points)",
      [...changed({ "conv1.weight": undefined }), tensor("conv1.zero_point", [], "integers")],
      /looks like a quantised model/,
    ],
    [
      "weight_norm",
      changed({ "conv1.weight": tensor("conv1.weight_g", [4, 1, 1, 1]) }),
      /looks like a network under weight_norm \('conv1.weight_g'\).*remove_weight_norm/,
    ],
    [
      "spectral_norm",
      [
        ...changed({ "conv1.weight": tensor("conv1.weight_orig", [4, 3, 3, 3]) }),
        tensor("conv1.weight_u", [4]),
      ],
      /looks like a network under spectral_norm.*remove_spectral_norm/,
    ],
    [
      "parametrisations",
      changed({ "fc.weight": tensor("fc.parametrizations.weight.original0", [10, 1]) }),
      /weights are computed of others.*remove_parametrizations/,
    ],
    [
      "pruning",
      [
        ...changed({ "fc.weight": tensor("fc.weight_orig", [10, 32]) }),
        tensor("fc.weight_mask", [10, 32]),
      ],
      /looks like a pruned network.*prune\.remove/,
    ],
    [
      "a language model",
      [tensor("bert.embeddings.word_embeddings.weight", [30522, 768])],
      /looks like a language model/,
    ],
    [
      "a ResNet with a tensor too few",
      changed({ "layer3.1.conv2.weight": undefined }),
      /Closest is resnet18-32 .*101 of its 102 tensors found, but tensor 'layer3.1.conv2.weight' is missing/,
    ],
    [
      "a ResNet with a block too many",
      [...resnet, tensor("layer4.2.conv1.weight", [32, 32, 3, 3])],
      /Closest is resnet18-32 .*'layer4.2.conv1.weight' \(F32\) is not one of its tensors/,
    ],
    [
      "a network without its head",
      changed({ "fc.weight": undefined, "fc.bias": undefined }),
      /ends before the layer that gives the classes \('fc.weight' elsewhere\).*torch\.onnx\.export/,
    ],
    [
      "an SE-ResNet, which has some names of a PreActResNet",
      changed({})
        .flatMap(({ name, shape }) =>
          name.startsWith("layer")
            ? [tensor(name.replace("layer", "stage").replace("conv1", "residual.0"), shape)]
            : [],
        )
        .concat(tensor("stage1.0.excitation.0.weight", [4, 64])),
      /looks like an SE-ResNet \('stage1.0.excitation.0.weight'\).*torch\.onnx\.export/,
    ],
    [
      "a model of 1 class",
      resnet18({ width: 4, classes: 1 }).parameters.map(({ name, shape }) => tensor(name, shape)),
      /it has 1 class: there must be at least 2.*taken with two/,
    ],
    [
      "a model of 5 channels",
      changed({ "conv1.weight": tensor("conv1.weight", [4, 5, 3, 3]) }),
      /resnet18-32 .*: its first layer reads 5 channels, and images have 3 \(RGB\) or 1 \(grey\)/,
    ],
    [
      "what nobody knows",
      [tensor("encoder.w", [3, 3])],
      /not recognised: none that is known has tensors such as 'encoder.w'.*MODELS.md.*torch\.onnx\.export/,
    ],
  ])("[G2] [G2.1] [G2.2] %s", (_, tensors, says) => {
    expect(problem("unsupported-model", () => recognise(tensors))).toMatch(says);
  });
});
