"""The step of `npm run bench:gpu` in PyTorch: float32, TF32 off, channels last.

Reads requests and writes answers, each a line of JSON (engine/messages.ts):
    python3 pytorch_step.py FOLDER DEVICE
FOLDER holds case.json, teacher.f32, student.f32 and images.f32, as engine/pytorch.ts writes them.
"""

import json
import sys
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F


class BasicBlock(nn.Module):
    def __init__(self, channels_in, channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = nn.Sequential()
        if stride != 1 or channels_in != channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x), inplace=True)


class ResNet18(nn.Module):
    def __init__(self, width, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        channels = width
        for stage in range(1, 5):
            stage_channels = width * 2 ** (stage - 1)
            stride = 1 if stage == 1 else 2
            blocks = nn.Sequential(
                BasicBlock(channels, stage_channels, stride),
                BasicBlock(stage_channels, stage_channels, 1),
            )
            setattr(self, f"layer{stage}", blocks)
            channels = stage_channels
        self.fc = nn.Linear(channels, classes)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.layer4(self.layer3(self.layer2(self.layer1(y))))
        return self.fc(y.mean((2, 3)))


class Distillation:
    def __init__(self, folder, device):
        self.case = json.loads((folder / "case.json").read_text())
        self.device = device
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        # Tries cuDNN's kernels on the first step and keeps the fastest.
        torch.backends.cudnn.benchmark = True
        self.teacher = self.model(folder / "teacher.f32").eval().requires_grad_(False)
        self.student = self.model(folder / "student.f32").train()
        self.temperature = self.case["settings"]["temperature"]
        self.optimiser = torch.optim.SGD(
            self.student.parameters(),
            lr=self.case["settings"]["learningRate"],
            momentum=self.case["settings"]["momentum"],
            weight_decay=self.case["settings"]["weightDecay"],
        )
        images = read_floats(folder / "images.f32").view(-1, self.case["batch"], 32, 32, 3)
        # As the network wants them: channels first to look at, channels last in memory.
        self.batches = [batch.permute(0, 3, 1, 2) for batch in images]
        if device == "cuda":
            self.batches = [batch.pin_memory() for batch in self.batches]
        self.steps = 0

    def model(self, path):
        values = read_floats(path)
        state = {}
        for entry in self.case["entries"]:
            tensor = values[entry["offset"] : entry["offset"] + entry["size"]]
            state[entry["name"]] = tensor.view(entry["shape"])
        model = ResNet18(self.case["width"], self.case["classes"])
        # The file counts no batches; everything else must be there.
        missing, unexpected = model.load_state_dict(state, strict=False)
        if unexpected or any(not name.endswith("num_batches_tracked") for name in missing):
            raise ValueError(f"another network: missing {missing}, unexpected {unexpected}")
        return model.to(self.device, memory_format=torch.channels_last)

    def step(self):
        batch = self.batches[self.steps % len(self.batches)]
        self.steps += 1
        images = batch.to(self.device, non_blocking=True)
        with torch.no_grad():
            wanted = F.log_softmax(self.teacher(images) / self.temperature, 1)
        given = F.log_softmax(self.student(images) / self.temperature, 1)
        loss = F.kl_div(given, wanted, reduction="batchmean", log_target=True)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        return loss.detach()

    def run(self, steps):
        begin = time.perf_counter()
        losses = [self.step() for _ in range(steps)]
        values = torch.stack(losses).tolist()
        if self.device == "cuda":
            torch.cuda.synchronize()
        return {"kind": "ran", "seconds": time.perf_counter() - begin, "losses": values}


def read_floats(path):
    return torch.frombuffer(bytearray(path.read_bytes()), dtype=torch.float32)


def adapter_of(device):
    if device != "cuda":
        return f"PyTorch {torch.__version__} on the processor, {torch.get_num_threads()} threads"
    name = torch.cuda.get_device_name()
    return f"{name}, PyTorch {torch.__version__}, CUDA {torch.version.cuda}"


def main():
    folder, device = Path(sys.argv[1]), sys.argv[2]
    distillation = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["kind"] == "open":
                distillation = Distillation(folder, device)
                answer = {"kind": "opened", "adapter": adapter_of(device)}
            else:
                answer = distillation.run(request["steps"])
        except (RuntimeError, ValueError, OSError) as error:
            answer = {"kind": "failed", "message": str(error)}
        print(json.dumps(answer), flush=True)


main()
