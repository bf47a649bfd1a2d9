"""Tests of preprocessing.py: `python -m models.preprocessing_test`."""

import unittest

import tensorflow as tf

from models import preprocessing


class PreprocessingTest(unittest.TestCase):
    """Columns with missing values."""

    def test_a_missing_value_is_the_default(self):
        """The second of three rows has no value."""
        column = tf.sparse.SparseTensor([[0, 0], [2, 0]], [1.5, 2.5], [3, 1])

        filled = preprocessing._filled(column, 0.0)

        self.assertEqual(filled.numpy().tolist(), [1.5, 0.0, 2.5])


if __name__ == "__main__":
    unittest.main()
