import { cifarResnetFamily } from "./cifar-resnet.ts";
import { convnextFamily } from "./convnext.ts";
import { densenetFamily } from "./densenet.ts";
import { efficientnetFamily } from "./efficientnet.ts";
import type { Family } from "./family.ts";
import { mobilenetV2Family } from "./mobilenet-v2.ts";
import { mobilenetV3Family } from "./mobilenet-v3.ts";
import { preActResnetFamily } from "./preact-resnet.ts";
import { resnetFamily } from "./resnet.ts";
import { vggFamily } from "./vgg.ts";
import { vitFamily } from "./vit.ts";
import { wideResnetFamily } from "./wide-resnet.ts";

/** The architectures that are recognised. Of forms that fit alike, the first one counts. */
export const FAMILIES: readonly Family[] = [
  resnetFamily,
  cifarResnetFamily,
  preActResnetFamily,
  wideResnetFamily,
  vggFamily,
  densenetFamily,
  mobilenetV2Family,
  mobilenetV3Family,
  efficientnetFamily,
  convnextFamily,
  vitFamily,
];
