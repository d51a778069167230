"""Checks exported networks with other programs: onnx, onnxruntime and, where it is installed, PyTorch.

    python check_onnx.py FOLDER

FOLDER holds `manifest.json`, a list of networks that `common/mod.rs` writes. Every ONNX file must pass onnx's full
check, keep its output shapes for batches of 1 and more, and compute what burn and PyTorch compute. burn's gradients
must equal PyTorch's. Prints one line for each network that fails, and a summary; the exit code is 1 if one failed.
"""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

try:
    import torch
except ImportError as missing:
    torch = None
    print(f"skipped: PyTorch is not compared ({missing})")

TOLERANCE = 1e-4


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def pytorch(path):
    spec = importlib.util.spec_from_file_location("exported", path)
    module = importlib.util.module_from_spec(spec)
    sys.dont_write_bytecode = True
    spec.loader.exec_module(module)
    return module.load()


def returned(network, inputs):
    outputs = network(inputs)
    return outputs if isinstance(outputs, tuple) else (outputs,)


def gradients(network, inputs, directions, weights, kind):
    """Returns the gradients of Σ output · direction in training, by the names of `weights`, computed in this type."""
    network = network.to(kind).train()
    for layer in network.modules():
        if isinstance(layer, torch.nn.Dropout):
            layer.p = 0.0
    inputs = torch.from_numpy(inputs).to(kind).requires_grad_()
    output = returned(network, inputs)[0]
    if output.requires_grad:
        (output.flatten() * torch.from_numpy(directions).to(kind)).sum().backward()
    found = {"input": inputs.grad}
    # The module's names differ, but no two weights are equal.
    for name, weight in weights.items():
        equal = (own for own in network.parameters() if own.shape == weight.shape and (own == weight).all())
        found[name] = next(equal).grad
    # Tokens, and weights without an effect, have no gradient.
    zero = {**weights, "input": inputs.detach()}
    return {name: (torch.zeros_like(zero[name]) if g is None else g).numpy().reshape(-1) for name, g in found.items()}


def gradient_difference(folder, row, inputs):
    """Returns the greatest difference over all weights, relative to each weight's greatest gradient. A difference that
    PyTorch's own rounding explains counts as the tolerance at most. None if rounding is too large to say anything, as
    in deep networks of random weights that are normalised over three examples."""
    from safetensors.torch import load_file

    values = np.fromfile(folder / f"{row['name']}.gradients", np.float32)
    directions = np.fromfile(folder / f"{row['name']}.directions", np.float32)
    starts = np.cumsum([0] + [count for _, count in row["gradients"]])
    ours = {name: values[start:][:count] for start, (name, count) in zip(starts, row["gradients"])}
    stored = load_file(folder / f"{row['name']}.weights")
    weights = {name: stored[name] for name in ours if name != "input"}
    exact, single = (
        gradients(pytorch(folder / row["module"]), inputs, directions, weights, kind)
        for kind in (torch.float64, torch.float32)
    )
    greatest = max(float(np.abs(numbers).max(initial=0.0)) for numbers in exact.values())
    errors = []
    for name, numbers in exact.items():
        # A gradient that cancels out, such as of a bias before batch normalisation, is only rounding.
        unit = max(float(np.abs(numbers).max(initial=0.0)), 1e-3 * greatest, 1e-6)
        errors.append([float(np.abs(other[name] - numbers).max(initial=0.0)) / unit for other in (ours, single)])
    # By chance, PyTorch's rounding may affect one weight of a deep network less than all others.
    typical = float(np.median([own for _, own in errors]))
    allowed = [4 * max(own, typical) for _, own in errors]
    pairs = zip(errors, allowed, strict=True)
    worst = max(error if error > most else min(error, TOLERANCE) for (error, _), most in pairs)
    noise = max(own for _, own in errors)
    return worst if noise < 1e-2 else None


def difference(found, expected):
    """Returns the greatest difference, relative to the greatest expected number."""
    found, expected = found.reshape(-1).astype(np.float64), expected.reshape(-1).astype(np.float64)
    if found.shape != expected.shape or not np.isfinite(expected).all():
        return float("inf")
    # Numbers below the floor are 0 except for rounding.
    return float(np.abs(found - expected).max(initial=0.0) / max(1e-6, np.abs(expected).max(initial=0.0)))


def check(folder, row, worst):
    path = folder / row["onnx"]
    onnx.checker.check_model(str(path), full_check=True)
    runtime = session(path)
    kind = np.int64 if runtime.get_inputs()[0].type == "tensor(int64)" else np.float32
    inputs = np.fromfile(folder / row["input"], np.float32).reshape([row["batch"], *row["input_shape"]])
    name = runtime.get_inputs()[0].name
    outputs = runtime.run(None, {name: inputs.astype(kind)})
    for output, shape in zip(outputs, row["output_shapes"], strict=True):
        assert list(output.shape) == [row["batch"], *shape], f"gives {output.shape}, not {shape} for each example"
    alone = runtime.run(None, {name: inputs[:1].astype(kind)})
    for output in outputs:
        assert np.isfinite(output).all(), "computes numbers that are not finite and cannot be compared"
    errors = {"batch of 1": max(difference(a, b[:1]) for a, b in zip(alone, outputs, strict=True))}
    again = session(folder / row["again"])
    repeated = again.run(None, {again.get_inputs()[0].name: inputs.astype(kind)})
    pairs = zip(repeated, outputs, strict=True)
    errors["itself, imported and exported again"] = max(difference(a, b) for a, b in pairs)
    if row["burn"] is not None:
        errors["burn"] = difference(outputs[0], np.fromfile(folder / row["burn"], np.float32))
    if torch is not None:
        network = pytorch(folder / row["module"])
        with torch.no_grad():
            expected = [output.numpy() for output in returned(network, torch.from_numpy(inputs))]
        errors["PyTorch"] = max(difference(a, b) for a, b in zip(outputs, expected, strict=True))
        if row["gradients"] is not None:
            difference_of_gradients = gradient_difference(folder, row, inputs)
            if difference_of_gradients is not None:
                errors["PyTorch's gradients"] = difference_of_gradients
    for other, error in errors.items():
        count, greatest = worst.get(other, (0, 0.0))
        worst[other] = (count + 1, max(greatest, error))
        assert error <= row.get("tolerance", TOLERANCE), f"differs from {other} by {error:.1e}"


def main():
    folder = Path(sys.argv[1])
    rows = json.loads((folder / "manifest.json").read_text())
    worst, failures = {}, 0
    for row in rows:
        try:
            check(folder, row, worst)
        except Exception as error:  # noqa: BLE001: any error counts as this network's failure
            failures += 1
            print(f"FAILED {row['name']}: {type(error).__name__}: {error}")
    against = ", ".join(
        f"{other} ({count} times, at most {error:.1e} apart)" for other, (count, error) in worst.items()
    )
    print(f"{len(rows)} networks, {failures} failed; onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}")
    print(f"compared with {against}")
    return 1 if failures or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
