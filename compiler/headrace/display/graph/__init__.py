"""The picture of a pipeline: layers of boxes, drawn as SVG on the server."""
