"""What runs in a process of its own to be measured, with TFX's interpreter; needs no Headrace."""
