"""TFX's protobuf messages, by the files that declare them."""
