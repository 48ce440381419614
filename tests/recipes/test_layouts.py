from dataclasses import replace

import numpy as np
import onnx

from tumorscope.recipes.layouts import layouts, network_sha256, side_of
from tumorscope.training.lines import Line
from tumorscope.training.onnx_graph import add_recognition


def test_a_network_is_told_by_its_layers_not_by_what_reads_them(tiny_artifact):
    size = tiny_artifact.manifest.preprocessing.size
    canvas = np.random.default_rng(1).integers(0, 256, (1, size, size), np.uint8)
    seen = layouts(tiny_artifact, canvas)
    line = Line(np.ones((seen.shape[1], 2), np.float32), np.zeros(2, np.float32))
    graph = onnx.load_from_string(tiny_artifact.graph)
    side = side_of(tiny_artifact.manifest.preprocessing)
    named = add_recognition(graph, {"plane": line}, side=side)

    with_plane = replace(tiny_artifact, graph=named.SerializeToString())
    assert network_sha256(with_plane) == network_sha256(tiny_artifact)
    np.testing.assert_array_equal(layouts(with_plane, canvas), seen)

    kernel = next(one for one in graph.graph.initializer if one.name == "type_weights")
    kernel.raw_data = bytes(reversed(kernel.raw_data))
    other = replace(tiny_artifact, graph=graph.SerializeToString())
    assert network_sha256(other) != network_sha256(tiny_artifact)
