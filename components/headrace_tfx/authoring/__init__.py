"""The parts of pipeline files: nodes, channels, pipelines, and components of authors."""
