"""A `run_fn` that makes a model of TensorFlow Lite with TFX's `rewriting`."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from headrace_components.contract.errors import InputError
from headrace_tfx.finder import tfx_importable


class Doubling(tf.Module):  # type: ignore[misc]  # TensorFlow has no types
    def __init__(self, words: Path) -> None:
        super().__init__()
        self.words = tf.saved_model.Asset(str(words))

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, name="x")])  # type: ignore[untyped-decorator]
    def __call__(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"doubled": 2.0 * x}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    (tmp_path / "words.txt").write_text("a\nb\n", "utf-8")
    model = Doubling(tmp_path / "words.txt")
    tf.saved_model.save(model, str(tmp_path / "saved"), signatures=model.__call__)
    return tmp_path / "saved"


def test_a_saved_model_is_written_for_tensorflow_lite_with_its_assets(
    saved: Path, tmp_path: Path
) -> None:
    with tfx_importable(None):
        from tfx.components.trainer.rewriting import converters, rewriter, rewriter_factory

        made = rewriter_factory.create_rewriter(rewriter_factory.TFLITE_REWRITER, name="lite")
        converters.rewrite_saved_model(
            str(saved), str(tmp_path / "lite"), made, rewriter.ModelType.TFLITE_MODEL
        )

    runner = tf.lite.Interpreter(str(tmp_path / "lite/tflite")).get_signature_runner()
    found = runner(x=np.array([[1.5, 2.0]], np.float32))
    assert found["doubled"].tolist() == [[3.0, 4.0]]
    assert (tmp_path / "lite/assets/words.txt").read_text("utf-8") == "a\nb\n"


def test_a_form_that_is_not_made_here_is_named(saved: Path, tmp_path: Path) -> None:
    with tfx_importable(None):
        from tfx.components.trainer.rewriting import converters, rewriter, rewriter_factory

        with pytest.raises(InputError, match="put Headrace's component tfjs_converter behind"):
            rewriter_factory.create_rewriter(rewriter_factory.TFJS_REWRITER, name="js")
        made = rewriter_factory.create_rewriter("tflite", name="lite")
        with pytest.raises(InputError, match="makes TFLITE_MODEL of SAVED_MODEL, but got TFJS_MO"):
            converters.rewrite_saved_model(
                str(saved), str(tmp_path / "js"), made, rewriter.ModelType.TFJS_MODEL
            )
        with pytest.raises(InputError, match=r"has no saved_model\.pb\. Save the model there"):
            converters.rewrite_saved_model(
                str(tmp_path), str(tmp_path / "js"), made, rewriter.ModelType.TFLITE_MODEL
            )
    assert not (tmp_path / "js").exists()
