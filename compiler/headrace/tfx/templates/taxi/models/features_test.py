"""Tests of features.py: `python -m models.features_test`."""

import unittest

from models import features


class FeaturesTest(unittest.TestCase):
    """The names of columns."""

    def test_a_column_has_another_name_after_transform(self):
        """A model must not take raw values for transformed ones."""
        keys = [*features.DENSE_FLOAT_FEATURE_KEYS, *features.VOCAB_FEATURE_KEYS]
        names = features.transformed_names(keys)

        self.assertEqual(len(set(names)), len(keys))
        self.assertTrue(set(names).isdisjoint(keys))


if __name__ == "__main__":
    unittest.main()
