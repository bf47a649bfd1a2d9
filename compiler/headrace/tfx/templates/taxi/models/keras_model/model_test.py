"""Tests of model.py: `python -m models.keras_model.model_test`."""

import unittest

from models import features
from models.keras_model import model


class ModelTest(unittest.TestCase):
    """The model before its training."""

    def test_it_reads_each_transformed_column(self):
        """A column that is forgotten would be noticed only in a worse model."""
        keys = (
            features.DENSE_FLOAT_FEATURE_KEYS
            + features.BUCKET_FEATURE_KEYS
            + features.VOCAB_FEATURE_KEYS
        )

        built = model._build_keras_model()

        self.assertEqual(set(built.input), set(features.transformed_names(keys)))


if __name__ == "__main__":
    unittest.main()
