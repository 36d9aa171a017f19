"""A distillation step of the benchmarks in PyTorch: float32, TF32 off, channels last.

Reads requests and writes answers, each a line of JSON (engine/messages.ts):
    python3 pytorch_step.py FOLDER DEVICE
FOLDER holds case.json, teacher.f32, student.f32 and images.f32, as engine/pytorch.ts writes them.
"""

import json
import resource
import sys
import time
from pathlib import Path

import torch
from pytorch_graph import Graph
from torch.nn import functional as F


class Distillation:
    def __init__(self, folder, device):
        self.case = json.loads((folder / "case.json").read_text())
        self.device = device
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        # Tries cuDNN's kernels on the first step and keeps the fastest.
        torch.backends.cudnn.benchmark = True
        self.teacher = self.network(folder / "teacher.f32", trains=False)
        self.student = self.network(folder / "student.f32", trains=True)
        settings = self.case["settings"]
        self.temperature = settings["temperature"]
        self.optimiser = self.optimiser_of(settings)
        extents = self.case["graph"]["inputShape"]
        shape = [extents[name] for name in ("height", "width", "channels")]
        images = read_floats(folder / "images.f32").view(-1, self.case["batch"], *shape)
        # As the network wants them: channels first to look at, channels last in memory.
        self.batches = [batch.permute(0, 3, 1, 2) for batch in images]
        if device == "cuda":
            self.batches = [batch.pin_memory() for batch in self.batches]
        self.steps = 0

    def network(self, path, trains):
        values = read_floats(path)
        tensors = {}
        for entry in self.case["entries"]:
            tensor = values[entry["offset"] : entry["offset"] + entry["size"]].view(entry["shape"])
            layout = torch.channels_last if tensor.dim() == 4 else torch.contiguous_format
            tensor = tensor.to(self.device).clone(memory_format=layout)
            is_trainable = entry["offset"] < self.case["trainableLength"]
            tensors[entry["name"]] = tensor.requires_grad_(trains and is_trainable)
        return Graph(self.case["graph"], tensors)

    def optimiser_of(self, settings):
        tensors = [tensor for tensor in self.student.tensors.values() if tensor.requires_grad]
        rate, decay = settings["learningRate"], settings["weightDecay"]
        momentum = settings["momentum"]
        if self.case["optimizer"] == "sgd":
            return torch.optim.SGD(tensors, lr=rate, momentum=momentum, weight_decay=decay)
        betas = (momentum, settings["secondMomentum"])
        return torch.optim.AdamW(tensors, lr=rate, betas=betas, weight_decay=decay)

    def step(self):
        batch = self.batches[self.steps % len(self.batches)]
        self.steps += 1
        images = batch.to(self.device, non_blocking=True)
        with torch.no_grad():
            wanted = F.log_softmax(self.teacher(images, False) / self.temperature, 1)
        given = F.log_softmax(self.student(images, True) / self.temperature, 1)
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
        seconds = time.perf_counter() - begin
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return {"kind": "ran", "seconds": seconds, "losses": values, "peakBytes": peak}


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
                torch.set_num_threads(request["threads"])
                distillation = Distillation(folder, device)
                answer = {"kind": "opened", "adapter": adapter_of(device)}
            else:
                answer = distillation.run(request["steps"])
        except (AttributeError, RuntimeError, ValueError, OSError) as error:
            answer = {"kind": "failed", "message": str(error)}
        print(json.dumps(answer), flush=True)


main()
