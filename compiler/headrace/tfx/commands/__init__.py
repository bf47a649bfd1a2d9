"""TFX's command line: `tfx template`, `tfx pipeline` and `tfx run`, each for a command of ours."""
