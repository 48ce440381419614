"""The Flask service of the tutorials, to be measured beside: Keras, base64, predict per request.

    python -m benchmarks.bench_http_baseline PORT
    python -m benchmarks.bench_http_baseline cost    # processor time of an answer, without server

VGG16 with a dense head, ``model.predict`` in the route, Flask's own server. The weights are random:
they do not change what a request costs.
"""

from __future__ import annotations

import argparse
import base64
import io
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from flask import Flask, Response, jsonify, request
from PIL import Image

from tumorscope.imaging.phantom import head_phantom

SIDE = 224


def build_model() -> keras.Model:
    """Return VGG16 with the head that most tutorials put on it."""
    base = keras.applications.VGG16(weights=None, include_top=False, input_shape=(SIDE, SIDE, 3))
    hidden = keras.layers.Dense(256, activation="relu")(keras.layers.Flatten()(base.output))
    return keras.Model(base.input, keras.layers.Dense(1, activation="sigmoid")(hidden))


def create_app() -> Flask:
    """Return the service."""
    keras.utils.set_random_seed(0)
    app, model = Flask(__name__), build_model()

    @app.post("/predict")
    def predict() -> Response:
        content = base64.b64decode(request.get_json()["image"])
        picture = Image.open(io.BytesIO(content)).convert("RGB").resize((SIDE, SIDE))
        batch = keras.applications.vgg16.preprocess_input(np.asarray(picture, float)[None])
        probability = float(model.predict(batch, verbose=0)[0, 0])
        return jsonify({"tumor": probability})

    return app


def measure_cost(*, repeats: int = 10) -> float:
    """Return the processor time of one answer in milliseconds."""
    buffer = io.BytesIO()
    Image.fromarray(head_phantom()).save(buffer, "PNG")
    body = {"image": base64.b64encode(buffer.getvalue()).decode()}
    client = create_app().test_client()
    client.post("/predict", json=body)  # the first one builds the graph
    started = time.process_time()
    for _ in range(repeats):
        if client.post("/predict", json=body).status_code != 200:
            raise SystemExit("refused")
    return round(1000 * (time.process_time() - started) / repeats, 1)


def main() -> None:
    """Serve, or measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", help="port to listen on, or 'cost'")
    port = parser.parse_args().port
    if port == "cost":
        print({"answer_ms": measure_cost()})
    else:
        create_app().run(port=int(port), threaded=True)


if __name__ == "__main__":
    main()
