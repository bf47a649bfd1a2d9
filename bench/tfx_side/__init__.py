"""Programs that are measured in separate processes, with TFX's interpreter, without Headrace."""
