"""One peer in the peers' own environment; measured from outside, one call at a time.

    python peer_worker.py KIND FILE

After it has said ``ready`` it does its work once for each line on its standard input, and writes
the seconds that took. ``brief-script`` works once and ends: it is measured as a process. What it
needs is imported from the peers' environment alone; nothing here is tumorscope's.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["OPENVINO_TELEMETRY_DISABLED"] = "1"

SIDE = 224
CANVAS = "canvas"


def detect_tumor(file: Path) -> Callable[[], Any]:
    """PyPI's package, called from Python with the bytes of a file."""
    from detect_tumor import TumorDetector

    detector, content = TumorDetector(), file.read_bytes()
    return lambda: detector.predict(content)


def detect_tumor_scores(file: Path) -> None:
    """Print the package's probability of tumor for each picture whose path is a line of a file."""
    from detect_tumor import TumorDetector

    detector = TumorDetector()
    for path in file.read_text(encoding="utf-8").splitlines():
        print(1 - detector.predict(path).probabilities["notumor"] / 100, flush=True)


def keras_predict(file: Path) -> Callable[[], Any]:
    """Call ``model.predict`` on one picture, as the brief does."""
    model, content = _brief_model(file), file.read_bytes()
    return lambda: model.predict(_prepared(content), verbose=0)


def tf_function(file: Path) -> Callable[[], Any]:
    """Call the same network as a compiled ``tf.function``."""
    import tensorflow as tf

    model, content = _brief_model(file), file.read_bytes()
    compiled = tf.function(lambda batch: model(batch, training=False))
    return lambda: compiled(tf.constant(_prepared(content), tf.float32)).numpy()


def openvino(file: Path) -> Callable[[], Any]:
    """Run our graph in OpenVINO on a prepared canvas; ``file`` is the graph."""
    run, canvases = _open_vino(file)
    return lambda: run(canvases[:1])


def openvino_logits(file: Path) -> None:
    """Print what our graph in OpenVINO says of all canvases."""
    run, canvases = _open_vino(file)
    print(json.dumps([float(run(canvas[None])["tumor"][0]) for canvas in canvases]))


def _open_vino(file: Path) -> tuple[Callable[[Any], Any], Any]:
    import numpy as np
    import openvino as ov

    core = ov.Core()
    threads = len(os.sched_getaffinity(0))
    options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
    compiled = core.compile_model(core.read_model(str(file)), "CPU", options)
    return lambda canvas: compiled({CANVAS: canvas}), np.load(file.with_suffix(".npy"))


def brief_save(file: Path) -> None:
    """Write the brief's model to the file, with random weights: they do not change the cost."""
    import keras

    keras.utils.set_random_seed(0)
    base = keras.applications.VGG16(weights=None, include_top=False, input_shape=(SIDE, SIDE, 3))
    hidden = keras.layers.Dense(256, activation="relu")(keras.layers.Flatten()(base.output))
    keras.Model(base.input, keras.layers.Dense(1, activation="sigmoid")(hidden)).save(file)


def brief_script(file: Path) -> None:
    """Import Keras, load the model, predict, print: the whole of a script."""
    print(_brief_model(file).predict(_prepared(file.read_bytes()), verbose=0))


KINDS: dict[str, Callable[[Path], Callable[[], Any]]] = {
    "detect-tumor": detect_tumor,
    "keras": keras_predict,
    "tf-function": tf_function,
    "openvino": openvino,
}


def _brief_model(file: Path) -> Any:
    import keras

    return keras.models.load_model(file.with_name("brief.keras"))


def _prepared(content: bytes) -> Any:
    import keras
    import numpy as np
    from PIL import Image

    picture = Image.open(io.BytesIO(content)).convert("RGB").resize((SIDE, SIDE))
    return keras.applications.vgg16.preprocess_input(np.asarray(picture, float)[None])


def main() -> None:
    """Work as told on the standard input."""
    kind, file = sys.argv[1], Path(sys.argv[2])
    if kind == "brief-save":
        brief_save(file)
    elif kind == "brief-script":
        brief_script(file)
    elif kind == "detect-tumor-scores":
        detect_tumor_scores(file)
    elif kind == "openvino-logits":
        openvino_logits(file)
    else:
        run = KINDS[kind](file)
        run()
        print("ready", flush=True)
        for _ in sys.stdin:
            started = time.perf_counter()
            run()
            print(time.perf_counter() - started, flush=True)


if __name__ == "__main__":
    main()
