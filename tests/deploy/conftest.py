from tests.serving.conftest import make_app, png, start_server, tiny_model

__all__ = ["make_app", "png", "start_server", "tiny_model"]
