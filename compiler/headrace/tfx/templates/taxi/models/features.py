"""The columns of the data, and their names after Transform."""

# Numbers, which are scaled.
DENSE_FLOAT_FEATURE_KEYS = ["trip_miles", "fare"]
# Numbers in ranges, and into how many ranges of equal size they are cut.
BUCKET_FEATURE_KEYS = ["trip_start_hour"]
BUCKET_FEATURE_BUCKET_COUNT = 4
# Words, and how many of them have a number of their own; the others share some more.
VOCAB_FEATURE_KEYS = ["payment_type", "company"]
VOCAB_SIZE = 10
OOV_SIZE = 2
# 1 if the passenger gave a tip.
LABEL_KEY = "tipped"


def transformed_name(key):
    """Returns the name of a column after Transform."""
    return key + "_xf"


def transformed_names(keys):
    """Returns the names of columns after Transform."""
    return [transformed_name(key) for key in keys]
